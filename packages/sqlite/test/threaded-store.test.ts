import { createKeyring, openSync, sealSync } from '@keyfold/core'
import type { RecordStore } from '@keyfold/core'
import { testRecordStore } from '@keyfold/core/testing'
import { temporaryFolder } from '@keyfold/test-support'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Worker } from 'node:worker_threads'
import { describe, expect, onTestFinished, test } from 'vitest'
import { sqliteStoreOnThread } from '../src/index.ts'
import type { ThreadedStoreOptions } from '../src/index.ts'
import { C, readAll, storeOf } from './rotating.ts'
import { connect, newDatabase, newKey, newKeyring, rejectionOf } from './support.ts'

const T = 'CREATE TABLE t (id INTEGER PRIMARY KEY, c)'
const TABLES = [{ table: 't', id: 'id', columns: ['c'] }]

async function onThread(path: string, options: Partial<ThreadedStoreOptions> = {}): Promise<RecordStore> {
  const store = await sqliteStoreOnThread(path, { tables: TABLES, ...options })
  onTestFinished(() => store.close())
  return store
}

describe.each(['TEXT', 'BLOB', ''])('the store on a thread, of a column declared %j', (type) => {
  testRecordStore({
    test,
    bench: async (values) => {
      const db = newDatabase(`CREATE TABLE t (id INTEGER PRIMARY KEY, c ${type})`)
      const insert = db.prepare('INSERT INTO t (c) VALUES (?)')
      db.transaction(() => values.forEach((value) => insert.run(value)))()
      return {
        store: await onThread(db.name),
        column: C,
        overwrite: (index, value) =>
          void db.prepare('UPDATE t SET c = ? WHERE id = ?').run(value instanceof Uint8Array ? Buffer.from(value) : value, index + 1),
      }
    },
  })
})

test('it gives the very records that a store on this thread gives, with ids of every kind', async () => {
  const cases: ReadonlyArray<[string, string | string[]]> = [
    ["CREATE TABLE t (id INTEGER PRIMARY KEY, c); INSERT INTO t VALUES (-9223372036854775808, 'a'), (0, x'00'), (9007199254740993, 5.5)", 'id'],
    ['CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, c) WITHOUT ROWID; INSERT INTO t VALUES (\'\', 1), (\'a"b\', 2), (\'Zürich\', \'x\')', 'id'],
    [
      "CREATE TABLE t (a TEXT NOT NULL, b INT NOT NULL, c, PRIMARY KEY (a, b)); INSERT INTO t VALUES ('x', 1, 'p'), ('x', 2, NULL), ('y', 0, 'q')",
      ['a', 'b'],
    ],
  ]
  for (const [sql, id] of cases) {
    const db = newDatabase(sql)
    const expected = readAll(storeOf(db, id))
    const threaded = await onThread(db.name, { tables: [{ table: 't', id, columns: ['c'] }] })
    const records = await threaded.read(C, { limit: 10 })
    expect(records.map((record) => ({ ...record, value: Buffer.from(record.value) }))).toEqual(
      expected.map((record) => ({ ...record, value: Buffer.from(record.value) })),
    )
    const keyring = newKeyring()
    const changes = records.map((record) => ({ record, envelope: sealSync(keyring, record.value, record.context) }))
    expect(await threaded.write(C, changes)).toBe(records.length)
    const after = await threaded.read(C, { limit: 1, after: records[0]!.position })
    expect(Buffer.from(openSync(keyring, after[0]!.value, after[0]!.context))).toEqual(Buffer.from(records[1]!.value))
  }
})

test('calls are carried out in the order in which they were made, and this thread is free meanwhile', async () => {
  const db = newDatabase(`${T}; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) INSERT INTO t SELECT i, 'x' FROM n`)
  const store = await onThread(db.name)
  expect(store.concurrent).toBe(true)
  const keyring = createKeyring({ active: newKey() })
  const records = await store.read(C, { limit: 2000 })
  let turns = 0
  const ticking = setInterval(() => turns++, 0)
  const write = store.write(C, records.map((record) => ({ record, envelope: sealSync(keyring, record.value, record.context) })))
  const behind = store.read(C, { limit: 2000 })
  expect((await behind).every(({ sealed }) => sealed)).toBe(true)
  expect(await write).toBe(2000)
  clearInterval(ticking)
  expect(turns).toBeGreaterThan(0)
})

test('whether others wrote is asked of the connection on the thread, and its log is put on the disk', async () => {
  const db = newDatabase(`PRAGMA journal_mode = WAL; ${T}; INSERT INTO t VALUES (1, 'a')`)
  const store = await onThread(db.name)
  expect(await store.othersWrote!()).toBe(false)
  db.exec("UPDATE t SET c = 'b'")
  expect(await store.othersWrote!()).toBe(true)
  // What is asked while that takes its time gets its own answer.
  const [synced, read, wrote] = await Promise.all([store.sync!(), store.read(C, { limit: 1 }), store.othersWrote!()])
  expect([synced, read.length, wrote]).toEqual([undefined, 1, false])
})

test('what the thread throws arrives with its code and hint, and the next call works', async () => {
  const db = newDatabase(`${T}; INSERT INTO t VALUES (1, 'a')`)
  const store = await onThread(db.name, { busyTimeout: 0 })
  const [record] = await store.read(C, { limit: 1 })
  const change = [{ record: record!, envelope: sealSync(newKeyring(), record!.value, record!.context) }]
  db.exec('BEGIN IMMEDIATE')
  const busy = await rejectionOf(Promise.resolve(store.write(C, change)))
  expect([busy.code, busy.hint]).toEqual(['ERR_SQLITE_BUSY', expect.stringContaining('holds the lock')])
  db.exec('COMMIT')
  expect(await store.write(C, change)).toBe(1)
  const wrong = await rejectionOf(Promise.resolve(store.read({ table: 't', column: 'd' }, { limit: 1 })))
  expect([wrong.code, wrong.message]).toEqual(['ERR_TABLE_COLUMN', expect.stringContaining('did you mean t.c?')])
  expect((await rejectionOf(Promise.resolve(store.read(C, { limit: 0 })))).code).toBe('ERR_TABLE_OPTIONS')
  expect((await rejectionOf(Promise.resolve(store.write(C, [{ record: record!, envelope: Buffer.from('plain') }])))).code).toBe('ERR_TABLE_VALUE')
})

test('what cannot be opened ends with the code that the opening has', async () => {
  const text = join(temporaryFolder(), 'text.db')
  writeFileSync(text, 'no database, though it has a few more bytes than one would need')
  const db = newDatabase(T)
  expect((await rejectionOf(sqliteStoreOnThread(join(temporaryFolder(), 'absent.db'), { tables: TABLES }))).code).toBe('ERR_SQLITE_FILE_MISSING')
  expect((await rejectionOf(sqliteStoreOnThread(text, { tables: TABLES }))).code).toBe('ERR_SQLITE_NOT_A_DATABASE')
  expect((await rejectionOf(sqliteStoreOnThread(db.name, { tables: [{ table: 'u', id: 'id', columns: ['c'] }] }))).code).toBe('ERR_TABLE_NOT_FOUND')
  expect((await rejectionOf(sqliteStoreOnThread(db.name, { tables: TABLES, reedonly: true } as never))).message).toContain('did you mean readonly?')
})

test('read-only, it writes nothing', async () => {
  const db = newDatabase(`${T}; INSERT INTO t VALUES (1, 'a')`)
  const store = await onThread(db.name, { readonly: true, name: 'app.db' })
  expect(store.name).toBe('app.db')
  const [record] = await store.read(C, { limit: 1 })
  const change = { record: record!, envelope: sealSync(newKeyring(), record!.value, record!.context) }
  expect((await rejectionOf(Promise.resolve(store.write(C, [change])))).code).toBe('ERR_SQLITE_READONLY')
})

test('once closed, every call is refused, and the file is free', async () => {
  const db = newDatabase(`${T}; INSERT INTO t VALUES (1, 'a')`)
  const store = await sqliteStoreOnThread(db.name, { tables: TABLES })
  await store.close()
  await store.close()
  connect(db).exec('DROP TABLE t')
  const other = newDatabase(`${T}; INSERT INTO t VALUES (1, 'b')`)
  const next = await onThread(other.name)
  // the next store may have the thread of the one before, whose calls must not reach it
  expect((await rejectionOf(Promise.resolve(store.read(C, { limit: 1 })))).code).toBe('ERR_SQLITE_FAILED')
  await store.close()
  expect(await next.read(C, { limit: 1 })).toHaveLength(1)
})

test('a thread that ended while no store was open on it is not used again', async () => {
  const db = newDatabase(`${T}; INSERT INTO t VALUES (1, 'a')`)
  const started: Worker[] = []
  const note = (worker: Worker): unknown => started.push(worker)
  process.on('worker', note)
  onTestFinished(() => void process.off('worker', note))
  const stores: RecordStore[] = []
  while (started.length === 0) stores.push(await sqliteStoreOnThread(db.name, { tables: TABLES }))
  for (const store of stores) await store.close()
  await started[0]!.terminate()
  const next = await onThread(db.name)
  expect(await next.read(C, { limit: 1 })).toHaveLength(1)
})
