import { repositoryRoot, requireOrSkip } from '@keyfold/test-support'
import Database from 'better-sqlite3'
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { rotateColumn, storeOf } from './rotating.ts'
import { canInject, connect, errorOf, filesHolding, newDatabase, newKeyring, NO_STRACE } from './support.ts'

const SECRET = 'plain-secret-'

/** A table whose plaintext went through updates, deletions and page splits before it was sealed. */
function sealedDatabase(pragma: string): Database.Database {
  const db = newDatabase(`${pragma}; CREATE TABLE t (id INTEGER PRIMARY KEY, c TEXT, filler)`)
  const insert = db.prepare('INSERT INTO t (c, filler) VALUES (?, zeroblob(?))')
  db.transaction(() => {
    for (let i = 0; i < 400; i++) insert.run(`${SECRET}${i}`.repeat(i % 50 === 0 ? 500 : 1), (i * 7919) % 900)
  })()
  db.exec(`DELETE FROM t WHERE id % 5 = 0; UPDATE t SET c = '${SECRET}again' || id WHERE id % 3 = 0`)
  return db
}

describe('after a first sealing no plaintext is left in any file', () => {
  test.each(['WAL', 'DELETE', 'TRUNCATE', 'PERSIST', 'MEMORY'])('journal mode %s', (mode) => {
    const db = sealedDatabase(`PRAGMA journal_mode = ${mode}`)
    const store = storeOf(db)
    store.prepare()
    rotateColumn(store, newKeyring(), undefined, 100)
    expect(filesHolding(db.name, SECRET)).not.toEqual([])
    expect(store.scrub()).toEqual([])
    expect(filesHolding(db.name, SECRET)).toEqual([])
    expect(db.pragma('integrity_check', { simple: true })).toBe('ok')
    expect(store.scrub()).toEqual([])
  })

  test('secure_delete alone is not enough', () => {
    const db = sealedDatabase('PRAGMA journal_mode = WAL; PRAGMA secure_delete = ON')
    rotateColumn(storeOf(db), newKeyring(), undefined, 100)
    expect(filesHolding(db.name, SECRET)).not.toEqual([])
  })
})

describe('what remains is named instead of failing', () => {
  test('another connection reads an older state of the log', () => {
    const db = sealedDatabase('PRAGMA journal_mode = WAL')
    db.pragma('busy_timeout = 50')
    const store = storeOf(db)
    const reader = connect(db)
    reader.exec('BEGIN')
    reader.prepare('SELECT count(*) FROM t').get()
    rotateColumn(store, newKeyring(), undefined, 100)
    expect(store.scrub()).toEqual([expect.stringMatching(/write-ahead log .* another connection is reading/)])
    expect(filesHolding(db.name, SECRET)).not.toEqual([])
    reader.exec('COMMIT')
    expect(store.scrub()).toEqual([])
    expect(filesHolding(db.name, SECRET)).toEqual([])
  })

  test.each(['WAL', 'DELETE'])('another connection holds a lock (%s)', (mode) => {
    const db = sealedDatabase(`PRAGMA journal_mode = ${mode}`)
    db.pragma('busy_timeout = 50')
    const store = storeOf(db)
    rotateColumn(store, newKeyring(), undefined, 100)
    const writer = connect(db)
    writer.exec('BEGIN IMMEDIATE')
    expect(store.scrub()).toEqual([expect.stringMatching(/VACUUM did not run, since another connection holds a lock/)])
    writer.exec('ROLLBACK')
    expect(store.scrub()).toEqual([])
  })

  test.for([
    ['ENOSPC', /VACUUM did not run, since the disk has no room/], ['EIO', /VACUUM did not run, since the disk or file system failed/],
  ] as const)('the disk refuses the copy with %s', ([error, sentence], context) => {
    requireOrSkip(context, canInject(), NO_STRACE)
    const db = sealedDatabase('PRAGMA journal_mode = WAL')
    const store = storeOf(db)
    rotateColumn(store, newKeyring(), undefined, 100)
    const child = join(repositoryRoot, 'packages/sqlite/test/children/scrub.ts')
    const faults = ['-f', '-qq', '-o', '/dev/null', '--seccomp-bpf', '-e', `inject=pwrite64:error=${error}:when=20+`]
    const { stdout } = spawnSync('strace', [...faults, process.execPath, '--conditions=@keyfold/source', child, db.name], { encoding: 'utf8' })
    expect(JSON.parse(stdout)).toEqual([expect.stringMatching(sentence)])
    expect(db.pragma('integrity_check', { simple: true })).toBe('ok')
    expect(store.scrub()).toEqual([])
    expect(filesHolding(db.name, SECRET)).toEqual([])
  })

  test('a journal that somebody left', () => {
    const db = sealedDatabase('PRAGMA journal_mode = WAL')
    const store = storeOf(db)
    rotateColumn(store, newKeyring(), undefined, 100)
    writeFileSync(`${db.name}-journal`, SECRET)
    expect(store.scrub()).toEqual([expect.stringMatching(/journal .*app\.db-journal is not empty \(13 bytes\)/)])
  })
})

describe('rows that a full-text table refers to by number keep their numbers', () => {
  const FTS = (content: string) =>
    `CREATE VIRTUAL TABLE f USING fts5(body, content='${content}'); INSERT INTO f (rowid, body) SELECT rowid, body FROM docs`

  test('VACUUM is left out, and why is said', () => {
    const db =
      newDatabase(`CREATE TABLE docs (body); INSERT INTO docs VALUES ('one'), ('two'), ('three'); DELETE FROM docs WHERE rowid = 1; ${FTS('docs')};
      CREATE TABLE t (id INTEGER PRIMARY KEY, c)`)
    expect(storeOf(db).scrub()).toEqual([
      expect.stringMatching(/VACUUM was left out, since the full-text table f refers to rows of docs by numbers/),
    ])
    expect(db.prepare("SELECT body FROM f WHERE f MATCH 'three'").all()).toEqual([{ body: 'three' }])
    db.exec('VACUUM')
    expect(db.prepare('SELECT rowid FROM docs').pluck().all()).toEqual([1, 2])
  })

  test.each([
    ['content with an INTEGER PRIMARY KEY', `CREATE TABLE docs (id INTEGER PRIMARY KEY, body); ${FTS('docs')}`, 0],
    ['content with another key', `CREATE TABLE docs (id TEXT PRIMARY KEY, body); ${FTS('docs')}`, 1],
    ['a view that shows rowids', `CREATE TABLE docs (body); CREATE VIEW v AS SELECT rowid, body FROM docs; ${FTS('v')}`, 1],
    ['no content of another table', 'CREATE VIRTUAL TABLE f USING fts5(content, body)', 0],
    ['no content at all', "CREATE VIRTUAL TABLE f USING fts5(body, content='')", 0],
  ])('%s', (_title, sql, count) => {
    expect(storeOf(newDatabase(`${sql}; CREATE TABLE t (id INTEGER PRIMARY KEY, c)`)).scrub()).toHaveLength(count)
  })
})

test('a database in memory has nothing to scrub; a read-only one is refused with a code', () => {
  const memory = new Database(':memory:')
  memory.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, c)')
  expect(storeOf(memory).scrub()).toEqual([])
  memory.close()
  const db = newDatabase('CREATE TABLE t (id INTEGER PRIMARY KEY, c)')
  const readonly = new Database(db.name, { readonly: true })
  expect(errorOf(() => storeOf(readonly).scrub()).code).toBe('ERR_SQLITE_READONLY')
  expect(errorOf(() => storeOf(readonly).prepare()).code).toBe('ERR_SQLITE_READONLY')
  readonly.close()
})
