import { describe, expect, test } from 'vitest'
import { readLayout } from '../src/layout.ts'
import { parseTableOptions } from '../src/table-options.ts'
import { errorOf, newDatabase } from './support.ts'

const layoutOf = (sql: string, id: string | string[], columns = ['c']) => {
  const table = /TABLE "?(\w+)/i.exec(sql)![1]!
  return readLayout(newDatabase(sql), parseTableOptions({ table, id, columns }))
}

describe('what may be an id', () => {
  test.each([
    ['INTEGER PRIMARY KEY', 'CREATE TABLE t (id INTEGER PRIMARY KEY, c)', 'id', true],
    ['as a table constraint', 'CREATE TABLE t (id INTEGER, c, PRIMARY KEY (id))', 'id', true],
    ['AUTOINCREMENT', 'CREATE TABLE t (id integer primary key autoincrement, c)', 'id', true],
    ['INTEGER PRIMARY KEY DESC, which is no rowid', 'CREATE TABLE t (id INTEGER PRIMARY KEY DESC, c)', 'id', false],
    ['INT PRIMARY KEY', 'CREATE TABLE t (id INT PRIMARY KEY, c)', 'id', false],
    ['TEXT PRIMARY KEY', 'CREATE TABLE t (id TEXT PRIMARY KEY, c)', 'id', false],
    ['WITHOUT ROWID', 'CREATE TABLE t (id INTEGER PRIMARY KEY, c) WITHOUT ROWID', 'id', false],
    ['a composite key, in any order', 'CREATE TABLE t (a, b, c, PRIMARY KEY (a, b))', ['b', 'a'], false],
    ['UNIQUE NOT NULL beside a primary key', 'CREATE TABLE t (n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, c)', 'id', false],
    ['a unique index', 'CREATE TABLE t (id TEXT NOT NULL, c); CREATE UNIQUE INDEX u ON t (id)', 'id', false],
  ])('%s', (_title, sql, id, rowid) => {
    expect(layoutOf(sql, id).key.rowid).toBe(rowid)
  })

  test.each([
    ['an implicit rowid, which VACUUM renumbers', 'CREATE TABLE t (id, c)', 'id', /no declared key of t, which has no declared key at all/],
    ['an index that is not unique', 'CREATE TABLE t (id NOT NULL, c); CREATE INDEX i ON t (id)', 'id', /no declared key/],
    ['a partial unique index', 'CREATE TABLE t (id NOT NULL, c); CREATE UNIQUE INDEX i ON t (id) WHERE id > 5', 'id', /no declared key/],
    ['a unique index on an expression', 'CREATE TABLE t (id NOT NULL, c); CREATE UNIQUE INDEX i ON t (lower(id))', 'id', /no declared key/],
    [
      'a part of a composite key',
      'CREATE TABLE t (a, b, c, PRIMARY KEY (a, b))',
      'a',
      /a is no declared key of t, which has the keys a \+ b/,
    ],
    ['more than the key', 'CREATE TABLE t (a PRIMARY KEY, b NOT NULL, c)', ['a', 'b'], /has the keys a$/],
    ['a unique column that may be NULL', 'CREATE TABLE t (id UNIQUE, c)', 'id', /column id of t is unique, but may be NULL/],
  ])('not %s', (_title, sql, id, fact) => {
    const error = errorOf(() => layoutOf(sql, id))
    expect(error.code).toBe('ERR_TABLE_ID')
    expect(error.message).toMatch(fact)
    expect(error.hint).toMatch(/VACUUM renumbers/)
  })

  test('a view, a virtual table or one of SQLite is no table to seal', () => {
    const db = newDatabase(
      'CREATE TABLE t (id INTEGER PRIMARY KEY, c); CREATE VIEW v AS SELECT * FROM t; CREATE VIRTUAL TABLE f USING fts5(c)',
    )
    for (const table of ['v', 'f', 'f_data', 'sqlite_schema']) {
      expect(errorOf(() => readLayout(db, parseTableOptions({ table, id: 'id', columns: ['c'] }))).code).toBe('ERR_TABLE_NOT_FOUND')
    }
  })

  test('a TEMP table of the same name does not stand in', () => {
    const db = newDatabase('CREATE TABLE t (id INTEGER PRIMARY KEY, c TEXT); CREATE TEMP TABLE t (id, c)')
    expect(readLayout(db, parseTableOptions({ table: 't', id: 'id', columns: ['c'] })).sealed[0]!.form).toBe('text')
  })

  test('a UTF-16 database is refused: its texts are other bytes', () => {
    const error = errorOf(() => layoutOf("PRAGMA encoding = 'UTF-16le'; CREATE TABLE t (id INTEGER PRIMARY KEY, c)", 'id'))
    expect(error.code).toBe('ERR_SQLITE_ENCODING')
  })
})
