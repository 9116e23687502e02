/** Abuse case 25: a write that the disk refuses, at every place, leaves the old rows or the new ones. */
import { createKeyring, sealSync } from '@keyfold/core'
import { createKeyFile, keyFile } from '@keyfold/core/key-file'
import { repositoryRoot, requireOrSkip, temporaryFolder } from '@keyfold/test-support'
import Database from 'better-sqlite3'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { C, readAll, storeOf } from './rotating.ts'
import { canInject, errorOf, newDatabase, newKeyring, NO_STRACE } from './support.ts'

const CHILD = join(repositoryRoot, 'packages/sqlite/test/children/faulty-writes.ts')
const ROWS = 120

describe('abuse 25: no page more, from the first to the last', () => {
  test.each(['WAL', 'DELETE'])('SQLITE_FULL at every page of a first sealing (%s)', (mode) => {
    const codes = new Set<string>()
    const keyring = newKeyring()
    const db = newDatabase(`PRAGMA journal_mode = ${mode}; CREATE TABLE t (id INTEGER PRIMARY KEY, c TEXT)`)
    const insert = db.prepare('INSERT INTO t (c) VALUES (?)')
    for (let i = 0; i < ROWS; i++) insert.run(`plain-${i}`)
    const store = storeOf(db)
    const changes = readAll(store).map((record) => ({ record, envelope: sealSync(keyring, record.value, record.context) }))
    const start = Number(db.pragma('page_count', { simple: true }))
    for (let more = 0; ; more++) {
      db.pragma(`max_page_count = ${start + more}`)
      const before = db.prepare('SELECT * FROM t').all()
      try {
        expect(store.write(C, changes)).toBe(ROWS)
        break
      } catch {
        codes.add(errorOf(() => store.write(C, changes)).code)
        expect(db.inTransaction).toBe(false)
        expect(db.pragma('integrity_check', { simple: true })).toBe('ok')
        expect(db.prepare('SELECT * FROM t').all()).toEqual(before)
      }
      expect(more).toBeLessThan(100)
    }
    expect([...codes]).toEqual(['ERR_SQLITE_FULL'])
    expect(readAll(store).every(({ sealed }) => sealed)).toBe(true)
  })

  test('an index that finds no room is not there afterwards', () => {
    const db = newDatabase('CREATE TABLE t (id INTEGER PRIMARY KEY, c TEXT)')
    const insert = db.prepare('INSERT INTO t (c) VALUES (?)')
    for (let i = 0; i < 2000; i++) insert.run('plain')
    const store = storeOf(db)
    db.pragma(`max_page_count = ${Number(db.pragma('page_count', { simple: true })) + 1}`)
    expect(errorOf(() => store.prepare()).code).toBe('ERR_SQLITE_FULL')
    expect(db.pragma('integrity_check', { simple: true })).toBe('ok')
    db.pragma('max_page_count = 100000')
    store.prepare()
    expect(store.census(C).plaintext).toBe(2000)
  })
})

/** A sealed database, its key, and a run of the child over it. */
function sealedFile(mode: string) {
  const folder = temporaryFolder()
  const [path, key] = [join(folder, 'app.db'), join(folder, 'k1.key')]
  createKeyFile(key)
  const keyring = createKeyring({ active: keyFile(key) })
  const db = new Database(path)
  db.exec(`PRAGMA journal_mode = ${mode}; CREATE TABLE t (id INTEGER PRIMARY KEY, c BLOB)`)
  const insert = db.prepare('INSERT INTO t VALUES (?, ?)')
  for (let id = 1; id <= ROWS; id++) insert.run(id, Buffer.from(sealSync(keyring, '0:', { table: 't', column: 'c', id: `integer:${id}` })))
  db.close()
  const check = () => {
    const after = new Database(path)
    expect(after.pragma('integrity_check', { simple: true })).toBe('ok')
    after.close()
  }
  return { path, check, command: [process.execPath, '--conditions=@keyfold/source', CHILD, path, key] }
}

const run = promisify(execFile)


async function faultyRun(file: string, args: readonly string[]) {
  const { stdout } = await run(file, args)
  return JSON.parse(stdout) as { outcomes: Record<string, number>; torn: number[][] }
}

describe('abuse 25: the system refuses writes', () => {
  test.each(['WAL', 'DELETE'])('a file that may not grow past a limit (%s)', async (mode) => {
    const { check, command } = sealedFile(mode)
    // In blocks of 1,024 bytes. Node ignores the signal that comes with it, so the call fails with EFBIG.
    for (const limit of [32, 48]) {
      const { outcomes, torn } = await faultyRun('bash', ['-c', `ulimit -f ${limit}; exec "$@"`, 'bash', ...command, '2'])
      expect(torn).toEqual([])
      expect(Object.keys(outcomes)).toEqual(['ERR_SQLITE_IO'])
      check()
    }
  })

  test.for([
    ['WAL', 'pwrite64', 'ENOSPC', '9+23', 'ERR_SQLITE_FULL'],
    ['WAL', 'pwrite64', 'EIO', '11+29', 'ERR_SQLITE_IO'],
    ['DELETE', 'pwrite64', 'ENOSPC', '9+23', 'ERR_SQLITE_FULL'],
    ['DELETE', 'pwrite64', 'EIO', '11+29', 'ERR_SQLITE_IO'],
    ['DELETE', 'fdatasync,fsync', 'EIO', '2+3', 'ERR_SQLITE_IO'],
  ] as const)('%s: calls of %s fail with %s, at %s', async ([mode, calls, error, when, code], context) => {
    requireOrSkip(context, canInject(), NO_STRACE)
    const { check, command } = sealedFile(mode)
    const args = [
      '-f',
      '-qq',
      '-o',
      '/dev/null',
      '--seccomp-bpf',
      '-e',
      `trace=${calls}`,
      '-e',
      `inject=${calls}:error=${error}:when=${when}`,
    ]
    const { outcomes, torn } = await faultyRun('strace', [...args, ...command, '20'])
    expect(torn).toEqual([])
    expect(outcomes[code]).toBeGreaterThan(2)
    check()
  })
})
