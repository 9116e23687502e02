/** The rows of the crash table in docs/rotation.md that a first run and `retire` can meet, each reached by a kill at a step of its own. */
import { cpSync, existsSync, mkdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { repositoryRoot, requireOrSkip, temporaryFolder } from '@keyfold/test-support'
import Sqlite from 'better-sqlite3'
import { expect, test } from 'vitest'
import type { FileCall } from '../fault/inject.ts'
import { callsOf, runFaulty } from '../fault/inject.ts'
import type { Scene } from '../fault/scenes.ts'
import { SCENES } from '../fault/scenes.ts'
import { createOldLedger } from './old-ledger.ts'
import { canStrace, runVictim } from './victim.ts'
import { databaseOf, ledgerOf } from './world.ts'

const MAIN = join(repositoryRoot, 'packages/rotation/src/cli/main.ts')
const LANES = 2

/** Where a run goes over from one file to another, and each end of a transaction. */
function steps(calls: readonly FileCall[]): FileCall[] {
  const mainFile = ({ file }: FileCall): string => basename(file).replace(/-\w+$/, '')
  const isEnd = ({ call, file }: FileCall): boolean => (call === 'unlink' || call === 'ftruncate') && !file.endsWith('-shm')
  return calls.filter((one, i) => isEnd(one) || i === 0 || mainFile(one) !== mainFile(calls[i - 1]!))
}

/** What a dead run left, of a copy: the next one is to meet it as it is. */
function rowOf(folder: string): string {
  const copy = copyOf(folder)
  const path = ledgerOf(copy)
  if (!existsSync(path)) return 'before the ledger is made'
  const [ledger, db] = [new Sqlite(path), new Sqlite(databaseOf(copy))]
  try {
    const count = (of: Sqlite.Database, sql: string): number => of.prepare(`SELECT ${sql}`).pluck().get() as number
    if (count(ledger, 'count(*) FROM sqlite_schema') === 0) return 'while the ledger is made'
    const version = ledger.pragma('user_version', { simple: true })
    if (version === 1) return 'while an older ledger is brought up to date'
    if (count(ledger, 'count(*) FROM rotations') === 0) return 'before the rotation stands in the ledger'
    const indexes = count(db, "count(*) FROM sqlite_schema WHERE type = 'index' AND name LIKE 'keyfold_key_id_%'")
    if (indexes === 0) return 'before or while the index is made'
    const written = count(db, 'count(*) FROM writes')
    const saved = count(ledger, 'coalesce(sum(sealed), 0) FROM shards')
    // it may lag, it never leads
    expect(saved).toBeLessThanOrEqual(written)
    const scrubs = count(ledger, 'count(*) FROM pending_scrubs')
    const isOpen = count(ledger, 'count(*) FROM rotations WHERE finished_at IS NULL') > 0
    if (written > 0 && isOpen) expect(scrubs).toBe(1)
    if (written === 0) return 'during the key work of a batch'
    if (isOpen) return saved < written ? 'after the batch, before its checkpoint' : 'between batches, or after the last row'
    return scrubs > 0 ? 'before or during the scrub' : 'after the note is struck out'
  } finally {
    ledger.close()
    db.close()
  }
}

function copyOf(folder: string): string {
  const copy = join(temporaryFolder(), 'work')
  cpSync(folder, copy, { recursive: true })
  return copy
}

interface Killing {
  readonly scene: Scene
  /** Changes what the scene prepared. */
  readonly amend?: (folder: string) => void
  /** Which of the steps; all of them where it is left out. */
  readonly among?: (step: FileCall, index: number) => boolean
  readonly row: (folder: string) => string
}

/** Kills a command at each of its steps, and runs it again, which must complete. Gives the rows that were met. */
async function killAtEachStep({ scene, amend, among = () => true, row }: Killing): Promise<Set<string>> {
  const program = {
    options: ['--conditions=@keyfold/source', '--disable-warning=ExperimentalWarning'],
    main: MAIN,
    env: { ...process.env, NODE_COMPILE_CACHE: temporaryFolder() },
  }
  const template = join(temporaryFolder(), 'work')
  mkdirSync(template)
  await scene.prepare(program, template)
  amend?.(template)
  forgetWrites(template)
  const seen = new Set<string>()
  const calls = (await callsOf(program, copyOf(template), scene.args)).filter(({ file }) => /\.db(?:-\w+)?$/.test(file))
  const left = steps(calls).filter(among).values()
  const lane = async (): Promise<void> => {
    for (const { call, when, file } of left) {
      const where = `${call} ${when} on ${basename(file)}`
      const folder = copyOf(template)
      expect((await runFaulty(program, folder, scene.args, { call, when, error: 'KILL' })).signal, where).toBe('SIGKILL')
      seen.add(row(folder))
      const { code, stderr } = await runVictim(program, folder, scene.args, 'never')
      expect({ code, stderr: code === 0 ? '' : stderr }, where).toEqual({ code: 0, stderr: '' })
      expect(await scene.check(folder), where).toEqual([])
      const db = new Sqlite(databaseOf(folder), { readonly: true })
      expect(db.prepare('SELECT times FROM again').pluck().get(), `${where}: written twice`).toBe(0)
      db.close()
    }
  }
  await Promise.all(Array.from({ length: LANES }, lane))
  return seen
}

/** What the preparation wrote counts for nothing. */
function forgetWrites(folder: string): void {
  const db = new Sqlite(databaseOf(folder))
  db.exec('DELETE FROM writes; UPDATE again SET times = 0')
  db.close()
}

function sceneOf(name: string): Scene {
  return SCENES.find((scene) => scene.name === name)!
}

const PATIENCE = { timeout: 300_000 }

test('a first run, killed at each of its steps, meets every row of the crash table, and the next one completes', PATIENCE, async (context) => {
  requireOrSkip(context, canStrace(), 'strace is not installed or may not trace (Debian: strace)')
  const seen = await killAtEachStep({ scene: sceneOf('first run, ledger made'), row: rowOf })
  expect([...seen].sort()).toEqual(
    [
      'before the ledger is made',
      'while the ledger is made',
      'before the rotation stands in the ledger',
      'before or while the index is made',
      'during the key work of a batch',
      'after the batch, before its checkpoint',
      'between batches, or after the last row',
      'before or during the scrub',
      'after the note is struck out',
    ].sort(),
  )
})

test('killed while an older ledger is brought up to date, a run leaves the old version or the new one', PATIENCE, async (context) => {
  requireOrSkip(context, canStrace(), 'strace is not installed or may not trace (Debian: strace)')
  const amend = (folder: string): void => createOldLedger(ledgerOf(folder))
  const among = ({ file }: FileCall, i: number): boolean => i < 6 && file.includes('ledger')
  const seen = await killAtEachStep({ scene: sceneOf('first run, ledger made'), amend, among, row: rowOf })
  expect(seen).toEqual(new Set(['while an older ledger is brought up to date', 'before the rotation stands in the ledger']))
})

test('retire, killed before, while and after it writes, leaves the key as it was or disabled; run again it completes', PATIENCE, async (context) => {
  requireOrSkip(context, canStrace(), 'strace is not installed or may not trace (Debian: strace)')
  const state = (folder: string): string => {
    const db = new Sqlite(ledgerOf(copyOf(folder)))
    const found = db.prepare("SELECT state FROM keys WHERE id = 'key-file:k0'").pluck().get() as string
    db.close()
    return found
  }
  expect(await killAtEachStep({ scene: sceneOf('retire'), row: state })).toEqual(new Set(['decrypt-only', 'disabled']))
})
