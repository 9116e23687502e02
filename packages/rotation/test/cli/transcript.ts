import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { startKeychainSession } from '@keyfold/test-support'
import type { KeychainSession } from '@keyfold/test-support'
import { onTestFinished } from 'vitest'
import { kmsRotate } from './process.ts'
import { TranscriptKms } from './transcript-kms.ts'
import { fill, sql } from './workspace.ts'
import type { WorkspaceConfig } from './workspace.ts'

const KEYTAR_CHILD = join(import.meta.dirname, 'keytar-child.ts')

/**
 * Plays the commands of a transcript again in a fresh folder and gives the whole transcript as it is now. A line `$ …` is a command; below it
 * stand its stdout, its stderr behind `! `, and `[exit N]` where N is not 0. All else that begins with `#` is for the reader.
 */
export async function replay(transcript: string, folder: string, run: typeof kmsRotate = kmsRotate): Promise<string> {
  const parts: string[] = []
  const stage: Stage = { folder, run, keychain: undefined, kms: new TranscriptKms() }
  try {
    for (const line of transcript.split('\n')) {
      if (line.startsWith('#')) parts.push(line)
      else if (line.startsWith('$ ')) parts.push([line, ...(await play(words(stage.kms.arnsIn(line.slice(2))), stage))].join('\n'))
    }
  } finally {
    await stage.kms.close()
  }
  return `${parts.join('\n\n')}\n`
}

/** Words are parted by blanks; quotes of either kind keep them together. */
function words(line: string): string[] {
  return Array.from(line.matchAll(/"([^"]*)"|'([^']*)'|\S+/g), ([word, double, single]) => double ?? single ?? word)
}

/** Where a transcript plays. */
interface Stage {
  readonly folder: string
  readonly run: typeof kmsRotate
  readonly kms: TranscriptKms
  keychain: KeychainSession | undefined
}

async function play([verb = '', ...args]: readonly string[], stage: Stage): Promise<string[]> {
  const { folder, run, keychain, kms } = stage
  if (verb === 'keychain') return keychainHelper(args, stage)
  if (verb === 'kms') return kms.play(args)
  if (verb !== 'kms-rotate') return helper(verb, args, folder)
  const { code, stdout, stderr } = await run(folder, args, { env: { ...keychain?.env, ...kms.env } })
  return normalise(
    [
      ...textLines(stdout),
      ...textLines(stderr).map((text) => (text === '' ? '!' : `! ${text}`)),
      ...(code === 0 ? [] : [`[exit ${code}]`]),
    ].map((line) => kms.namesIn(line)),
    folder,
  )
}

/** The few things that a transcript does beside `kms-rotate`. */
function helper(verb: string, args: readonly string[], folder: string): string[] {
  const [first = ''] = args
  if (verb === 'customers') fill(join(folder, 'app.db'), Number(first))
  else if (verb === 'sql') return sql(join(folder, 'app.db'), first).map((row) => JSON.stringify(row))
  else if (verb === 'ledger') sql(join(folder, 'kms-rotate.ledger.db'), first)
  else if (verb === 'active') configure(folder, ({ keyring }) => Object.assign(keyring, { active: first, decryptOnly: args.slice(1) }))
  else if (verb === 'policy') configure(folder, (config) => (config.policy = JSON.parse(first) as object))
  else if (verb === 'branch') configure(folder, (config) => (config.branchKeys = JSON.parse(first) as object))
  else if (verb === 'set') configure(folder, (config) => setAt(config, first.split('.'), args[1]!))
  else if (verb === 'aws-kms') configure(folder, (config) => (config.awsKms = JSON.parse(first) as object))
  else if (verb === 'rm') rmSync(join(folder, first))
  else if (verb === 'ls') return readdirSync(folder).sort()
  else throw new Error(`a transcript has no command ${verb}`)
  return []
}

/**
 * `keychain new` is a machine whose keychain is empty and unlocked, `keychain lock` locks it, `keychain keytar KEY` is an application that makes
 * a key with keytar.
 */
async function keychainHelper([verb, key = '']: readonly string[], stage: Stage): Promise<string[]> {
  if (verb === 'new') {
    const session = (stage.keychain = await startKeychainSession())
    onTestFinished(() => session.stop())
  } else if (verb === 'lock') stage.keychain!.lock()
  else if (verb === 'keytar') {
    const args = ['--conditions=@keyfold/source', '--disable-warning=ExperimentalWarning', KEYTAR_CHILD, key]
    execFileSync(process.execPath, args, { env: stage.keychain!.env, stdio: 'inherit' })
  } else throw new Error(`a transcript has no keychain ${verb}`)
  return []
}

function configure(folder: string, change: (config: WorkspaceConfig) => void): void {
  const file = join(folder, 'kms-rotate.config.json')
  const config = JSON.parse(readFileSync(file, 'utf8')) as WorkspaceConfig
  change(config)
  writeFileSync(file, JSON.stringify(config, null, 2))
}

function setAt(target: object, [name = '', ...rest]: readonly string[], value: string): void {
  const fields = target as Record<string, unknown>
  if (rest.length === 0) fields[name] = value
  else setAt(fields[name] as object, rest, value)
}

function textLines(text: string): string[] {
  return text === '' ? [] : text.replace(/\n$/, '').split('\n')
}

/** What differs from run to run: keys, times, speeds, the folder. */
function normalise(lines: readonly string[], folder: string): string[] {
  const now = new Date()
  const quarter = `${now.getUTCFullYear()}q${Math.floor(now.getUTCMonth() / 3) + 1}`
  return lines.map((line) =>
    line
      .replaceAll(folder, '<folder>')
      .replaceAll(quarter, '<quarter>')
      .replace(/\b[0-9a-f]{64}\b/g, '<sha256>')
      .replace(/\b[0-9a-f]{24}\b/g, '<key id>')
      .replace(/\b(?!0{12})[0-9a-f]{12}\b/g, '<material>')
      .replace(/\d{4}-\d\d-\d\d(T[\d:.]+Z)?/g, '<time>')
      .replace(/[\d,]+\/s/g, '<rate>/s')
      .replace(/about [\d.,]+ (s|ms|min|h)\b/g, 'about <duration>')
      .replace(/rec:[0-9a-f]{16}/g, '<record>')
      .replaceAll(`"by":"${userInfo().username}"`, '"by":"<user>"'),
  )
}
