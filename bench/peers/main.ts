// main.ts [--quick]: prints the section of the peers as JSON. A library that does not load stands in the notes with the error that it gave.
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Effort } from '../interleave.ts'
import { QUICK } from '../interleave.ts'
import type { Figure, Result, Section } from '../report.ts'
import { SIZES } from '../suite.ts'
import { benchDatabase } from './database.ts'
import type { Peer } from './peer.ts'
import { benchPeers } from './records.ts'

/** Some take milliseconds a record: shorter rounds, so that all of them fit into a few minutes. */
const PEERS_EFFORT: Effort = { rounds: 61, fewest: 11, budgetMs: 3000, roundMs: 4, warmMs: 100 }
const quick = process.argv.includes('--quick')
const effort = quick ? QUICK : PEERS_EFFORT
const notes: string[] = []

const loaders: ReadonlyArray<readonly [library: string, load: () => Promise<readonly Peer[]>]> = [
  ['@aws-crypto/client-node', async () => (await import('./aws-encryption-sdk.ts')).load()],
  ['jose', async () => (await import('./jose.ts')).load()],
  ['@47ng/cloak', async () => (await import('./cloak.ts')).load()],
  ['sodium-native', async () => (await import('./sodium-native.ts')).load()],
  ['libsodium-wrappers', async () => (await import('./libsodium.ts')).load()],
  ['age-encryption', async () => (await import('./age.ts')).load()],
  ['mongodb-client-encryption', async () => (await import('./mongodb.ts')).load()],
]

const peers: Peer[] = []
for (const [library, load] of loaders) {
  const loaded = await orNote(library, load)
  if (loaded === undefined) continue
  notes.push(`${library} ${versionOf(library)}`)
  peers.push(...loaded)
}

const results: Result[] = []
const figures: Figure[] = []
for (const [size, length] of SIZES) {
  const [some, sizes] = await benchPeers(peers, size, randomBytes(length), effort)
  results.push(...some)
  if (size === '256 B') figures.push(...sizes)
}
const database = 'better-sqlite3-multiple-ciphers'
results.push(...((await orNote(database, () => benchDatabase(effort))) ?? []))
const section: Section = {
  title: 'The libraries that one would pick instead',
  floor: 'records: the calls that format v1 needs, for everybody; SQLite: the same column in clear',
  results, figures, notes,
}
process.stdout.write(JSON.stringify(section), () => process.exit(0)) // the emulator would keep it alive

async function orNote<T>(library: string, load: () => Promise<T>): Promise<T | undefined> {
  try {
    return await load()
  } catch (error) {
    const { message } = error as Error
    notes.push(`${library} is not in the table: ${withoutPaths(message.split('\n')[0]!)}${installError(library)}`)
    return undefined
  }
}

/** Whose machine it is says nothing about the library. */
function withoutPaths(text: string): string {
  return text.replaceAll(join(import.meta.dirname, '..', '..'), '.')
}

/** What its own install script said, where it has one that failed. */
function installError(library: string): string {
  const log = join(import.meta.dirname, 'node_modules', '.install-log')
  if (!existsSync(log)) return ''
  const lines = readFileSync(log, 'utf8').split('\n').filter((line) => line.includes(library) && /warn install|ERR! stack Error|error: /.test(line))
  return lines.length === 0 ? '' : `; its install script: ${lines.map((line) => line.replace(/^.*?install: /, '').trim()).join('; ')}`
}

function versionOf(library: string): string {
  const manifest = join(import.meta.dirname, 'node_modules', library, 'package.json')
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version
}
