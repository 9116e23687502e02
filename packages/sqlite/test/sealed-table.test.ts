import { createKeyring } from '@keyfold/core'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { sealedTable } from '../src/index.ts'
import type { SealedTable, SyncSealedTable } from '../src/index.ts'
import { connect, errorOf, filesHolding, newDatabase, newKey, newKeyring, rejectionOf, remote } from './support.ts'

const USERS = 'CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, ssn TEXT, dob)'

function usersTable(sql = USERS) {
  const db = newDatabase(sql)
  return { db, users: sealedTable(db, { table: 'users', id: 'id', columns: ['ssn', 'dob'], keyring: newKeyring() }) }
}

describe('put and get', () => {
  test('the row comes back whole, and its sealed values are nowhere in the file', async () => {
    const { db, users } = usersTable()
    await users.put(42, { name: 'Ada', ssn: '078-05-1120', dob: new Date(0) })
    expect(await users.get(42)).toEqual({ id: 42, name: 'Ada', ssn: '078-05-1120', dob: new Date(0) })
    expect(users.getSync(42)).toEqual(await users.get(42))
    expect(filesHolding(db.name, 'Ada')).not.toEqual([])
    expect(filesHolding(db.name, '078-05-1120')).toEqual([])
  })

  test('a missing row is undefined', async () => {
    const { users } = usersTable()
    expect(await users.get(1)).toBeUndefined()
    expect(users.getSync(1)).toBeUndefined()
  })

  test('put leaves columns that it does not name', async () => {
    const { users } = usersTable()
    await users.put(1, { name: 'Ada', ssn: '1' })
    await users.put(1, { dob: '1815-12-10' })
    users.putSync(1, { name: 'Ada L.' })
    expect(await users.get(1)).toEqual({ id: 1, name: 'Ada L.', ssn: '1', dob: '1815-12-10' })
    await users.put(1, { ssn: null })
    expect((await users.get(1))!['ssn']).toBeNull()
    await users.put(2, {})
    expect(await users.get(2)).toEqual({ id: 2, name: null, ssn: null, dob: null })
  })

  test('an unknown column is named with the nearest one, and nothing is written', async () => {
    const { db, users } = usersTable()
    const error = await rejectionOf(users.put(1, { name: 'Ada', snn: '1' }))
    expect([error.code, error.message]).toEqual(['ERR_TABLE_COLUMN', 'table users has no column snn; did you mean ssn?'])
    expect((await rejectionOf(users.put(1, { id: 2 }))).code).toBe('ERR_TABLE_VALUE')
    expect((await rejectionOf(users.put(1, { name: new Date(0) }))).message).toMatch(/column name is not sealed/)
    expect((await rejectionOf(users.put(1, { name: 'a\uD800' }))).message).toMatch(/lone surrogate/)
    expect((await rejectionOf(users.put(1, new Map() as never))).code).toBe('ERR_TABLE_VALUE')
    expect(db.prepare('SELECT count(*) AS n FROM users').get()).toEqual({ n: 0 })
  })

  test('a constraint refuses the row by its names alone', async () => {
    const { db, users } = usersTable('CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT UNIQUE, ssn TEXT NOT NULL, dob)')
    const error = await rejectionOf(users.put(1, { name: 'Ada', ssn: null }))
    expect(db.inTransaction).toBe(false)
    expect(error.code).toBe('ERR_SQLITE_CONSTRAINT')
    expect(error.message).toMatch(/NOT NULL constraint failed: users\.ssn/)
    await users.put(1, { name: 'Ada', ssn: '1' })
    await users.put(1, { name: 'Ada L.' })
    expect((await rejectionOf(users.put(2, { name: 'Ada L.', ssn: '2' }))).code).toBe('ERR_SQLITE_CONSTRAINT')
    expect(await users.get(2)).toBeUndefined()
  })

  test('what a trigger says is not repeated: it may hold values', async () => {
    const { users } = usersTable(
      `${USERS}; CREATE TRIGGER g BEFORE INSERT ON users BEGIN SELECT RAISE(ABORT, 'secret of ' || NEW.name); END`,
    )
    const error = await rejectionOf(users.put(1, { name: 'Ada', ssn: '1' }))
    expect(error.code).toBe('ERR_SQLITE_CONSTRAINT')
    expect(JSON.stringify([error.message, error.hint, String(error.cause)])).not.toMatch(/secret|Ada/)
  })

  test('a row that got another id than its values were sealed for is rolled back', async () => {
    const { db, users } = usersTable(`${USERS}; CREATE TRIGGER g AFTER INSERT ON users BEGIN UPDATE users SET id = id + 100 WHERE id = NEW.id; END`)
    expect((await rejectionOf(users.put(1, { ssn: '1' }))).code).toBe('ERR_TABLE_ID_VALUE')
    expect((await rejectionOf(users.insert({ id: 2, ssn: '2' }))).code).toBe('ERR_TABLE_ID_VALUE')
    expect([db.inTransaction, db.prepare('SELECT count(*) FROM users').pluck().get()]).toEqual([false, 0])
  })

  test('a DEFAULT of a sealed column is never stored in plaintext', async () => {
    const { db, users } = usersTable("CREATE TABLE users (id INTEGER PRIMARY KEY, name, ssn TEXT DEFAULT 'unknown', dob DEFAULT NULL)")
    expect((await rejectionOf(users.put(1, { name: 'Ada' }))).message).toMatch(/column ssn has a DEFAULT/)
    await users.put(1, { ssn: 'known' })
    await users.put(1, { name: 'Ada' })
    expect(filesHolding(db.name, 'known')).toEqual(filesHolding(db.name, 'unknown'))
    expect(await users.get(1)).toEqual({ id: 1, name: 'Ada', ssn: 'known', dob: null })
  })

  test('generated columns are read, not written', async () => {
    const { users } = usersTable(`${USERS.slice(0, -1)}, up TEXT GENERATED ALWAYS AS (upper(name)))`)
    await users.put(1, { name: 'Ada' })
    expect((await users.get(1))!['up']).toBe('ADA')
    expect((await rejectionOf(users.put(1, { up: 'x' }))).message).toMatch(/generated/)
  })

  test('integers of plain columns are exact', () => {
    const { db, users } = usersTable()
    db.prepare('INSERT INTO users (id, name) VALUES (1, CAST(9007199254740993 AS INTEGER))').run()
    db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, big, c); INSERT INTO t VALUES (9007199254740993, 9007199254740993, NULL)')
    const table = sealedTable(db, { table: 't', id: 'id', columns: ['c'], keyring: newKeyring() })
    expect(table.allSync()).toEqual([{ id: 9007199254740993n, big: 9007199254740993n, c: null }])
    db.defaultSafeIntegers(true)
    expect(users.getSync(1)!['id']).toBe(1)
  })
})

describe('insert', () => {
  test('leaves the id to SQLite', async () => {
    const { users } = usersTable()
    expect(await users.insert({ name: 'Ada', ssn: '1' })).toBe(1)
    expect(users.insertSync({ ssn: '2' })).toBe(2)
    expect(await users.insert({ id: 7, ssn: '7' })).toBe(7)
    expect(await users.insert({})).toBe(8)
    expect((await rejectionOf(users.insert({ id: 7, ssn: 'again' }))).code).toBe('ERR_SQLITE_CONSTRAINT')
    expect((await users.all()).map(({ id, ssn }) => [id, ssn])).toEqual([
      [1, '1'],
      [2, '2'],
      [7, '7'],
      [8, null],
    ])
  })

  test('keeps AUTOINCREMENT from using an id again', async () => {
    const { users } = usersTable('CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT, ssn, dob)')
    expect(await users.insert({ ssn: '1' })).toBe(1)
    expect(await users.delete(1)).toBe(true)
    expect(users.insertSync({ ssn: '2' })).toBe(2)
  })

  test('foresees the id as SQLite chooses it, below zero too', () => {
    const { db, users } = usersTable()
    db.exec('INSERT INTO users (id) VALUES (-5)')
    expect(users.insertSync({ ssn: '1' })).toBe(-4)
    expect(users.getSync(-4)!['ssn']).toBe('1')
    db.exec('INSERT INTO users (id) VALUES (9223372036854775807)')
    expect(errorOf(() => users.insertSync({ ssn: '2' })).code).toBe('ERR_TABLE_ID_VALUE')
  })

  test('many at once each get their own row, and are sealed once', async () => {
    const { db } = usersTable()
    const wrapper = remote(newKey())
    let wraps = 0
    const counting = { ...wrapper, wrap: async (...call: Parameters<typeof wrapper.wrap>) => {
      wraps++
      return wrapper.wrap(...call)
    } }
    const users = sealedTable(db, { table: 'users', id: 'id', columns: ['ssn'], keyring: createKeyring({ active: counting }) })
    const ids = await Promise.all(Array.from({ length: 50 }, (_, i) => users.insert({ ssn: `${i}` })))
    expect([new Set(ids).size, wraps]).toEqual([50, 50])
    expect(await Promise.all(ids.map(async (id) => (await users.get(id))!['ssn']))).toEqual(ids.map((_, i) => `${i}`))
    const [failed, next] = await Promise.allSettled([users.insert({ snn: 'x' }), users.insert({ ssn: 'y' })])
    expect([failed.status, next.status]).toEqual(['rejected', 'fulfilled'])
  })

  test('begins anew when another connection takes the id while the values are sealed', async () => {
    const { db } = usersTable()
    const other = connect(db)
    const wrapper = remote(newKey())
    let races = 3
    const slow = {
      ...wrapper,
      wrap: async (...call: Parameters<typeof wrapper.wrap>) => {
        if (races-- > 0) other.exec('INSERT INTO users DEFAULT VALUES')
        return wrapper.wrap(...call)
      },
    }
    const users = sealedTable(db, { table: 'users', id: 'id', columns: ['ssn'], keyring: createKeyring({ active: slow }) })
    expect(await users.insert({ ssn: 'mine' })).toBe(4)
    expect((await users.get(4))!['ssn']).toBe('mine')
  })

  test('wants the id among the values where SQLite cannot choose it', async () => {
    const { users } = usersTable('CREATE TABLE users (id TEXT PRIMARY KEY, ssn, dob)')
    expect((await rejectionOf(users.insert({ ssn: '1' }))).message).toMatch(/values lack the id \(id\)/)
    expect(await users.insert({ id: 'ada', ssn: '1' })).toBe('ada')
  })
})

describe('delete and iterate', () => {
  test('delete tells whether there was a row', async () => {
    const { users } = usersTable()
    await users.put(1, { ssn: '1' })
    expect([await users.delete(1), await users.delete(1), users.deleteSync(1)]).toEqual([true, false, false])
  })

  test('an iteration sees every row in the order of the id, while the table changes', async () => {
    const { users } = usersTable()
    for (let id = 1; id <= 450; id++) users.putSync(id, { ssn: `${id}` })
    const seen: unknown[] = []
    for await (const { id, ssn } of users.iterate()) {
      seen.push(ssn)
      await users.put(id as number, { ssn: 'seen' })
    }
    expect(seen).toEqual(Array.from({ length: 450 }, (_, i) => `${i + 1}`))
    for (const { id } of users.iterateSync()) users.deleteSync(id as number)
    expect(users.allSync()).toEqual([])
  })
})

describe('sync and async', () => {
  test('the sync twins are part of a transaction of better-sqlite3', () => {
    const { db, users } = usersTable()
    const change = db.transaction(() => {
      users.putSync(1, { ssn: '1' })
      users.insertSync({ ssn: '2' })
      throw new Error('no')
    })
    expect(change).toThrow('no')
    expect(users.allSync()).toEqual([])
    expect(db.inTransaction).toBe(false)
  })

  test('a failed change leaves the transaction around it alive', () => {
    const { db, users } = usersTable('CREATE TABLE users (id INTEGER PRIMARY KEY, ssn NOT NULL, dob)')
    db.transaction(() => {
      users.putSync(1, { ssn: '1' })
      expect(errorOf(() => users.putSync(2, { ssn: null })).code).toBe('ERR_SQLITE_CONSTRAINT')
    })()
    expect(users.allSync()).toHaveLength(1)
  })

  test('the types give the twins to local keys alone; a JavaScript caller gets a coded error', async () => {
    const { db } = usersTable()
    const key = newKey()
    const local: SyncSealedTable = sealedTable(db, { table: 'users', id: 'id', columns: ['ssn'], keyring: createKeyring({ active: key }) })
    const byPromise: SealedTable = sealedTable(db, {
      table: 'users',
      id: 'id',
      columns: ['ssn'],
      keyring: createKeyring({ active: remote(key) }),
    })
    // The types do not have it; JavaScript and a cast do.
    expectTypeOf(byPromise).not.toHaveProperty('putSync')
    const cast = byPromise as SyncSealedTable
    expect(errorOf(() => cast.putSync(1, { ssn: '1' })).code).toBe('ERR_SYNC_UNSUPPORTED')
    expect(await byPromise.get(1)).toBeUndefined()
    await byPromise.put(1, { ssn: '1' })
    expect(local.getSync(1)!['ssn']).toBe('1')
    expect((await byPromise.get(1))!['ssn']).toBe('1')
  })

  test('no transaction is open while a key is asked', async () => {
    const { db } = usersTable()
    const wrapper = remote(newKey())
    const states: boolean[] = []
    const watched = {
      ...wrapper,
      wrap: async (...call: Parameters<typeof wrapper.wrap>) => {
        states.push(db.inTransaction)
        return wrapper.wrap(...call)
      },
    }
    const users = sealedTable(db, { table: 'users', id: 'id', columns: ['ssn'], keyring: createKeyring({ active: watched }) })
    await Promise.all([users.put(1, { ssn: '1' }), users.insert({ ssn: '2' }), users.insert({ id: 9, ssn: '3' })])
    expect(states.length).toBeGreaterThanOrEqual(3)
    expect(states).not.toContain(true)
  })
})
