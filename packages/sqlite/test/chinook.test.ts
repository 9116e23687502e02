/** A real database that nobody of this project made: sealed, rewrapped twice, read back. */
import { createKeyring } from '@keyfold/core'
import { corpus, temporaryFolder } from '@keyfold/test-support'
import Database from 'better-sqlite3'
import { copyFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openDatabase, sealedTable, sqliteStore } from '../src/index.ts'
import type { Row, TableOptions } from '../src/index.ts'
import { rotateColumn } from './rotating.ts'
import { filesHolding, newKey } from './support.ts'

const TABLES: readonly TableOptions[] = [
  { table: 'Customer', id: 'CustomerId', columns: ['FirstName', 'LastName', 'Address', 'Phone', 'Fax', 'Email'] },
  { table: 'Employee', id: 'EmployeeId', columns: ['LastName', 'FirstName', 'BirthDate', 'Address', 'Phone', 'Fax', 'Email'] },
]

test('every value and type comes back, and no plaintext is left in the files', async (context) => {
  const source = corpus(context, 'sqlite', 'Chinook_Sqlite.sqlite')
  const path = join(temporaryFolder(), 'chinook.db')
  copyFileSync(source, path)
  const original = new Database(source, { readonly: true, fileMustExist: true })
  const plain = TABLES.map(({ table, id }) => original.prepare(`SELECT * FROM ${table as string} ORDER BY ${id as string}`).all() as Row[])
  original.close()

  const keys = ['a', 'b', 'c'].map(newKey)
  const store = sqliteStore(await openDatabase(path), { tables: TABLES })
  expect(store.check()).toEqual([])
  store.prepare()
  for (const [i, active] of keys.entries()) {
    const keyring = createKeyring({ active, decryptOnly: keys.slice(0, i) })
    for (const column of store.columns) {
      rotateColumn(store, keyring, column, 25)
      const { total, byKey, plaintext, malformed, null: empty } = store.census(column)
      expect([plaintext, malformed, [...byKey]]).toEqual([0, 0, [[Buffer.from(active.keyId).toString('hex'), total - empty]]])
    }
  }
  expect(store.scrub()).toEqual([])
  store.close()

  for (const [i, { columns }] of TABLES.entries()) {
    for (const row of plain[i]!) {
      for (const column of columns as string[]) {
        // Names and addresses stand in tables and columns that nobody asked to seal, too.
        const value = /Email|Phone|Fax|BirthDate/.test(column) ? row[column] : null
        if (value !== null) expect([column, filesHolding(path, value as string)]).toEqual([column, []])
      }
    }
  }
  const db = new Database(path)
  const keyring = createKeyring({ active: keys[2]! })
  for (const [i, options] of TABLES.entries()) expect(sealedTable(db, { ...options, keyring }).allSync()).toEqual(plain[i])
  expect(db.pragma('integrity_check', { simple: true })).toBe('ok')
  expect(db.pragma('foreign_key_check')).toEqual([])
  db.close()
})

test('abuse 39: the wrong database is a usage error, and stays as it is', async (context) => {
  const path = join(temporaryFolder(), 'other.db')
  corpus(context, 'sqlite', 'Chinook_Sqlite.sqlite')
  writeFileSync(path, '')
  const db = await openDatabase(path)
  expect(() => sqliteStore(db, { tables: TABLES })).toThrow(/there is no table Customer/)
  db.close()
  expect(filesHolding(path, 'Customer')).toEqual([])
})
