import { describe, expect, test } from 'vitest'
import type { SealedTableOptions } from '../src/index.ts'
import { sealedTable, sqliteStore } from '../src/index.ts'
import { parseTableOptions } from '../src/table-options.ts'
import type { TableOptions } from '../src/table-options.ts'
import { connect, errorOf, newDatabase, newKeyring } from './support.ts'

const USERS = 'CREATE TABLE users (id INTEGER PRIMARY KEY, ssn TEXT, email TEXT)'
const good = { table: 'users', id: 'id', columns: ['ssn'] } as const

describe('abuse 39: a misspelled option, table or column is named, and nothing is written', () => {
  const wrong: ReadonlyArray<readonly [title: string, options: object, code: string, fact: RegExp]> = [
    ['an unknown option', { ...good, colums: ['ssn'] }, 'ERR_TABLE_OPTIONS', /unknown option colums; did you mean columns\?/],
    ['an unknown table', { ...good, table: 'user' }, 'ERR_TABLE_NOT_FOUND', /no table user; did you mean users\?/],
    ['a table in another case, which would be another context', { ...good, table: 'Users' }, 'ERR_TABLE_NOT_FOUND', /did you mean users\?/],
    ['an unknown column', { ...good, columns: ['snn'] }, 'ERR_TABLE_COLUMN', /no column snn; did you mean ssn\?/],
    ['a column in another case', { ...good, columns: ['SSN'] }, 'ERR_TABLE_COLUMN', /did you mean ssn\?/],
    ['an unknown id', { ...good, id: 'ids' }, 'ERR_TABLE_COLUMN', /no column ids; did you mean id\?/],
    ['a name far from all', { ...good, columns: ['zzzzzz'] }, 'ERR_TABLE_COLUMN', /there are: id, ssn, email/],
    ['no columns', { ...good, columns: [] }, 'ERR_TABLE_OPTIONS', /columns is empty/],
    ['columns as one name', { ...good, columns: 'ssn' }, 'ERR_TABLE_OPTIONS', /columns names nothing; it takes an array/],
    ['a column twice', { ...good, columns: ['ssn', 'SSN'] }, 'ERR_TABLE_OPTIONS', /columns has SSN twice/],
    ['a column under two names', { ...good, columns: { a: 'ssn', b: 'ssn' } }, 'ERR_TABLE_OPTIONS', /columns has ssn twice/],
    [
      'a logical name that another column has',
      { ...good, columns: { email: 'ssn' } },
      'ERR_TABLE_OPTIONS',
      /another column of users has that name/,
    ],
    ['a sealed id', { ...good, columns: ['id'] }, 'ERR_TABLE_OPTIONS', /column id is part of the id/],
    ['no table', { id: 'id', columns: ['ssn'] }, 'ERR_TABLE_OPTIONS', /table names nothing; it takes a name/],
    ['two tables', { ...good, table: { a: 'users', b: 'users' } }, 'ERR_TABLE_OPTIONS', /table has 2 names/],
    ['a name that is a number', { ...good, columns: [7] }, 'ERR_TABLE_OPTIONS', /not a string/],
    ['a name with a zero byte', { ...good, columns: ['a\0b'] }, 'ERR_TABLE_OPTIONS', /SQLite cannot hold/],
  ]

  test.each(wrong)('%s', (_title, options, code, fact) => {
    const db = newDatabase(USERS)
    const before = connect(db).serialize()
    const keyring = newKeyring()
    for (const open of [
      () => sealedTable(db, { ...options, keyring } as unknown as SealedTableOptions),
      () => sqliteStore(db, { tables: [options as TableOptions] }),
    ]) {
      const error = errorOf(open)
      expect(error.code).toBe(code)
      expect(error.message).toMatch(fact)
      expect(error.hint).not.toBe('')
    }
    expect(connect(db).serialize().equals(before)).toBe(true)
  })

  test('options of the wrong kind for their function', () => {
    const db = newDatabase(USERS)
    const keyring = newKeyring()
    expect(errorOf(() => sealedTable(undefined as never, { ...good, keyring })).message).toMatch(/db is not/)
    expect(errorOf(() => sealedTable(db, { ...good } as never)).message).toMatch(/keyring is not/)
    expect(errorOf(() => sealedTable(db, { ...good, keyring, safeIntegers: 1 } as never)).message).toMatch(/safeIntegers/)
    expect(errorOf(() => sealedTable(db, { ...good, keyring, safeInteger: true } as never)).message).toMatch(/did you mean safeIntegers/)
    expect(errorOf(() => sqliteStore(db, { table: [good] } as never)).message).toMatch(/unknown option table; did you mean tables\?/)
    expect(errorOf(() => sqliteStore(db, { tables: [] })).message).toMatch(/tables is an array/)
    expect(errorOf(() => sqliteStore(db, undefined as never)).code).toBe('ERR_TABLE_OPTIONS')
    expect(errorOf(() => sqliteStore(db, { tables: [good, good] })).message).toMatch(/tables has users twice/)
    expect(errorOf(() => sqliteStore(db, { tables: [good, { ...good, table: { people: 'users' } }] })).message).toMatch(/users twice/)
  })
})

test('names can be given as they are, or as logical and physical ones', () => {
  expect(parseTableOptions({ table: 'users', id: ['a', 'b'], columns: ['ssn'] })).toEqual({
    table: { logical: 'users', physical: 'users' },
    id: ['a', 'b'],
    columns: [{ logical: 'ssn', physical: 'ssn' }],
  })
  expect(parseTableOptions({ table: { users: 'tbl_1' }, id: 'id', columns: { ssn: 'col 7' } })).toEqual({
    table: { logical: 'users', physical: 'tbl_1' },
    id: ['id'],
    columns: [{ logical: 'ssn', physical: 'col 7' }],
  })
})
