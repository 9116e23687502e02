/** `keys destroy`, killed at each of its steps: what is left is true, and the same command completes it with one receipt. */
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { repositoryRoot, requireOrSkip, temporaryFolder } from '@keyfold/test-support'
import Sqlite from 'better-sqlite3'
import { beforeEach, expect, test } from 'vitest'
import type { FileCall } from '../fault/inject.ts'
import { callsOf, runFaulty } from '../fault/inject.ts'
import { canStrace, runVictim } from './victim.ts'
import { createWorld, keyOf, ledgerOf, makeActive } from './world.ts'

const MAIN = join(repositoryRoot, 'packages/rotation/src/cli/main.ts')
const DESTROY = ['keys', 'destroy', 'key-file:k0', '--confirm', 'key-file:k0', '--out', 'receipt.json', '--json']

/** The command from its sources, compiled once for each test. */
const program = { options: ['--conditions=@keyfold/source', '--disable-warning=ExperimentalWarning'], main: MAIN, env: process.env }
beforeEach(() => void (program.env = { ...process.env, NODE_COMPILE_CACHE: temporaryFolder() }))

async function done(folder: string, args: readonly string[]): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await runVictim(program, folder, [...args, ...(args.includes('--json') ? [] : ['--json'])], 'never')
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as Record<string, unknown>
}

/** A folder in which k0 was rotated away and retired, without a cool-off. */
async function retired(listed: boolean): Promise<string> {
  const folder = join(temporaryFolder(), 'work')
  mkdirSync(folder)
  createWorld(folder, 20, 'WAL')
  makeActive(folder, 0, 'keyring')
  await done(folder, ['run'])
  makeActive(folder, 1, 'keyring')
  await done(folder, ['run'])
  await done(folder, ['retire', 'key-file:k0'])
  const file = join(folder, 'kms-rotate.config.json')
  const config = JSON.parse(readFileSync(file, 'utf8')) as { keyring: { decryptOnly: string[] } }
  if (!listed) config.keyring.decryptOnly = []
  writeFileSync(file, JSON.stringify({ ...config, policy: { coolOffDays: 0 } }))
  return folder
}

function copyOf(folder: string): string {
  const copy = join(temporaryFolder(), 'work')
  cpSync(folder, copy, { recursive: true })
  return copy
}

/** Before and after each commit of the ledger, around each step that is taken on the key's file, and around the printing of the receipt. */
function steps(calls: readonly FileCall[]): FileCall[] {
  const isEnd = ({ call }: FileCall): boolean => call === 'unlink' || call === 'rename' || call === 'write'
  // Until it is renamed, the file of the receipt has a random name, by which its writes cannot be told from others.
  const named = calls.filter(({ call, file }) => !(call === 'write' && file.endsWith('.tmp')))
  return named.filter((one, i) => isEnd(one) || named[i - 1]?.call === 'unlink' || one.file.endsWith('k0.key'))
}

interface Found {
  readonly state: string
  readonly destroyed: number
  readonly receipts: ReadonlyArray<{ readonly destroyedAt: string; readonly material: { readonly outcome: string } }>
  /** Whether the key's bytes are still in its file. */
  readonly isThere: boolean
}

/** What ledger and disk say, of a copy: the next command is to meet what the dead one left. */
function look(folder: string): Found {
  const copy = copyOf(folder)
  const db = new Sqlite(ledgerOf(copy))
  const receipts = db.prepare('SELECT document FROM key_receipts').pluck().all() as string[]
  const found = {
    state: db.prepare("SELECT state FROM keys WHERE id = 'key-file:k0'").pluck().get() as string,
    destroyed: db.prepare("SELECT count(*) FROM key_changes WHERE state = 'destroyed'").pluck().get() as number,
    receipts: receipts.map((document) => JSON.parse(document) as Found['receipts'][number]),
    isThere: existsSync(keyOf(copy, 0)) && readFileSync(keyOf(copy, 0)).some((byte) => byte !== 0),
  }
  db.close()
  return found
}

/** Nothing that is recorded is untrue, and nothing is gone that is not recorded. */
function liesIn({ state, destroyed, receipts, isThere }: Found): string[] {
  const outcome = receipts[0]?.material.outcome
  const lies: ReadonlyArray<readonly [isOne: boolean, what: string]> = [
    [!isThere && state !== 'destroyed', `the key is gone and the ledger calls it ${state}`],
    [state === 'destroyed' && (destroyed !== 1 || receipts.length !== 1), `${destroyed} changes, ${receipts.length} receipts`],
    [state !== 'destroyed' && receipts.length > 0, 'a receipt for a key that is not destroyed'],
    [outcome === 'destroyed' && isThere, 'the receipt says destroyed, and the key is there'],
    [outcome === 'absent', 'the receipt says that no key was there'],
    [outcome === 'kept' && !isThere, 'the receipt says kept, and the key is gone'],
  ]
  return lies.flatMap(([isOne, what]) => (isOne ? [what] : []))
}

/** Kills the command at each step of its own; afterwards the same command completes. Gives the states in which it died. */
async function killAtEachStep(template: string, args: readonly string[]): Promise<Set<string>> {
  const seen = new Set<string>()
  const counted = copyOf(template)
  for (const { call, when, nth, file } of steps(await callsOf(program, counted, args))) {
    const where = `${call} ${nth} on ${file.split('/').at(-1)}`
    const folder = copyOf(template)
    const at = call === 'write' ? { when: nth, on: resolve(folder, relative(counted, resolve(counted, file))) } : { when }
    expect((await runFaulty(program, folder, args, { call, error: 'KILL', ...at })).signal, where).toBe('SIGKILL')
    const dead = look(folder)
    expect(liesIn(dead), where).toEqual([])
    seen.add(`${dead.state} ${dead.receipts[0]?.material.outcome ?? '-'} ${dead.isThere ? 'there' : 'gone'}`)
    const { receipt } = (await done(folder, args)) as { receipt: Found['receipts'][number] }
    const now = look(folder)
    expect(now, where).toMatchObject({ state: 'destroyed', destroyed: 1, isThere: false, receipts: [{ material: { outcome: 'destroyed' } }] })
    expect(liesIn(now), where).toEqual([])
    expect(existsSync(keyOf(folder, 0)), where).toBe(false)
    // one receipt: in the ledger, printed and in the file, and that of the dead command where it had come to that
    expect([receipt, JSON.parse(readFileSync(join(folder, 'receipt.json'), 'utf8'))], where).toEqual([now.receipts[0], now.receipts[0]])
    if (dead.receipts[0] !== undefined) expect(now.receipts[0]!.destroyedAt, where).toBe(dead.receipts[0].destroyedAt)
  }
  return seen
}

const PATIENCE = { timeout: 300_000 }

test('keys destroy, killed at each of its steps, leaves what is true, and the same command completes it', PATIENCE, async (context) => {
  requireOrSkip(context, canStrace(), 'strace is not installed or may not trace (Debian: strace)')
  const seen = await killAtEachStep(await retired(true), DESTROY)
  expect(seen).toEqual(new Set(['disabled - there', 'destroyed pending there', 'destroyed pending gone', 'destroyed destroyed gone']))
})

test('so does one that is told later where the key is that it kept', PATIENCE, async (context) => {
  requireOrSkip(context, canStrace(), 'strace is not installed or may not trace (Debian: strace)')
  const template = await retired(false)
  expect(await done(template, DESTROY)).toMatchObject({ outcome: 'destroyed', receipt: { material: { outcome: 'kept', place: null } } })
  const seen = await killAtEachStep(template, [...DESTROY, '--material', 'key-file:./k0.key'])
  expect(seen).toEqual(
    new Set(['destroyed kept there', 'destroyed pending there', 'destroyed pending gone', 'destroyed destroyed gone']),
  )
})
