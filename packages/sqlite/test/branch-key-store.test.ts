import type { StoredBranchKey } from '@keyfold/core'
import { testBranchKeyStore } from '@keyfold/core/testing'
import Database from 'better-sqlite3'
import { readFileSync } from 'node:fs'
import { describe, expect, onTestFinished, test } from 'vitest'
import { sqliteBranchKeyStore } from '../src/index.ts'
import { connect, errorOf, filesHolding, newDatabase } from './support.ts'

/** A row that no key made: the store does not look at what is sealed. */
function row(seed: number, fields: Partial<StoredBranchKey> = {}): StoredBranchKey {
  const keyId = Buffer.alloc(12, 7)
  keyId.writeUInt32BE(seed * 2_654_435_761 % 2 ** 32)
  return { partition: `p${seed}`, version: 1, keyId, createdAt: 1_790_000_000_000, sealed: marked(seed), ...fields }
}

/** Bytes that are found again in a file. */
function marked(seed: number): Buffer {
  return Buffer.from(`sealed ${String(seed).padStart(8, '0')} `.repeat(10))
}

/** The same, and more of it. */
function longer(seed: number, by: number): Buffer {
  return Buffer.concat([marked(seed), Buffer.alloc(by, marked(seed))])
}

const journalModes = ['WAL', 'DELETE', 'PERSIST', 'TRUNCATE', 'MEMORY'] as const

function database(setUp = ''): Database.Database {
  const db = newDatabase(`${setUp}; CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)`)
  return db
}

describe.each(['WAL', 'DELETE'])('the branch key store of a database in %s mode', (mode) => {
  testBranchKeyStore({
    test,
    store: () => sqliteBranchKeyStore(database(`PRAGMA journal_mode = ${mode}`)),
    reopen: (store) => sqliteBranchKeyStore(connectTo(store.name)),
  })
})

/** As another process connects: with a busy timeout. */
function connectTo(path: string): Database.Database {
  const db = new Database(path)
  onTestFinished(() => void db.close())
  return db
}

describe('a branch key store in the database of an application', () => {
  test('makes its table with the first key, and none to read', () => {
    const db = database()
    const tables = () => db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").pluck().all()
    const store = sqliteBranchKeyStore(db)
    expect(store.versions('a')).toEqual([])
    expect(store.scrub()).toEqual([])
    expect(store.replace(row(1), null)).toBe(false)
    expect(tables()).toEqual(['notes'])
    store.insert(row(1))
    expect(tables()).toEqual(['notes', 'keyfold_branch_keys'])
    expect(store.name).toBe(db.name)
  })

  test('leaves the settings of the connection as they were', () => {
    const db = database('PRAGMA journal_mode = WAL; PRAGMA secure_delete = FAST; PRAGMA journal_size_limit = 5000; PRAGMA synchronous = NORMAL')
    const names = ['synchronous', 'secure_delete', 'journal_size_limit', 'legacy_alter_table']
    const settings = () => names.map((name) => db.pragma(name, { simple: true }))
    const before = settings()
    const store = sqliteBranchKeyStore(db)
    store.insert(row(1))
    store.replace(row(1), null)
    expect(errorOf(() => store.insert(row(2, { version: 0 }))).code).toBe('ERR_SQLITE_CONSTRAINT')
    expect(settings()).toEqual(before)
    expect(before).toEqual([1, 2, 5000, 0])
  })

  test('a write within a transaction of the application is refused, since a rollback would lose the key; reading is not', () => {
    const db = database()
    const store = sqliteBranchKeyStore(db)
    store.insert(row(1))
    db.exec('BEGIN')
    db.exec("INSERT INTO notes (text) VALUES ('a')")
    for (const write of [() => store.insert(row(2)), () => store.replace(row(1), marked(3)), () => store.scrub()]) {
      expect(errorOf(write).code).toBe('ERR_SQLITE_TRANSACTION')
    }
    expect(store.versions('p1')).toHaveLength(1)
    expect(db.inTransaction).toBe(true)
    db.exec('COMMIT')
    expect(store.insert(row(2))).toBe(true)
    expect(db.prepare('SELECT count(*) FROM notes').pluck().get()).toBe(1)
  })

  test('a connection of its own writes beside an open transaction that only reads', () => {
    const db = database('PRAGMA journal_mode = WAL')
    const store = sqliteBranchKeyStore(connect(db))
    db.exec('BEGIN; SELECT count(*) FROM notes')
    store.insert(row(1))
    db.exec('ROLLBACK')
    expect(sqliteBranchKeyStore(connect(db)).find(row(1).keyId)).toBeDefined()
  })

  test('abuse 26: a lock that another connection keeps ends in busy after the wait, and nothing is changed', () => {
    const db = database()
    const store = sqliteBranchKeyStore(connect(db))
    store.insert(row(1))
    db.exec('BEGIN IMMEDIATE')
    expect(errorOf(() => store.insert(row(2))).code).toBe('ERR_SQLITE_BUSY')
    expect(errorOf(() => store.replace(row(1), null)).code).toBe('ERR_SQLITE_BUSY')
    db.exec('ROLLBACK')
    expect(store.list({ limit: 10 })).toHaveLength(1)
    expect(store.find(row(1).keyId)!.sealed).toEqual(marked(1))
  })

  test.each(['TABLE keyfold_branch_keys (a)', 'VIEW keyfold_branch_keys AS SELECT 1', 'INDEX keyfold_branch_keys ON notes (text)'])(
    'what is not its own is left alone: %s',
    (declaration) => {
      const db = database()
      db.exec(`CREATE ${declaration}`)
      const error = errorOf(() => sqliteBranchKeyStore(db))
      expect(error.code).toBe('ERR_BRANCH_KEY_TABLE')
      expect(error.message).toContain('keyfold_branch_keys')
      const store = sqliteBranchKeyStore(db, { table: 'b"k; --' })
      expect(store.insert(row(1))).toBe(true)
      expect(store.replace(row(1), null)).toBe(true)
      expect(sqliteBranchKeyStore(db, { table: 'b"k; --' }).find(row(1).keyId)!.sealed).toBeNull()
    },
  )

  test('two tables of one database are two stores', () => {
    const db = database()
    const [one, other] = [sqliteBranchKeyStore(db, { table: 'one' }), sqliteBranchKeyStore(db, { table: 'other', name: 'others' })]
    one.insert(row(1))
    expect(other.list({ limit: 10 })).toEqual([])
    expect(other.name).toBe('others')
  })

  test.each([
    [{ tables: 'a' }, /did you mean table/],
    [{ table: '' }, /table/],
    [{ table: 'a\0b' }, /table/],
    [{ table: 7 }, /table/],
    [{ name: 7 }, /name/],
  ])('wrong options are refused: %j', (options, says) => {
    const error = errorOf(() => sqliteBranchKeyStore(database(), options as object))
    expect(error.code).toBe('ERR_TABLE_OPTIONS')
    expect(error.message).toMatch(says)
  })

  test.each([0, -1, 1.5, Number.NaN])('a page of %s rows is refused', (limit) => {
    expect(errorOf(() => sqliteBranchKeyStore(database()).list({ limit })).code).toBe('ERR_TABLE_OPTIONS')
  })

  test('what is no database is refused', () => {
    expect(errorOf(() => sqliteBranchKeyStore('./app.db' as never)).code).toBe('ERR_TABLE_OPTIONS')
  })

  test('a read-only database gives its keys, and takes none', () => {
    const db = database()
    sqliteBranchKeyStore(db).insert(row(1))
    const store = sqliteBranchKeyStore(new Database(db.name, { readonly: true }))
    onTestFinished(() => store.close())
    expect(store.versions('p1')).toHaveLength(1)
    expect(errorOf(() => store.insert(row(2))).code).toBe('ERR_SQLITE_READONLY')
  })

  test('a full disk refuses the key, and all stays as it was', () => {
    const db = database('PRAGMA page_size = 512; VACUUM')
    const store = sqliteBranchKeyStore(db)
    store.insert(row(1))
    db.pragma(`max_page_count = ${String(db.pragma('page_count', { simple: true }))}`)
    const refused = Array.from({ length: 10 }, (_, i) => {
      try {
        return store.insert(row(i + 2)) ? 'inserted' : 'there'
      } catch (error) {
        return (error as { code: string }).code
      }
    })
    expect(refused).toContain('ERR_SQLITE_FULL')
    expect(store.list({ limit: 100 })).toHaveLength(1 + refused.filter((end) => end === 'inserted').length)
    expect(db.pragma('integrity_check', { simple: true })).toBe('ok')
  })
})

/** Fills the table past the store, all in one transaction: the store's own writes wait for the disk. */
function fill(db: Database.Database, count: number, partition = (i: number) => `p${i}`): void {
  sqliteBranchKeyStore(db).insert(row(0, { partition: partition(0) }))
  const insert = db.prepare('INSERT INTO keyfold_branch_keys VALUES (?, ?, 1, ?, ?)')
  db.transaction(() => {
    for (let i = 1; i < count; i++) insert.run(row(i).keyId, partition(i), row(i).createdAt, marked(i))
  })()
}

describe('crypto-shredding: of a destroyed branch key no sealed byte stays in the files', () => {
  test.each(journalModes)('in journal mode %s', (mode) => {
    const db = database(`PRAGMA page_size = 1024; VACUUM; PRAGMA journal_mode = ${mode}`)
    fill(db, 400)
    const store = sqliteBranchKeyStore(db)
    const old = store.find(row(150).keyId)!
    expect(store.replace(old, Buffer.concat([marked(1150), marked(2150)]))).toBe(true)
    for (const i of [0, 1, 150, 399]) {
      expect(store.replace(store.find(row(i).keyId)!, null)).toBe(true)
      expect(filesHolding(db.name, marked(i).subarray(0, 40))).toEqual([])
    }
    expect(filesHolding(db.name, marked(151).subarray(0, 40))).toEqual(['app.db'])
    expect(filesHolding(db.name, marked(1150).subarray(0, 40))).toEqual([])
    expect(store.list({ limit: 1000 }).filter(({ sealed }) => sealed === null)).toHaveLength(4)
    expect(store.list({ limit: 1000 })).toHaveLength(400)
    expect(db.pragma('integrity_check', { simple: true })).toBe('ok')
  })

  test('nor where SQLite left copies of it behind when it spread cells over pages anew', () => {
    const db = database('PRAGMA page_size = 4096; VACUUM; PRAGMA secure_delete = 1')
    fill(db, 2000)
    const update = db.prepare('UPDATE keyfold_branch_keys SET sealed = ? WHERE key_id = ?')
    db.transaction(() => {
      for (let round = 1; round < 4; round++)
        for (let i = 0; i < 2000; i += round + 1) update.run(longer(i, (i % 3) * 100), row(i).keyId)
      for (let i = 0; i < 2000; i++) update.run(null, row(i).keyId)
    })()
    const left = (): number => {
      const bytes = readFileSync(db.name)
      return Array.from({ length: 2000 }, (_, i) => marked(i).subarray(0, 20)).filter((mark) => bytes.includes(mark)).length
    }
    expect(left()).toBeGreaterThan(0)
    expect(sqliteBranchKeyStore(db).scrub()).toEqual([])
    expect(left()).toBe(0)
  })

  test.each(['PRAGMA auto_vacuum = FULL', 'PRAGMA auto_vacuum = INCREMENTAL', 'PRAGMA encoding = "UTF-16le"'])('with %s', (pragma) => {
    const db = database(`PRAGMA page_size = 1024; ${pragma}; VACUUM`)
    fill(db, 100, (i) => `Kundin ${i} ä 🔑`)
    const store = sqliteBranchKeyStore(db)
    expect(store.replace(store.find(row(50).keyId)!, null)).toBe(true)
    expect(filesHolding(db.name, marked(50).subarray(0, 40))).toEqual([])
    expect(store.versions('Kundin 51 ä 🔑')[0]!.sealed).toEqual(marked(51))
  })

  test('what a reader of an older state holds up is said by scrub, and goes when the reader has ended', () => {
    const db = database('PRAGMA journal_mode = WAL')
    const store = sqliteBranchKeyStore(connect(db))
    store.insert(row(1))
    store.insert(row(2))
    db.exec('BEGIN; SELECT count(*) FROM notes')
    expect(store.replace(row(1), null)).toBe(true)
    expect(store.scrub()).toEqual([expect.stringMatching(/write-ahead log/)])
    expect(filesHolding(db.name, marked(1))).not.toEqual([])
    db.exec('COMMIT')
    expect(store.scrub()).toEqual([])
    expect(filesHolding(db.name, marked(1))).toEqual([])
    expect(store.find(row(2).keyId)!.sealed).toEqual(marked(2))
  })

  test('a view of the application that is broken does not stand in the way', () => {
    const db = database()
    db.exec('CREATE TABLE gone (a); CREATE VIEW broken AS SELECT a FROM gone; DROP TABLE gone')
    const store = sqliteBranchKeyStore(db)
    store.insert(row(1))
    expect(store.replace(row(1), null)).toBe(true)
    expect(readFileSync(db.name).includes(marked(1))).toBe(false)
  })
})

test('a million branch keys are listed page by page, in flat memory', () => {
  const db = database('PRAGMA journal_mode = OFF')
  sqliteBranchKeyStore(db).insert(row(1))
  db.exec(`WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000)
    INSERT INTO keyfold_branch_keys SELECT unhex(printf('%024x', i)), printf('p%07d', i), 1, 1790000000000, zeroblob(150) FROM n`)
  const store = sqliteBranchKeyStore(db)
  let after: Uint8Array | undefined
  let [count, most] = [0, 0]
  const before = process.memoryUsage().rss
  for (;;) {
    const page = store.list({ limit: 1000, ...(after !== undefined && { after }) })
    count += page.length
    most = Math.max(most, process.memoryUsage().rss - before)
    if (page.length < 1000) break
    after = page.at(-1)!.keyId
  }
  expect(count).toBe(1_000_000)
  expect(most).toBeLessThan(150 * 2 ** 20)
})
