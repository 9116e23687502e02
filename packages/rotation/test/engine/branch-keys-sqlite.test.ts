import { join } from 'node:path'
import type { BranchKeys, Keyring } from '@keyfold/core'
import { createBranchKeys, createKeyring, inspect, sealSync } from '@keyfold/core'
import { openDatabase, sealedTable, sqliteBranchKeyStore, sqliteStore } from '@keyfold/sqlite'
import Sqlite from 'better-sqlite3'
import * as fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import { census, plan, retire, rotate, status, verify } from '../../src/index.ts'
import { openedUnder, sealed as sealedInMemory } from './branched.ts'
import { bench } from './fixtures.ts'

const CUSTOMERS = { table: 'customers', id: 'id', columns: ['email'] }

/** Customers and branch keys in one file, on a connection each, as the command opens them; a trigger counts the updates of rows. */
async function shop(rows: number, journal = 'WAL') {
  const base = await bench()
  const path = join(base.folder, 'app.db')
  const db = new Sqlite(path)
  db.exec(`PRAGMA journal_mode = ${journal};
    CREATE TABLE customers (id INTEGER PRIMARY KEY, email TEXT);
    CREATE TABLE updates (row INTEGER);
    CREATE TRIGGER counted AFTER UPDATE ON customers BEGIN INSERT INTO updates VALUES (new.id); END;`)
  const insert = db.prepare('INSERT INTO customers VALUES (?, ?)')
  db.transaction(() => {
    for (let id = 1; id <= rows; id++) insert.run(id, `person${id}@example.org`)
  })()
  const store = sqliteStore(await openDatabase(path), { name: 'app.db', tables: [CUSTOMERS] })
  const keyStore = sqliteBranchKeyStore(await openDatabase(path))
  onTestFinished(() => [db, store, keyStore].forEach((each) => void each.close()))
  const branched = (keyring: Keyring, partition: string | { by: string } = { by: 'table' }): BranchKeys =>
    createBranchKeys({ keyring, store: keyStore, partition })
  const updates = (): number => db.prepare('SELECT count(*) FROM updates').pluck().get() as number
  return { ...base, path, db, store, keyStore, branched, updates }
}

describe.each(['WAL', 'DELETE'])('records and branch keys in one SQLite file (%s)', (journal) => {
  test('seal, rotate the master key, rotate the branch key, retire: every value comes back, rows are written where they must be', async () => {
    const { path, db, store, keyStore, ledger, keyring, branched, updates } = await shop(500, journal)
    const stores = [store]
    expect(await rotate({ stores, keyring: branched(keyring('q3')), ledger })).toMatchObject({ outcome: 'done', sealed: 500, remains: [] })
    expect(updates()).toBe(500)
    const ring = keyring('q4', 'q3')
    expect(await rotate({ stores, keyring: branched(ring), ledger })).toMatchObject({ outcome: 'done', branchKeys: { rewrapped: 1 } })
    expect(updates()).toBe(500)
    await branched(ring).rotate('customers')
    expect(await rotate({ stores, keyring: branched(ring), ledger })).toMatchObject({ outcome: 'done', rewrapped: 500 })
    expect(updates()).toBe(1000)
    expect(await retire({ stores, keyring: branched(ring), ledger, key: 'key-file:q3' })).toMatchObject({ outcome: 'retired', opened: 500 })
    const table = sealedTable(await openDatabase(path), { ...CUSTOMERS, keyring: branched(keyring('q4')) })
    expect((await table.all()).map((row) => row['email'])).toEqual(Array.from({ length: 500 }, (_, i) => `person${i + 1}@example.org`))
    expect(keyStore.versions('customers').map(({ version }) => version)).toEqual([1, 2])
    expect(db.pragma('integrity_check', { simple: true })).toBe('ok')
  })

  test('a branch key for each row, destroyed for one: that row alone is lost, and in nobody’s way', async () => {
    const { store, ledger, keyring, branched } = await shop(40, journal)
    const stores = [store]
    const keys = (...names: [string, ...string[]]): BranchKeys => branched(keyring(...names), { by: 'id' })
    expect(await rotate({ stores, keyring: keys('q3'), ledger })).toMatchObject({ outcome: 'done', sealed: 40 })
    await keys('q3').destroy('integer:7')
    const all = { stores, keyring: keys('q4', 'q3'), ledger }
    expect(await plan(all)).toMatchObject({ totals: { rewrap: 0, destroyed: 1 }, branchKeys: { live: 39, rewrap: 39, destroyed: 1 } })
    expect(await rotate(all)).toMatchObject({ outcome: 'done', rewrapped: 0, branchKeys: { rewrapped: 39, destroyedRecords: 1 } })
    expect(await verify({ ...all, full: true })).toMatchObject({ opened: 39, destroyed: 1, failed: { total: 0 } })
    expect(await retire({ ...all, key: 'key-file:q3' })).toMatchObject({ outcome: 'retired' })
    const [counts] = await census(all)
    expect(counts).toMatchObject({ total: 40, null: 0, plaintext: 0, malformed: 0, byKey: { 'key-file:q4': 39 }, destroyed: 1 })
  })
})

test('a lock on the table of branch keys stops the run, and sets no record aside', async () => {
  const { path, store, ledger, keyring, db } = await shop(20)
  const impatient = sqliteBranchKeyStore(await openDatabase(path, { busyTimeout: 0 }))
  onTestFinished(() => impatient.close())
  const keys = createBranchKeys({ keyring: keyring('q3'), store: impatient, partition: { by: 'table' } })
  store.prepare()
  db.exec('BEGIN IMMEDIATE')
  const code = await rotate({ stores: [store], keyring: keys, ledger }).then(
    ({ outcome }) => outcome,
    (error: { code: string }) => error.code,
  )
  expect(code).toBe('ERR_SQLITE_BUSY')
  db.exec('ROLLBACK')
  expect(await rotate({ stores: [store], keyring: keys, ledger })).toMatchObject({ outcome: 'done', sealed: 20 })
})

test('whatever stood in a column, all that opens is under its branch key afterwards, and that under the new master key', async () => {
  const cell = fc.record({ text: fc.string(), state: fc.constantFrom('plain', 'q3', 'q4', 'null', 'v1', 'v2', 'other', 'shredded') })
  await fc.assert(
    fc.asyncProperty(fc.array(cell, { maxLength: 30 }), fc.integer({ min: 1, max: 9 }), fc.boolean(), async (cells, batch, exposed) => {
      const { store, ledger, keyring, branched } = await sealedInMemory(0)
      const [old, older] = [branched(keyring('q3')), branched(keyring('q3'))]
      const partitions = { v1: older, v2: old, other: branched(keyring('q3'), 'x'), shredded: branched(keyring('q3'), 's') }
      await Promise.all([partitions.v1.unlock(['customers']), partitions.other.unlock(['x']), partitions.shredded.unlock(['s'])])
      await partitions.v2.rotate('customers')
      for (const [i, { text, state }] of cells.entries()) {
        const [value, context] = [`v${text}`.toWellFormed(), store.context('email', i + 1)]
        const keys = state in partitions ? partitions[state as keyof typeof partitions] : createKeyring({ active: keyring(state).active })
        store.put('email', i + 1, state === 'null' ? null : state === 'plain' ? value : sealSync(keys, value, context))
      }
      await partitions.shredded.destroy('s')
      const options = { stores: [store], keyring: branched(keyring('q4', 'q3')), ledger, batch }
      const made = await plan({ ...options, reason: exposed ? 'compromise' : 'rotation' })
      const report = await rotate({ ...options, plan: made })
      const shredded = cells.filter(({ state }) => state === 'shredded').length
      expect(report).toMatchObject({ outcome: 'done', pending: 0, branchKeys: { destroyedRecords: shredded } })
      expect({ sealed: report.sealed, rewrapped: report.rewrapped, reencrypted: report.reencrypted }).toEqual({
        sealed: made.totals.seal, rewrapped: made.totals.rewrap, reencrypted: made.totals.reencrypt,
      })
      const lost = cells.flatMap(({ state }, i) => (state === 'shredded' ? [i + 1] : []))
      for (const id of lost) store.cells.get('email')!.delete(id)
      const expected = cells.flatMap(({ text, state }) => (state === 'shredded' ? [] : [state === 'null' ? null : `v${text}`.toWellFormed()]))
      expect(await openedUnder(store, branched(keyring('q4')))).toEqual(expected)
      const under = new Set([...store.cells.get('email')!.values()].flatMap((value) => (value === null ? [] : [inspect(value).keyId])))
      expect(under.size).toBeLessThanOrEqual(1)
      expect((await status(options)).stores[0]).not.toHaveProperty('behind')
    }),
    { numRuns: 40 },
  )
})
