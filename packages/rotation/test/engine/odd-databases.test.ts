/** Databases in odd situations: replaced by an older copy, changed in the middle, full of records that do not open. */
import { copyFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Keyring, SyncKeyWrapper } from '@keyfold/core'
import type { SqliteStore } from '@keyfold/sqlite'
import { openDatabase, sealedTable, sqliteStore } from '@keyfold/sqlite'
import Sqlite from 'better-sqlite3'
import { onTestFinished, describe, expect, test } from 'vitest'
import { rotate, status } from '../../src/index.ts'
import type { Bench } from './fixtures.ts'
import { bench, codeOf } from './fixtures.ts'

const TABLE = { table: 'customers', id: 'id', columns: ['email'] }
const ROWS = 60

interface Shop extends Bench {
  readonly path: string
  readonly reopen: () => Promise<SqliteStore>
}

async function shop(rows = ROWS): Promise<Shop> {
  const base = await bench()
  const path = join(base.folder, 'app.db')
  const db = new Sqlite(path)
  db.exec('CREATE TABLE customers (id INTEGER PRIMARY KEY, email TEXT)')
  const insert = db.prepare('INSERT INTO customers VALUES (?, ?)')
  db.transaction(() => {
    for (let id = 1; id <= rows; id++) insert.run(id, `person${id}@example.org`)
  })()
  db.close()
  const reopen = async (): Promise<SqliteStore> => {
    const store = sqliteStore(await openDatabase(path), { name: 'app.db', tables: [TABLE] })
    onTestFinished(() => store.close())
    return store
  }
  return { ...base, path, reopen }
}

async function emails(path: string, keyring: Keyring<SyncKeyWrapper>): Promise<unknown[]> {
  const db = await openDatabase(path)
  const rows = sealedTable(db, { ...TABLE, keyring }).allSync()
  db.close()
  return rows.map((row) => row['email'])
}

const ALL = Array.from({ length: ROWS }, (_, i) => `person${i + 1}@example.org`)

/** Calls `odd` after the first batch of a run. */
function afterFirstBatch(odd: () => void): () => void {
  let done = false
  return () => {
    if (!done) odd()
    done = true
  }
}

describe('a database replaced by an older copy', () => {
  test.each(['rotation', 'compromise'] as const)('abuse 27: between two runs of a %s: the checkpoint leads, all are moved', async (reason) => {
    const { path, folder, reopen, keyring, ledger } = await shop()
    const first = await reopen()
    await rotate({ stores: [first], keyring: keyring('q3'), ledger })
    first.close()
    copyFileSync(path, join(folder, 'older.db'))
    const stop = new AbortController()
    const options = { keyring: keyring('q4', 'q3'), ledger, batch: 10, reason }
    const cut = await reopen()
    const half = await rotate({ ...options, stores: [cut], signal: stop.signal, onProgress: () => stop.abort() })
    expect(half.outcome).toBe('interrupted')
    cut.close()
    renameSync(join(folder, 'older.db'), path)
    const report = await rotate({ ...options, stores: [await reopen()] })
    expect(report).toMatchObject({ outcome: 'done', resumed: true, pending: 0, [reason === 'rotation' ? 'rewrapped' : 'reencrypted']: ROWS })
    expect(await emails(path, keyring('q4'))).toEqual(ALL)
  })

  test.each([
    ['in a rollback journal the run ends with a code', 'DELETE', 'ERR_SQLITE_READONLY'],
    ['with a write-ahead log the run goes on in the file that it has open', 'WAL', undefined],
  ] as const)('in the middle of a run: %s; status tells what the copy lacks, and the next run does it', async (_, journal, code) => {
    const { path, folder, reopen, keyring, ledger } = await shop()
    const first = await reopen()
    await rotate({ stores: [first], keyring: keyring('q3'), ledger })
    first.close()
    const db = new Sqlite(path)
    db.pragma(`journal_mode = ${journal}`)
    db.close()
    copyFileSync(path, join(folder, 'older.db'))
    const options = { keyring: keyring('q4', 'q3'), ledger, batch: 10 }
    const old = await reopen()
    const replace = afterFirstBatch(() => renameSync(join(folder, 'older.db'), path))
    expect(await codeOf(rotate({ ...options, stores: [old], onProgress: replace }))).toBe(code)
    old.close()
    // What the first file's log held is nothing to the second: a restore removes it.
    for (const part of ['-wal', '-shm']) rmSync(path + part, { force: true })
    const stores = [await reopen()]
    expect((await status({ ...options, stores })).keys).toMatchObject([{ id: 'key-file:q4', records: 0 }, { id: 'key-file:q3', records: ROWS }])
    expect(await rotate({ ...options, stores })).toMatchObject({ outcome: 'done', rewrapped: ROWS })
    expect(await emails(path, keyring('q4'))).toEqual(ALL)
  })
})

describe('a table changed in the middle of a run', () => {
  test.each([
    ['dropped', 'ALTER TABLE customers RENAME TO kept', 'ALTER TABLE kept RENAME TO customers'],
    ['with its column renamed', 'ALTER TABLE customers RENAME COLUMN email TO mail', 'ALTER TABLE customers RENAME COLUMN mail TO email'],
  ])('%s ends the run with a code; put back, the next one goes on', async (_, away, back) => {
    const { path, reopen, keyring, ledger } = await shop()
    const application = new Sqlite(path)
    const options = { keyring: keyring('q3'), ledger, batch: 10 }
    const code = await codeOf(rotate({ ...options, stores: [await reopen()], onProgress: afterFirstBatch(() => void application.exec(away)) }))
    expect(code).toBe('ERR_SQLITE_FAILED')
    application.exec(back)
    application.close()
    expect(await rotate({ ...options, stores: [await reopen()] })).toMatchObject({ outcome: 'done', resumed: true })
    expect(await emails(path, keyring('q3'))).toEqual(ALL)
  })

  test('with a column more the run goes on, and leaves that alone', async () => {
    const { path, reopen, keyring, ledger } = await shop()
    const application = new Sqlite(path)
    const alter = afterFirstBatch(() => void application.exec("ALTER TABLE customers ADD COLUMN town TEXT DEFAULT 'Bern'"))
    const report = await rotate({ keyring: keyring('q3'), ledger, batch: 10, stores: [await reopen()], onProgress: alter })
    expect(report).toMatchObject({ outcome: 'done', sealed: ROWS })
    expect(application.prepare("SELECT count(*) FROM customers WHERE town = 'Bern'").pluck().get()).toBe(ROWS)
    application.close()
    expect(await emails(path, keyring('q3'))).toEqual(ALL)
  })
})

test('abuse 33: memory stays flat while ten thousands of records are set aside, all of which the ledger lists', async () => {
  const rows = 20_000
  const { path, reopen, keyring, ledger } = await shop(rows)
  const store = await reopen()
  await rotate({ stores: [store], keyring: keyring('q3'), ledger })
  const other = new Sqlite(path)
  // Each record claims another row's id: sealed, whole, and not authentic where it stands.
  other.exec('UPDATE customers SET id = -id')
  other.close()
  const [stores, heaps] = [[store], [] as number[]]
  const report = await rotate({
    stores, keyring: keyring('q4', 'q3'), ledger, reason: 'compromise',
    onProgress: () => void heaps.push(process.memoryUsage().rss),
  })
  expect(report).toMatchObject({ outcome: 'quarantined', quarantined: { total: rows, byCode: { ERR_NOT_AUTHENTIC: rows } } })
  expect(report.quarantined.records).toHaveLength(100)
  expect(ledger.quarantine.count()).toMatchObject([{ records: rows }])
  const early = Math.max(...heaps.slice(0, heaps.length / 4))
  expect((Math.max(...heaps) - early) / 2 ** 20).toBeLessThan(60)
})
