import { join } from 'node:path'
import type { Keyring, SyncKeyWrapper } from '@keyfold/core'
import type { SqliteStore } from '@keyfold/sqlite'
import { openDatabase, sealedTable, sqliteStore } from '@keyfold/sqlite'
import Sqlite from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { retire, rotate, status, verify } from '../../src/index.ts'
import type { Bench } from './fixtures.ts'
import { bench } from './fixtures.ts'

const TABLE = { table: 'customers', id: 'id', columns: ['email', 'note'] }

interface Shop extends Bench {
  readonly path: string
  readonly store: SqliteStore
}

async function shop(rows: number): Promise<Shop> {
  const base = await bench()
  const path = join(base.folder, 'app.db')
  const db = new Sqlite(path)
  db.exec('CREATE TABLE customers (id INTEGER PRIMARY KEY, email TEXT, note)')
  const insert = db.prepare('INSERT INTO customers VALUES (?, ?, ?)')
  for (let id = 1; id <= rows; id++) insert.run(id, `person${id}@example.org`, [null, 5.5, 'text', Buffer.from([0, 255])][id % 4])
  db.close()
  return { ...base, path, store: sqliteStore(await openDatabase(path), { name: 'app.db', tables: [TABLE] }) }
}

/** Every row as an application reads it with this keyring alone. */
async function readAll(path: string, keyring: Keyring<SyncKeyWrapper>): Promise<unknown[]> {
  const db = await openDatabase(path)
  const table = sealedTable(db, { ...TABLE, keyring })
  const rows: unknown[] = []
  for (const { id } of new Sqlite(path, { readonly: true }).prepare('SELECT id FROM customers ORDER BY id').all() as { id: number }[]) {
    const { email, note } = (await table.get(id))!
    rows.push([id, email, note])
  }
  db.close()
  return rows
}

describe('a rotation of a real database', () => {
  test('stopped after each batch in turn, it goes on from there, and every value comes back', async () => {
    const { path, store, ledger, keyring } = await shop(60)
    let runs = 0
    for (let outcome = ''; outcome !== 'done'; runs++) {
      const controller = new AbortController()
      const options = { stores: [store], keyring: keyring('q3'), ledger, batch: 10, signal: controller.signal }
      ;({ outcome } = await rotate({ ...options, onProgress: () => controller.abort() }))
      expect(['interrupted', 'done']).toContain(outcome)
      expect(runs).toBeLessThan(40)
    }
    expect(runs).toBeGreaterThan(10)
    const sealed = await readAll(path, keyring('q3'))
    expect(sealed.slice(0, 4)).toEqual([
      [1, 'person1@example.org', 5.5],
      [2, 'person2@example.org', 'text'],
      [3, 'person3@example.org', Buffer.from([0, 255])],
      [4, 'person4@example.org', null],
    ])
    await rotate({ stores: [store], keyring: keyring('q4', 'q3'), ledger, batch: 7 })
    expect(await readAll(path, keyring('q4'))).toEqual(sealed)
  })

  test('what an application writes between read and write wins, and is sealed', async () => {
    const { path, store, ledger, keyring } = await shop(40)
    const application = new Sqlite(path)
    const update = application.prepare('UPDATE customers SET email = ? WHERE id = ?')
    let left = 5
    const busy: SqliteStore = {
      ...store,
      read: (column, options) => {
        const records = store.read(column, options)
        if (left > 0 && column.column === 'email') update.run(`changed ${left}`, left--)
        return records
      },
    }
    const report = await rotate({ stores: [busy], keyring: keyring('q3'), ledger, batch: 8 })
    application.close()
    expect(report).toMatchObject({ outcome: 'done', pending: 0 })
    expect(report.conflicts).toBeGreaterThan(0)
    const emails = ((await readAll(path, keyring('q3'))) as [number, string][]).map(([, email]) => email)
    expect(emails.slice(0, 6)).toEqual(['changed 1', 'changed 2', 'changed 3', 'changed 4', 'changed 5', 'person6@example.org'])
  })

  test('abuse 33 and abuse 34: a record that does not open is reported, and its key stays until it is repaired', async () => {
    const { path, store, ledger, keyring } = await shop(20)
    await rotate({ stores: [store], keyring: keyring('q3'), ledger })
    const other = new Sqlite(path)
    const whole = other.prepare('SELECT email FROM customers WHERE id = 5').pluck().get() as string
    const broken = `${whole.slice(0, 40)}${whole[40] === 'A' ? 'B' : 'A'}${whole.slice(41)}`
    other.prepare('UPDATE customers SET email = ? WHERE id = 5').run(broken)
    const stores = [store]
    expect(await rotate({ stores, keyring: keyring('q4', 'q3'), ledger })).toMatchObject({
      outcome: 'quarantined',
      quarantined: { total: 1 },
    })
    expect(await verify({ stores, keyring: keyring('q4', 'q3'), ledger, full: true })).toMatchObject({ failed: { total: 1 } })
    const needed = await retire({ stores, keyring: keyring('q4', 'q3'), ledger, key: 'key-file:q3' })
    expect(needed).toMatchObject({ outcome: 'needed', needed: [{ store: 'app.db', column: 'email', records: 1 }] })
    other.prepare('UPDATE customers SET email = ? WHERE id = 5').run(whole)
    other.close()
    expect(await rotate({ stores, keyring: keyring('q4', 'q3'), ledger })).toMatchObject({ outcome: 'done', rewrapped: 1 })
    expect(await retire({ stores, keyring: keyring('q4', 'q3'), ledger, key: 'key-file:q3' })).toMatchObject({
      outcome: 'retired',
      opened: 35,
    })
  })

  test('status names every key with its records, and when the active one is due', async () => {
    const { store, ledger, keyring } = await shop(8)
    await rotate({ stores: [store], keyring: keyring('q3'), ledger })
    const document = await status({ stores: [store], keyring: keyring('q3', 'q2'), ledger, cryptoperiodDays: 90 })
    expect(document).toMatchObject({ schema: 'kms-rotate/1', message_type: 'status', rotation: null })
    expect(document.keys).toMatchObject([
      { id: 'key-file:q3', state: 'active', records: 14 },
      { id: 'key-file:q2', state: 'decrypt-only', records: 0, due: null },
    ])
    const days = (Date.parse(document.keys[0]!.due!) - Date.now()) / 86_400_000
    expect(days).toBeGreaterThan(89)
    expect(document.stores[1]).toEqual({
      store: 'app.db',
      table: 'customers',
      column: 'note',
      total: 8,
      null: 2,
      plaintext: 0,
      byKey: { 'key-file:q3': 6 },
    })
  })
})
