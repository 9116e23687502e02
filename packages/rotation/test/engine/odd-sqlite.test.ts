import { join } from 'node:path'
import type { SqliteDatabase } from '@keyfold/sqlite'
import { openDatabase, sqliteStore } from '@keyfold/sqlite'
import Sqlite from 'better-sqlite3'
import { expect, test } from 'vitest'
import { rotate } from '../../src/index.ts'
import { bench } from './fixtures.ts'

/** A connection that says it were of this release of SQLite. */
function posingAs(db: SqliteDatabase, version: string): SqliteDatabase {
  return new Proxy(db, {
    get: (target, name) => {
      if (name === 'prepare') return (sql: string) => target.prepare(sql.replace('sqlite_version()', `'${version}'`))
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}

test.each([
  ['3.51.2', 'WAL', 'ERR_STORE_UNSUITED'],
  ['3.50.9', 'WAL', 'ERR_STORE_UNSUITED'],
  ['3.51.2', 'DELETE', undefined],
  ['3.51.3', 'WAL', undefined],
  ['3.60.0', 'WAL', undefined],
  ['4.0.0', 'WAL', undefined],
] as const)('abuse 28: SQLite %s over a database in %s mode', async (version, journal, code) => {
  const { folder, keyring, ledger } = await bench()
  const path = join(folder, 'app.db')
  const db = new Sqlite(path)
  db.pragma(`journal_mode = ${journal}`)
  db.exec("CREATE TABLE customers (id INTEGER PRIMARY KEY, email TEXT); INSERT INTO customers VALUES (1, 'a@example.org')")
  db.close()
  const tables = [{ table: 'customers', id: 'id', columns: ['email'] }]
  const store = sqliteStore(posingAs(await openDatabase(path), version), { name: 'app.db', tables })
  const outcome = await rotate({ stores: [store], keyring: keyring('q3'), ledger }).then(
    () => undefined,
    (error: { code?: string; message: string }) => [error.code, error.message.includes('WAL-reset bug')],
  )
  store.close()
  expect(outcome).toEqual(code === undefined ? undefined : [code, true])
  const after = new Sqlite(path)
  expect(after.prepare('SELECT email FROM customers').pluck().get() === 'a@example.org').toBe(code !== undefined)
  after.close()
})
