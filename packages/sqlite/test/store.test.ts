import { createKeyring, openSync, rewrapSync, sealSync, toText } from '@keyfold/core'
import { temporaryFolder } from '@keyfold/test-support'
import Database from 'better-sqlite3'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { decodeCell } from '../src/cell.ts'
import { sealedTable, sqliteStore } from '../src/index.ts'
import { C, readAll, rotateColumn, storeOf } from './rotating.ts'
import { connect, errorOf, newDatabase, newKey, newKeyring, rejectionOf } from './support.ts'

const T = 'CREATE TABLE t (id INTEGER PRIMARY KEY, c)'

test('censusAll counts every column in the order of the columns, as one by one', () => {
  const db = newDatabase("CREATE TABLE t (id INTEGER PRIMARY KEY, c, d); INSERT INTO t VALUES (1, 'a', NULL), (2, NULL, NULL), (3, 'b', 'c')")
  const store = sqliteStore(db, { tables: [{ table: 't', id: 'id', columns: ['d', 'c'] }] })
  const counts = store.censusAll()
  expect(counts).toEqual(store.columns.map((column) => store.census(column)))
  expect(counts.map(({ column, plaintext }) => [column, plaintext])).toEqual([['d', 1], ['c', 2]])
})

test('what is picked of large values ends where they have so many bytes, and goes on from there', () => {
  const store = sqliteStore(newDatabase(`${T}; INSERT INTO t VALUES (1, zeroblob(9000)), (2, 'b'), (3, zeroblob(9000)), (4, 'd')`), {
    tables: [{ table: 't', id: 'id', columns: ['c'] }],
  })
  const picked = (after?: string) => store.pick(C, { limit: 9, maxBytes: 5000, picks: () => true, ...(after !== undefined && { after }) })
  const first = picked()
  const second = picked(first.last)
  const stretches = [first, second, picked(second.last)]
  const ids = stretches.map(({ records }) => records.map(({ context }) => (context as { id: string }).id))
  expect(ids).toEqual([['integer:1'], ['integer:2', 'integer:3'], ['integer:4']])
  expect(stretches.map(({ last }) => last === undefined)).toEqual([false, false, true])
  expect(errorOf(() => store.pick(C, { limit: 9, maxBytes: 0, picks: () => true }))).toMatchObject({ code: 'ERR_TABLE_OPTIONS' })
})

describe('read', () => {
  test('gives the records in the order of the id, without NULLs, with context and position', () => {
    const store = storeOf(newDatabase(`${T}; INSERT INTO t VALUES (3, 'c'), (1, 'a'), (2, NULL), (-1, x'00')`))
    expect(store.columns).toEqual([C])
    const records = readAll(store, C, { limit: 1 })
    expect(records.map(({ context }) => context)).toEqual(
      ['integer:-1', 'integer:1', 'integer:3'].map((id) => ({ table: 't', column: 'c', id })),
    )
    expect(records.map(({ value }) => decodeCell(value).type)).toEqual(['blob', 'text', 'text'])
    expect(store.read(C, { limit: 9, after: records[0]!.position })).toEqual(records.slice(1))
  })

  test('leaves out what is under one key alone, in either form; never what has several, is malformed or in plaintext', () => {
    const [key, other] = [newKey(), newKey('k2')]
    const [keyring, both] = [createKeyring({ active: key }), createKeyring({ active: key, recovery: [other] })]
    const db = newDatabase(T)
    const contextOf = (id: number) => ({ table: 't', column: 'c', id: `integer:${id}` })
    const values = [
      sealSync(keyring, 'x', contextOf(0)),
      toText(sealSync(keyring, 'x', contextOf(1))),
      sealSync(both, 'x', contextOf(2)),
      toText(sealSync(both, 'x', contextOf(3))),
      sealSync(createKeyring({ active: other }), 'x', contextOf(4)),
      'plain',
      5,
      'kf1.!',
      Buffer.from('KF\x01'),
      Buffer.from('KF\x02'),
      null,
    ]
    for (const [i, value] of values.entries())
      db.prepare('INSERT INTO t VALUES (?, ?)').run(i, value instanceof Uint8Array ? Buffer.from(value) : value)
    const store = storeOf(db)
    for (const prepared of [false, true]) {
      if (prepared) store.prepare()
      const left = readAll(store, C, { notUnder: Buffer.from(key.keyId).toString('hex') })
      expect(left.map(({ context }) => (context as { id: string }).id)).toEqual([2, 3, 4, 5, 6, 7, 8, 9].map((id) => `integer:${id}`))
      expect(left.map(({ sealed }) => sealed)).toEqual([true, true, true, false, false, true, true, true])
      expect(readAll(store)).toHaveLength(10)
    }
    expect(errorOf(() => store.read(C, { limit: 1, notUnder: 'xyz' })).code).toBe('ERR_TABLE_OPTIONS')
    expect(errorOf(() => store.read(C, { limit: 0 })).code).toBe('ERR_TABLE_OPTIONS')
    expect(errorOf(() => store.read({ table: 't', column: 'd' }, { limit: 1 })).message).toMatch(/did you mean t\.c\?/)
  })

  test('what claims to be sealed and is not is refused by every opening', () => {
    const db = newDatabase(
      `${T}; INSERT INTO t VALUES (1, 'kf1.!!'), (2, x'4b4601'), (3, x'4b4602ff'), (4, 'kf1.S0YBAQAB'), (5, 'kf1.'), (6, 'kf1.AAAA')`,
    )
    const keyring = newKeyring()
    const codes = readAll(storeOf(db)).map(({ value, context }) => errorOf(() => openSync(keyring, value, context)).code)
    expect(codes).toEqual([
      'ERR_ENVELOPE_MALFORMED',
      'ERR_ENVELOPE_MALFORMED',
      'ERR_ENVELOPE_VERSION',
      ...Array<string>(3).fill('ERR_ENVELOPE_MALFORMED'),
    ])
  })
})

describe('write', () => {
  test('seals every type so that sealedTable gives it back, and a rewrap leaves it so', () => {
    const key = newKey()
    const db = newDatabase(`CREATE TABLE t (id INTEGER PRIMARY KEY, c);
      INSERT INTO t VALUES (1, 'text'), (2, 5), (3, 5.0), (4, x'FF'), (5, ''), (6, x''), (7, NULL), (8, 9007199254740993), (9, '{"a":1}')`)
    const before = db.prepare('SELECT id, typeof(c) AS type, c FROM t').safeIntegers(true).all()
    const store = storeOf(db)
    expect(rotateColumn(store, createKeyring({ active: key }))).toBe(8)
    const keyring = createKeyring({ active: newKey('k2'), decryptOnly: [key] })
    expect(rotateColumn(store, keyring)).toBe(8)
    const table = sealedTable(db, { table: 't', id: 'id', columns: ['c'], keyring, safeIntegers: true })
    const rows = table.allSync()
    expect(rows.map(({ c }) => c)).toEqual(before.map((row) => (row as { c: unknown }).c))
    expect(readAll(store).every(({ sealed }) => sealed)).toBe(true)
    expect(db.prepare('SELECT DISTINCT typeof(c) AS type FROM t WHERE c IS NOT NULL').all()).toEqual([{ type: 'blob' }])
  })

  test('in a TEXT column envelopes are text; in the other form they are replaced just so', () => {
    const key = newKey()
    const db = newDatabase("CREATE TABLE t (id INTEGER PRIMARY KEY, c TEXT COLLATE NOCASE); INSERT INTO t VALUES (1, 'a'), (2, 'b')")
    const store = storeOf(db)
    const keyring = createKeyring({ active: key })
    expect(rotateColumn(store, keyring)).toBe(2)
    expect(db.prepare("SELECT count(*) AS n FROM t WHERE typeof(c) = 'text' AND c LIKE 'kf1.S0YB%'").get()).toEqual({ n: 2 })
    const [record] = readAll(store)
    db.prepare('UPDATE t SET c = ? WHERE id = 1').run(Buffer.from(record!.value))
    expect(rotateColumn(store, keyring)).toBe(2)
    expect(
      sealedTable(db, { table: 't', id: 'id', columns: ['c'], keyring })
        .allSync()
        .map(({ c }) => c),
    ).toEqual(['a', 'b'])
  })

  test.each(['', 'BLOB', 'NUMERIC', 'REAL COLLATE NOCASE'])('an envelope in a column %o is replaced only if it is the same BLOB still', (type) => {
    const db = newDatabase(`CREATE TABLE t (id INTEGER PRIMARY KEY, c ${type}); INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c')`)
    const [store, key, next] = [storeOf(db), newKey(), newKey('next')]
    rotateColumn(store, createKeyring({ active: key }))
    const keyring = createKeyring({ active: next, decryptOnly: [key] })
    const changes = readAll(store).map((record) => ({ record, envelope: rewrapSync(keyring, record.value, record.context) }))
    connect(db).exec("UPDATE t SET c = CAST(c AS TEXT) WHERE id = 1; UPDATE t SET c = CAST(c || x'00' AS BLOB) WHERE id = 2")
    const cells = db.prepare('SELECT typeof(c), hex(c) FROM t WHERE id < 3').raw()
    const newer = cells.all()
    expect(store.write(C, changes)).toBe(1)
    expect(cells.all()).toEqual(newer)
    expect(newer.map((row) => (row as unknown[])[0])).toEqual(['text', 'blob'])
  })

  describe('replaces a cell only if it is what was read, to the byte and the type', () => {
    test.each([
      ['TEXT COLLATE NOCASE', "'a'", "'A'"],
      ['TEXT COLLATE RTRIM', "'a'", "'a '"],
      ['', '5', '5.0'],
      ['', '0.0', '-0.0'],
      ['', "'5'", '5'],
      ['', "'a'", "x'61'"],
      ['', "CAST(x'FF' AS TEXT)", "CAST(x'FE' AS TEXT)"],
      ['', "CAST(x'FF' AS TEXT)", "x'FF'"],
      ['', "''", "x''"],
      ['', "'a'", 'NULL'],
      ['', "'a'", "'a' || char(0)"],
      ['', '9007199254740993', '9007199254740992'],
      ['', '9007199254740993', '9007199254740992.0'],
      ['REAL', '5', '5.000000000000001'],
      ['', "'x'", "'kf1.x'"],
    ])('column %o: %s is not %s', (type, before, now) => {
      const db = newDatabase(`CREATE TABLE t (id INTEGER PRIMARY KEY, c ${type}); INSERT INTO t VALUES (1, ${before}), (2, ${before})`)
      const store = storeOf(db)
      const keyring = newKeyring()
      const changes = readAll(store).map((record) => ({ record, envelope: sealSync(keyring, record.value, record.context) }))
      connect(db).exec(`UPDATE t SET c = ${now} WHERE id = 1`)
      const newer = db.prepare('SELECT typeof(c), hex(c), c FROM t WHERE id = 1').raw().get()
      expect(store.write(C, changes)).toBe(1)
      expect(db.prepare('SELECT typeof(c), hex(c), c FROM t WHERE id = 1').raw().get()).toEqual(newer)
      expect(
        readAll(store)
          .map(({ sealed }) => sealed)
          .at(-1),
      ).toBe(true)
    })

    test('a sealed cell that was sealed anew, deleted, or whose row got another id', () => {
      const db = newDatabase(
        "CREATE TABLE t (id TEXT PRIMARY KEY COLLATE NOCASE, c); INSERT INTO t VALUES ('a', 1), ('b', 1), ('c', 1), ('d', 1)",
      )
      const store = storeOf(db)
      const keyring = newKeyring()
      expect(rotateColumn(store, keyring)).toBe(4)
      const changes = readAll(store).map((record) => ({ record, envelope: sealSync(keyring, 'lost', record.context) }))
      const table = sealedTable(connect(db), { table: 't', id: 'id', columns: ['c'], keyring })
      table.putSync('a', { c: 'newer' })
      table.deleteSync('b')
      connect(db).exec("UPDATE t SET id = 'C' WHERE id = 'c'")
      expect(store.write(C, changes)).toBe(1)
      expect(table.getSync('a')).toEqual({ id: 'a', c: 'newer' })
    })

    test('the same change twice replaces once', () => {
      const store = storeOf(newDatabase(`${T}; INSERT INTO t VALUES (1, 'a')`))
      const [record] = readAll(store)
      const change = { record: record!, envelope: sealSync(newKeyring(), record!.value, record!.context) }
      expect([store.write(C, [change, change]), store.write(C, [change]), store.write(C, [])]).toEqual([1, 0, 0])
    })
  })

  test('what claims to be sealed and cannot be read is never replaced', () => {
    const db = newDatabase(`${T}; INSERT INTO t VALUES (1, 'kf1.!!'), (2, x'4b4601'), (3, 'kf1.AAAA'), (4, 'kf2.')`)
    const store = storeOf(db)
    const keyring = newKeyring()
    const before = db.prepare('SELECT * FROM t').all()
    expect(
      store.write(
        C,
        readAll(store).map((record) => ({ record, envelope: sealSync(keyring, 'x', record.context) })),
      ),
    ).toBe(0)
    expect(db.prepare('SELECT * FROM t').all()).toEqual(before)
  })

  test('what is no envelope is never written', () => {
    const db = newDatabase(`${T}; INSERT INTO t VALUES (1, 'a')`)
    const store = storeOf(db)
    const [record] = readAll(store)
    expect(errorOf(() => store.write(C, [{ record: record!, envelope: Buffer.from('plain') }])).code).toBe('ERR_TABLE_VALUE')
    expect(db.prepare('SELECT c FROM t').get()).toEqual({ c: 'a' })
  })

  test('a lock of another connection ends in a coded error after the wait, and nothing is written', () => {
    const db = newDatabase(`${T}; INSERT INTO t VALUES (1, 'a')`)
    const other = connect(db)
    const store = storeOf(other)
    const records = readAll(store)
    db.exec('BEGIN IMMEDIATE')
    const change = records.map((record) => ({ record, envelope: sealSync(newKeyring(), record.value, record.context) }))
    const error = errorOf(() => store.write(C, change))
    expect([error.code, error.message]).toEqual(['ERR_SQLITE_BUSY', expect.stringMatching(/locked/)])
    expect(errorOf(() => store.prepare()).code).toBe('ERR_SQLITE_BUSY')
    expect(other.inTransaction).toBe(false)
    db.exec('COMMIT')
    expect(store.write(C, change)).toBe(1)
  })
})

test('rows with ids that no context can hold are reported by check and stop a read', () => {
  const db = newDatabase(
    "CREATE TABLE t (id PRIMARY KEY, c); INSERT INTO t VALUES (NULL, 'x'), (5.5, 'x'), (CAST(x'FF' AS TEXT), 'x'), (1, 'x')",
  )
  const store = storeOf(db)
  expect(store.check()).toEqual([{ table: 't', column: 'c', problem: expect.stringMatching(/^3 rows have ids/) as string, hint: expect.any(String) as string }])
  expect(errorOf(() => store.read(C, { limit: 9 })).code).toBe('ERR_TABLE_ID_VALUE')
  db.exec('DELETE FROM t WHERE id IS NOT 1')
  expect(store.check()).toEqual([])
})

describe('a database that others use', () => {
  test('whether they wrote since the last call, in a log or a rollback journal; own writes are none of theirs', () => {
    for (const journal of ['WAL', 'DELETE']) {
      const db = newDatabase(`PRAGMA journal_mode = ${journal}; ${T}; INSERT INTO t VALUES (1, 'a'), (2, 'b')`)
      const other = connect(db)
      const store = storeOf(db)
      expect(store.othersWrote()).toBe(false)
      const [record] = readAll(store)
      expect(store.write(C, [{ record: record!, envelope: sealSync(newKeyring(), record!.value, record!.context) }])).toBe(1)
      expect(store.othersWrote()).toBe(false)
      other.exec("UPDATE t SET c = 'c' WHERE id = 2")
      expect([store.othersWrote(), store.othersWrote()]).toEqual([true, false])
    }
  })

  test('its log is put on the disk; without one there is nothing to do', async () => {
    const path = join(temporaryFolder(), 'app.db')
    const db = new Database(path)
    db.exec(T)
    const store = storeOf(db)
    await store.sync()
    db.exec("PRAGMA journal_mode = WAL; INSERT INTO t VALUES (1, 'a')")
    await store.sync()
    db.close()
    expect((await rejectionOf(store.sync())).code).toBe('ERR_SQLITE_FAILED')
    const memory = new Database(':memory:')
    memory.exec(T)
    await storeOf(memory).sync()
  })
})

test('close closes the connection, and a later call has a coded error', () => {
  const store = storeOf(newDatabase(T))
  store.close()
  expect(errorOf(() => store.census(C)).code).toBe('ERR_SQLITE_FAILED')
  expect(errorOf(() => store.read(C, { limit: 1 })).code).toBe('ERR_SQLITE_FAILED')
})
