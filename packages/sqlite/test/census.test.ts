import { createKeyring, sealSync, toText } from '@keyfold/core'
import type { Keyring, SyncKeyWrapper } from '@keyfold/core'
import type Database from 'better-sqlite3'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { C, rotateColumn, storeOf } from './rotating.ts'
import { connect, newDatabase, newKey, newKeyring } from './support.ts'

const hexId = (key: SyncKeyWrapper): string => Buffer.from(key.keyId).toString('hex')
const context = { table: 't', column: 'c', id: 'integer:1' }
const sealed = (keyring: Keyring<SyncKeyWrapper>): Buffer => Buffer.from(sealSync(keyring, 'x', context))
const indexesOf = (db: Database.Database) => db.prepare("SELECT name FROM sqlite_schema WHERE name LIKE 'keyfold%'").pluck().all()

test('counts what the cells claim, with and without its index', () => {
  const [a, b] = [newKey('a'), newKey('b')]
  const [ringA, ringB, both] = [createKeyring({ active: a }), createKeyring({ active: b }), createKeyring({ active: a, recovery: [b] })]
  const bytes = sealed(ringA)
  const futureSuite = Buffer.from(bytes)
  futureSuite[3] = 9
  const noKeys = Buffer.from(bytes)
  noKeys[5] = 0
  const values = [
    sealed(ringA),
    sealed(ringA),
    toText(sealed(ringA)),
    sealed(ringB),
    toText(sealed(ringB)),
    sealed(both),
    toText(sealed(both)),
    null,
    null,
    'plain',
    '',
    'kf',
    'kfx',
    'KF',
    0,
    1.5,
    Buffer.from('KF'),
    Buffer.from('KFC'),
    Buffer.alloc(0),
    Buffer.from('KFIDS'),
    Buffer.alloc(40),
    // malformed: cut within the key id, another version, no keys, no base64url where the id stands, text forms of the same
    bytes.subarray(0, 17),
    Buffer.from('KF\x02 and more than eighteen bytes'),
    noKeys,
    `kf1.S0YBAQAB${'!'.repeat(16)}`,
    'kf1.',
    'kf2.abc',
    toText(bytes).slice(0, 27),
  ]
  const db = newDatabase('CREATE TABLE t (id INTEGER PRIMARY KEY, c)')
  for (const value of values) db.prepare('INSERT INTO t (c) VALUES (?)').run(value)
  const store = storeOf(db)
  const expected = {
    ...C,
    total: values.length,
    null: 2,
    plaintext: 12,
    malformed: 7,
    byKey: new Map([
      [hexId(a), 5],
      [hexId(b), 4],
    ]),
  }
  expect(store.census(C)).toEqual(expected)
  store.prepare()
  expect(store.census(C)).toEqual(expected)
})

test('takes one moment: what another connection commits meanwhile is not half in it', () => {
  const db = newDatabase("PRAGMA journal_mode = WAL; CREATE TABLE t (id INTEGER PRIMARY KEY, c); INSERT INTO t (c) VALUES ('a'), ('b')")
  const other = connect(db)
  const store = storeOf(
    new Proxy(db, {
      get: (target, name) => {
        if (name !== 'prepare') return bound(target, name)
        return (sql: string) => {
          if (sql.includes('GROUP BY')) other.exec("INSERT INTO t (c) VALUES ('late')")
          return target.prepare(sql)
        }
      },
    }),
  )
  expect(store.census(C)).toMatchObject({ total: 2, plaintext: 2, null: 0 })
  expect(store.census(C).total).toBe(3)
})

function bound(target: Database.Database, name: string | symbol): unknown {
  const value: unknown = Reflect.get(target, name)
  return typeof value === 'function' ? (value.bind(target) as unknown) : value
}

test('prepare makes one index a column, once, and finds it after a rename', () => {
  const db = newDatabase('CREATE TABLE t (id INTEGER PRIMARY KEY, c, "odd ""name" TEXT); CREATE TABLE keyfold_key_id_t_c (x)')
  const columns = ['c', 'odd "name']
  storeOf(db, 'id', columns).prepare()
  storeOf(db, 'id', columns).prepare()
  expect(indexesOf(db)).toEqual(['keyfold_key_id_t_c', 'keyfold_key_id_t_c_2', 'keyfold_key_id_t_odd "name'])
  db.exec(
    'ALTER TABLE t RENAME COLUMN c TO c2; ALTER TABLE t RENAME COLUMN "odd ""name" TO c; ALTER TABLE t RENAME TO t2; ALTER TABLE t2 RENAME TO t',
  )
  storeOf(db, 'id', ['c', 'c2']).prepare()
  expect(indexesOf(db)).toHaveLength(3)
})

test('the index is what the census is counted by, and no page of it holds plaintext', () => {
  const db = newDatabase('CREATE TABLE t (id INTEGER PRIMARY KEY, c)')
  const insert = db.prepare('INSERT INTO t (c) VALUES (?)')
  for (let i = 0; i < 500; i++) insert.run(['kf-secret', 'KF-secret', 'secret', Buffer.from('KF-secret'), Buffer.from('secret')][i % 5])
  const store = storeOf(db)
  store.prepare()
  expect(pagesHolding(db, 't', 'secret')).toBeGreaterThan(0)
  expect(pagesHolding(db, 'keyfold_key_id_t_c', 'secret')).toBe(0)
  const definition = /\((CASE .* END)\)$/.exec(
    db.prepare("SELECT sql FROM sqlite_schema WHERE name = 'keyfold_key_id_t_c'").pluck().get() as string,
  )![1]!
  const plan = db.prepare(`EXPLAIN QUERY PLAN SELECT count(*) FROM t WHERE ${definition} = ?`).all(1) as Array<{ detail: string }>
  expect(plan[0]!.detail).toMatch(/SEARCH t USING COVERING INDEX keyfold_key_id_t_c/)
  rotateColumn(store, newKeyring())
  expect(store.census(C)).toMatchObject({ plaintext: 0, malformed: 0, total: 500 })
})

/** How many pages of a table or index hold these bytes. */
function pagesHolding(db: Database.Database, name: string, text: string): number {
  const size = Number(db.pragma('page_size', { simple: true }))
  const file = readFileSync(db.name)
  const pages = db.prepare('SELECT pageno FROM dbstat WHERE name = ?').pluck().all(name) as number[]
  expect(pages.length).toBeGreaterThan(0)
  return pages.filter((page) => file.subarray((page - 1) * size, page * size).includes(text)).length
}
