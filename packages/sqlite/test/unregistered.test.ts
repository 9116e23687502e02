import { sealSync, toText } from '@keyfold/core'
import type { UnregisteredScan } from '@keyfold/core'
import type Database from 'better-sqlite3'
import { closeSync, openSync, writeSync } from 'node:fs'
import { beforeEach, describe, expect, test } from 'vitest'
import { sqliteBranchKeyStore, sqliteStore } from '../src/index.ts'
import { storeOf } from './rotating.ts'
import { connect, newDatabase, newKeyring, rejectionOf } from './support.ts'

const T = 'CREATE TABLE t (id INTEGER PRIMARY KEY, c TEXT, d TEXT)'
let envelope: Buffer
let text: string

beforeEach(() => {
  envelope = Buffer.from(sealSync(newKeyring(), 'a value', { id: '1' }))
  text = toText(envelope)
})

/** What is found, as `table.column: records`. */
async function found(db: Database.Database): Promise<string[]> {
  return (await storeOf(db).unregistered()).found.map(({ table, column, records }) => `${table}.${column}: ${records}`)
}

function fill(db: Database.Database, table: string, ...values: unknown[]): void {
  const insert = db.prepare(`INSERT INTO ${table} VALUES (?)`)
  for (const value of values) insert.run(value)
}

describe('sealed values that nobody registered', () => {
  test('are found in either form, whatever the column is declared as, and counted', async () => {
    const db = newDatabase(`${T}; CREATE TABLE b (v BLOB); CREATE TABLE n (v TEXT COLLATE NOCASE); CREATE TABLE i (v INTEGER)`)
    fill(db, 'b', envelope, text, Buffer.from(text), 'plain', null, 7)
    fill(db, 'n', text, text.toUpperCase(), envelope)
    fill(db, 'i', envelope, 5)
    expect(await found(db)).toEqual(['b.v: 3', 'i.v: 1', 'n.v: 2'])
  })

  test('are found in another column of a registered table, and in one whose name differs from a registered one by its table alone', async () => {
    const db = newDatabase(`${T}; CREATE TABLE u (c)`)
    db.prepare('INSERT INTO t VALUES (1, ?, ?)').run(text, text)
    fill(db, 'u', envelope)
    expect(await found(db)).toEqual(['t.d: 1', 'u.c: 1'])
    const both = sqliteStore(connect(db), { tables: [{ table: 't', id: 'id', columns: { ssn: 'c', dob: 'd' } }] })
    expect((await both.unregistered()).found).toMatchObject([{ table: 'u' }])
  })

  test('are found in tables of every kind: without rowid, strict, with a hidden rowid, behind a full-text index', async () => {
    const db = newDatabase(`${T}; CREATE TABLE w (k TEXT PRIMARY KEY, v) WITHOUT ROWID; CREATE TABLE s (v ANY) STRICT;
      CREATE TABLE neg (id INTEGER PRIMARY KEY, v); CREATE TABLE hid (rowid, _rowid_, oid, v);
      CREATE VIRTUAL TABLE docs USING fts5(body); CREATE TABLE "we""ird name" ("a b" TEXT)`)
    db.prepare('INSERT INTO w VALUES (?, ?)').run('k', envelope)
    fill(db, 's', envelope)
    for (const id of [-(2n ** 63n), -1n, 2n ** 63n - 1n]) db.prepare('INSERT INTO neg VALUES (?, ?)').run(id, envelope)
    db.prepare('INSERT INTO hid (v) VALUES (?)').run(text)
    db.prepare('INSERT INTO docs VALUES (?)').run(text)
    fill(db, '"we""ird name"', text)
    expect(await found(db)).toEqual(['docs_content.c0: 1', 'hid.v: 1', 'neg.v: 3', 's.v: 1', 'w.v: 1', 'we"ird name.a b: 1'])
  })

  test('are not seen in what only looks alike', async () => {
    const db = newDatabase(`${T}; CREATE TABLE b (v)`)
    const long = Buffer.alloc(200, 7)
    for (const start of [[0x4b, 0x46, 1, 9, 0, 1], [0x4b, 0x46, 1, 1, 9, 1], [0x4b, 0x46, 1, 1, 0, 0], [0x4b, 0x46, 1, 1, 0, 17]])
      fill(db, 'b', Buffer.concat([Buffer.from(start), long]))
    fill(db, 'b', envelope.subarray(0, 40), `KF${'x'.repeat(100)}`, `kf1.${'x'.repeat(100)}`, ` ${text}`)
    expect(await found(db)).toEqual([])
  })

  test('in tables of branch keys are told apart', async () => {
    const db = newDatabase(T)
    const branchKeys = sqliteBranchKeyStore(connect(db), { table: 'keys_of_mine' })
    branchKeys.insert({ partition: 'p', version: 1, keyId: new Uint8Array(12), createdAt: 1, sealed: envelope })
    expect((await storeOf(db).unregistered()).found).toEqual([{ table: 'keys_of_mine', column: 'sealed', records: 1, holds: 'branch-keys' }])
  })

  test('are looked for row by row, in all of them: stretches leave none out and count none twice', async () => {
    const db = newDatabase(`${T}; CREATE TABLE b (v)`)
    const insert = db.prepare('INSERT INTO b VALUES (?)')
    db.transaction(() => {
      for (let i = 0; i < 25_000; i++) insert.run(i % 7 === 0 ? envelope : 'plain')
    })()
    const seen: number[] = []
    const scan = await storeOf(db).unregistered({ onProgress: ({ rows }) => void seen.push(rows) })
    expect(scan).toMatchObject({ rows: 25_000, gaps: [], found: [{ records: Math.ceil(25_000 / 7) }] })
    expect(seen.length).toBeGreaterThan(2)
    expect(seen).toEqual([...seen].sort((a, b) => a - b))
  })

  test('are looked for beside a writer, and nothing is locked between the stretches', async () => {
    const db = newDatabase(`PRAGMA journal_mode = DELETE; ${T}; CREATE TABLE b (v)`)
    const insert = db.prepare('INSERT INTO b VALUES (?)')
    db.transaction(() => Array.from({ length: 5000 }, () => insert.run('plain')))()
    const writer = connect(db)
    let written = 0
    await storeOf(connect(db)).unregistered({ onProgress: () => void (written += writer.prepare("INSERT INTO b VALUES ('x')").run().changes) })
    expect(written).toBeGreaterThan(1)
  })
})

describe('what is not looked at is said', () => {
  test('a damaged table is named, and the others are looked at all the same', async () => {
    const db = newDatabase(`PRAGMA journal_mode = DELETE; ${T}; CREATE TABLE a (v); CREATE TABLE b (v)`)
    fill(db, 'a', text)
    fill(db, 'b', text)
    const page = db.prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'a'").pluck().get() as number
    const size = db.pragma('page_size', { simple: true }) as number
    const file = openSync(db.name, 'r+')
    writeSync(file, Buffer.alloc(size, 0xee), 0, size, (page - 1) * size)
    closeSync(file)
    expect(await storeOf(connect(db)).unregistered()).toEqual({
      found: [{ table: 'b', column: 'v', records: 1, holds: 'records' }],
      rows: 1,
      gaps: [{ table: 'a', column: null, values: null, reason: expect.stringMatching(/^the database file is damaged/) as string }],
    })
  })

  test('what only the application can compute stands in nobody’s way', async () => {
    const db = newDatabase(`${T}; CREATE TABLE b (v)`)
    db.function('mine', { deterministic: true }, (value: unknown) => value)
    db.exec('CREATE TABLE a (v, stored AS (mine(v)) STORED, computed AS (mine(v))); CREATE INDEX i ON a (mine(v))')
    db.prepare('INSERT INTO a (v) VALUES (?)').run(text)
    fill(db, 'b', text)
    const { found: all, gaps } = await storeOf(connect(db)).unregistered()
    expect([...all, ...gaps].map(({ table, column }) => `${table}.${column}`)).toEqual(['a.v', 'a.stored', 'b.v'])
  })

  test('a lock is an error, not a gap', async () => {
    const db = newDatabase(`PRAGMA journal_mode = DELETE; ${T}; CREATE TABLE b (v)`)
    const store = storeOf(connect(db))
    db.exec('BEGIN EXCLUSIVE')
    expect((await rejectionOf(store.unregistered())).code).toBe('ERR_SQLITE_BUSY')
    db.exec('ROLLBACK')
  })

  test('values of 100 MB are not loaded, and counted as not looked at', async () => {
    const db = newDatabase(`${T}; CREATE TABLE big (v BLOB, after TEXT)`)
    for (let i = 0; i < 3; i++) db.prepare('INSERT INTO big VALUES (zeroblob(100000000), ?)').run(text)
    const store = storeOf(connect(db))
    // All of SQLite in this process ends with an error beyond it. It can't be raised again: this is the last test of the file.
    db.pragma('hard_heap_limit = 50000000')
    expect(await store.unregistered()).toEqual({
      found: [{ table: 'big', column: 'after', records: 3, holds: 'records' }],
      rows: 3,
      gaps: [{ table: 'big', column: 'v', values: 3, reason: 'longer than 1,048,576 bytes' }],
    } satisfies UnregisteredScan)
  })
})
