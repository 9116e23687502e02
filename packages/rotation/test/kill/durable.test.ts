/** What a power cut must not turn around: a checkpoint that is on the disk speaks of rows that are on the disk. */
import { mkdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { repositoryRoot, requireOrSkip, temporaryFolder } from '@keyfold/test-support'
import { expect, test } from 'vitest'
import { callsOf } from '../fault/inject.ts'
import { SCENES } from '../fault/scenes.ts'
import { canStrace } from './victim.ts'
import { databaseOf, ledgerOf } from './world.ts'

const program = {
  options: ['--conditions=@keyfold/source', '--disable-warning=ExperimentalWarning'],
  main: join(repositoryRoot, 'packages/rotation/src/cli/main.ts'),
  env: process.env,
}

test.for(['compromise', 'rewrap'])('%s: rows are on the disk before the ledger speaks of them', { timeout: 60_000 }, async (name, context) => {
  requireOrSkip(context, canStrace(), 'strace is not installed or may not trace (Debian: strace)')
  const scene = SCENES.find((one) => one.name === name)!
  const folder = join(temporaryFolder(), 'work')
  mkdirSync(folder)
  await scene.prepare(program, folder)
  const [log, ledger] = [`${basename(databaseOf(folder))}-wal`, basename(ledgerOf(folder))]
  let [pending, seen, early] = [false, 0, 0]
  for (const { call, file } of await callsOf(program, folder, scene.args)) {
    const isSync = call === 'fsync' || call === 'fdatasync'
    // the log is cut short once all of it is in the database, which was synced
    if (basename(file) === log) pending = !isSync && call !== 'ftruncate'
    else if (basename(file) === ledger && !isSync) {
      seen += 1
      if (pending) early += 1
    }
  }
  expect(seen).toBeGreaterThan(10)
  expect(early).toBe(0)
})
