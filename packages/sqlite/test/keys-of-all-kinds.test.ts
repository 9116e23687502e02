import { createKeyring } from '@keyfold/core'
import { corpus } from '@keyfold/test-support'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { sealedTable } from '../src/index.ts'
import { quote } from '../src/names.ts'
import { connect, errorOf, newDatabase, newKey, newKeyring, remote } from './support.ts'

describe('keys', () => {
  test('of a NOCASE key the row is found as SQLite finds it, and opens by its own id', async () => {
    const db = newDatabase('CREATE TABLE t (id TEXT PRIMARY KEY COLLATE NOCASE, c)')
    const table = sealedTable(db, { table: 't', id: 'id', columns: ['c'], keyring: newKeyring() })
    await table.put('Ada', { c: 1 })
    await table.put('ADA', { c: 2 })
    expect(await table.all()).toEqual([{ id: 'Ada', c: 2 }])
    expect(await table.get('ada')).toEqual({ id: 'Ada', c: 2 })
    expect(await table.delete('aDA')).toBe(true)
  })

  test('of a NOCASE key a row that came meanwhile under another spelling is updated, and opens', async () => {
    const db = newDatabase('CREATE TABLE t (id TEXT PRIMARY KEY COLLATE NOCASE, c)')
    const [other, wrapper] = [connect(db), remote(newKey())]
    let races = 1
    const slow = { ...wrapper, wrap: async (...call: Parameters<typeof wrapper.wrap>) => {
      if (races-- > 0) other.exec("INSERT INTO t (id) VALUES ('ADA')")
      return wrapper.wrap(...call)
    } }
    const table = sealedTable(db, { table: 't', id: 'id', columns: ['c'], keyring: createKeyring({ active: slow }) })
    await table.put('ada', { c: 1 })
    expect(await table.all()).toEqual([{ id: 'ADA', c: 1 }])
  })

  test('a unique index with another collation than its column decides', () => {
    const db = newDatabase('CREATE TABLE t (id TEXT COLLATE NOCASE NOT NULL, c); CREATE UNIQUE INDEX u ON t (id COLLATE BINARY)')
    const table = sealedTable(db, { table: 't', id: 'id', columns: ['c'], keyring: newKeyring() })
    const ids = Array.from({ length: 450 }, (_, i) => `${i % 2 === 0 ? 'a' : 'A'}${String(i >> 1).padStart(3, '0')}`)
    for (const id of ids) table.putSync(id, { c: id })
    expect(ids.map((id) => table.getSync(id)!['c'])).toEqual(ids)
    expect([...table.iterateSync()].map(({ id }) => id)).toEqual(ids.toSorted())
  })

  test.each([
    ['PRIMARY KEY (a, b)'],
    ['PRIMARY KEY (a DESC, b)'],
    ['PRIMARY KEY (b, a)) WITHOUT ROWID --'],
    ['UNIQUE (a, b)'],
    ['PRIMARY KEY (a COLLATE NOCASE, b DESC)'],
  ])('composite ids, %s', (constraint) => {
    const db = newDatabase(`CREATE TABLE t (a TEXT NOT NULL, b NOT NULL, c, ${constraint}\n)`.replace(/--\n\)/, ''))
    const table = sealedTable(db, { table: 't', id: ['a', 'b'], columns: ['c'], keyring: newKeyring() })
    const ids = ['x', 'y', 'z'].flatMap((a) => Array.from({ length: 80 }, (_, b) => [a, b] as const))
    for (const id of ids) table.putSync(id, { c: id.join() })
    table.putSync(['y', '5'], { c: 'text' })
    expect(table.getSync(['y', 5])!['c']).toBe('y,5')
    expect(table.getSync(['y', '5'])!['c']).toBe('text')
    expect([...table.iterateSync()]).toHaveLength(241)
    expect(new Set([...table.iterateSync()].map(({ a, b }) => JSON.stringify([a, b]))).size).toBe(241)
    expect(errorOf(() => table.getSync(5)).message).toMatch(/the id has 1 values, it takes 2: a, b/)
    expect(table.insertSync({ a: 'q', b: 1, c: 'new' })).toEqual(['q', 1])
    expect(errorOf(() => table.insertSync({ a: 'q', c: 'new' })).code).toBe('ERR_TABLE_ID_VALUE')
  })

  test('an INTEGER PRIMARY KEY DESC and a WITHOUT ROWID table', () => {
    for (const sql of ['CREATE TABLE t (id INTEGER PRIMARY KEY DESC, c)', 'CREATE TABLE t (id INTEGER PRIMARY KEY, c) WITHOUT ROWID']) {
      const table = sealedTable(newDatabase(sql), { table: 't', id: 'id', columns: ['c'], keyring: newKeyring() })
      for (let id = 1; id <= 450; id++) table.putSync(id, { c: id })
      expect([...table.iterateSync()].map(({ c }) => c)).toEqual(Array.from({ length: 450 }, (_, i) => i + 1))
    }
  })
})

describe('names', () => {
  test('logical names outlast a rename in the database', async () => {
    const db = newDatabase('CREATE TABLE users (id INTEGER PRIMARY KEY, ssn TEXT)')
    const keyring = newKeyring()
    await sealedTable(db, { table: 'users', id: 'id', columns: ['ssn'], keyring }).put(1, { ssn: 'secret' })
    db.exec('ALTER TABLE users RENAME COLUMN ssn TO col_7; ALTER TABLE users RENAME TO tbl_1; ALTER TABLE tbl_1 RENAME COLUMN id TO pk')
    const renamed = sealedTable(db, { table: { users: 'tbl_1' }, id: 'pk', columns: { ssn: 'col_7' }, keyring })
    expect(await renamed.get(1)).toEqual({ pk: 1, ssn: 'secret' })
    await renamed.put(1, { ssn: 'new' })
    expect(errorOf(() => renamed.putSync(1, { col_7: 'x' })).code).toBe('ERR_TABLE_COLUMN')
    const physical = sealedTable(db, { table: 'tbl_1', id: 'pk', columns: ['col_7'], keyring })
    expect(errorOf(() => physical.getSync(1)).code).toBe('ERR_NOT_AUTHENTIC')
  })

  test('any name SQLite takes, for table, id and column', (context) => {
    const blns = JSON.parse(readFileSync(corpus(context, 'naughty-strings', 'blns.json'), 'utf8')) as string[]
    const names = [
      'select',
      'two words',
      'quo"te',
      "apo'strophe",
      'x]y',
      '`tick`',
      'naïve ☃ 😀',
      '__proto__',
      'constructor',
      '?',
      ':a',
      ...blns,
    ].filter((name) => name !== '' && !name.includes('\0') && name.isWellFormed() && !name.toLowerCase().startsWith('sqlite_'))
    const db = newDatabase('')
    const keyring = newKeyring()
    for (const [i, name] of names.entries()) {
      const id = names[(i + 1) % names.length] === name ? 'id' : names[(i + 1) % names.length]!
      if (id.toLowerCase() === name.toLowerCase()) continue
      db.exec(`CREATE TABLE ${quote(name)} (${quote(id)} INTEGER PRIMARY KEY, ${quote(name)})`)
      const table = sealedTable(db, { table: name, id, columns: [name], keyring })
      table.putSync(1, { [name]: 'secret' })
      expect(new Map(Object.entries(table.getSync(1)!))).toEqual(
        new Map<string, unknown>([
          [id, 1],
          [name, 'secret'],
        ]),
      )
      db.exec(`DROP TABLE ${quote(name)}`)
    }
  })
})
