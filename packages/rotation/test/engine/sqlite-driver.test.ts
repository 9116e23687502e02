/** The one place that loads better-sqlite3. */
import { join } from 'node:path'
import { temporaryFolder } from '@keyfold/test-support'
import Sqlite from 'better-sqlite3'
import { expect, test } from 'vitest'
import { checkRuntime, copySqlite, openSqlite, sqliteCode } from '../../src/sqlite-driver.ts'

test.each([
  ['10', true],
  ['11', true],
  ['9', false],
  ['', false],
  [undefined, false],
])('a Node whose N-API has the version %s: %s', (napi, runs) => {
  const check = (): void => checkRuntime({ ...(napi !== undefined && { napi }), node: '20.19.0' })
  if (runs) expect(check).not.toThrow()
  else expect(check).toThrow(expect.objectContaining({ code: 'ERR_RUNTIME', message: 'SQLite cannot be used in Node 20.19.0' }))
})

test('the code of an error is told where it is one of SQLite’s', () => {
  const coded = (code: unknown): Error => Object.assign(new Error('x'), { code })
  expect(sqliteCode(coded('SQLITE_BUSY'))).toBe('SQLITE_BUSY')
  const others = [coded('ENOENT'), coded('X_SQLITE_'), coded(5), new Error('SQLITE_BUSY'), { code: 'SQLITE_BUSY' }, 'SQLITE_BUSY', undefined, null]
  for (const other of others) expect(sqliteCode(other)).toBeUndefined()
})

test('a copy in memory has what the file had, and the file is closed', async () => {
  const path = join(temporaryFolder(), 'a.db')
  const made = new Sqlite(path)
  made.exec('CREATE TABLE t (a); INSERT INTO t VALUES (1), (2)')
  made.close()
  const db = await openSqlite(path, { readonly: true, fileMustExist: true })
  const copy = await copySqlite(db)
  expect(copy.prepare('SELECT a FROM t ORDER BY a').all()).toEqual([{ a: 1 }, { a: 2 }])
  expect(() => db.prepare('SELECT 1')).toThrow('The database connection is not open')
  copy.exec('INSERT INTO t VALUES (3)')
  copy.close()
  const again = new Sqlite(path, { readonly: true })
  expect(again.prepare('SELECT count(*) FROM t').pluck().get()).toBe(2)
  again.close()
})

test('a file that cannot be copied is closed too', async () => {
  const path = join(temporaryFolder(), 'a.db')
  new Sqlite(path).exec('CREATE TABLE t (a)').close()
  const db = await openSqlite(path, {})
  const closed: boolean[] = []
  const broken = { ...db, serialize: () => { throw new Error('no memory') }, close: () => closed.push(true) }
  await expect(copySqlite(broken)).rejects.toThrow('no memory')
  expect(closed).toEqual([true])
  db.close()
})
