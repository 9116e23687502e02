import { spawnSync } from 'node:child_process'
import { copyFileSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { corpus, repositoryRoot, temporaryFolder } from '@keyfold/test-support'
import Database from 'better-sqlite3'
import { expect, onTestFinished, test } from 'vitest'

/** `npm run quickstart -- ARGS`, as it runs once everything is installed. */
function quickstart(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const command = ['tools/bootstrap.mjs', '--built', '--run', 'examples/quickstart/main.ts', ...args]
  const run = spawnSync(process.execPath, command, { cwd: repositoryRoot, encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: '' } })
  const folder = /Everything lies in (quickstart-out\/\d+):/.exec(run.stdout)?.[1]
  if (folder !== undefined) onTestFinished(() => rmSync(join(repositoryRoot, folder), { recursive: true }))
  return run
}

test('the quickstart seals, rotates and retires on a copy of a live database, whose files it leaves alone', (context) => {
  const path = join(temporaryFolder(), 'own.db')
  copyFileSync(corpus(context, 'sqlite', 'Chinook_Sqlite.sqlite'), path)
  const live = new Database(path)
  onTestFinished(() => void live.close())
  live.pragma('journal_mode = WAL')
  live.exec("INSERT INTO Customer (CustomerId, FirstName, LastName, Email) VALUES (1000, 'In', 'The Log', 'log@example.org')")
  const files = [path, `${path}-wal`]
  const before = files.map((file) => readFileSync(file))

  const { status, stdout } = quickstart('--db', path, '--table', 'Customer', '--id', 'CustomerId', '--columns', 'FirstName,LastName,Email')
  expect(status).toBe(0)
  expect(stdout).toMatch(/Customer\.Email +60 +0 +0 +0 +60/) // 59 and the one in the log
  expect(stdout).toMatch(/key-file:2026q3 +disabled +0/)
  expect(files.map((file) => readFileSync(file))).toEqual(before)
})

test.each([
  [['--db', 'none.db', '--table', 't', '--id', 'i', '--columns', 'c'], 'none.db cannot be opened'],
  [['--db', 'none.db'], 'needs --db, --table, --id and --columns'],
  [['--tabel', 't'], "Unknown option '--tabel'"],
])('the quickstart refuses %j and writes nothing', (args, fact) => {
  const { status, stdout, stderr } = quickstart(...args)
  expect([status, stdout]).toEqual([1, ''])
  expect(stderr).toContain(fact)
})
