import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { createBranchKeys, createKeyring, sealSync, toText } from '@keyfold/core'
import type { SqliteStore } from '@keyfold/sqlite'
import { openDatabase, sqliteBranchKeyStore, sqliteStore } from '@keyfold/sqlite'
import Sqlite from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { findUnregistered, parsePlan, encodePlan, plan, rotate } from '../../src/index.ts'
import type { Bench } from './fixtures.ts'
import { bench, codeOf, names, refusalOf } from './fixtures.ts'
import { MemoryStore } from './memory-store.ts'

interface Shop extends Bench {
  readonly path: string
  readonly sql: (statement: string, ...values: unknown[]) => void
  readonly open: () => Promise<SqliteStore>
}

async function shop(rows: number): Promise<Shop> {
  const base = await bench()
  const path = join(base.folder, 'app.db')
  const sql = (statement: string, ...values: unknown[]): void => {
    const db = new Sqlite(path)
    if (values.length === 0) db.exec(statement)
    else db.prepare(statement).run(...values)
    db.close()
  }
  sql('CREATE TABLE customers (id INTEGER PRIMARY KEY, email TEXT); CREATE TABLE archive (id INTEGER PRIMARY KEY, body TEXT)')
  for (const name of names(rows)) sql('INSERT INTO customers (email) VALUES (?)', name)
  const open = async (): Promise<SqliteStore> =>
    sqliteStore(await openDatabase(path), { name: 'app.db', tables: [{ table: 'customers', id: 'id', columns: ['email'] }] })
  return { ...base, path, sql, open }
}

describe('what no column of the configuration covers', () => {
  test('is in the plan, and so in its hash and its file', async () => {
    const { keyring, open, sql } = await shop(3)
    const stores = [await open()]
    const before = await plan({ stores, keyring: keyring('q3') })
    expect(before).toMatchObject({ unregistered: [], scan: { rows: 3, gaps: [] } })
    sql('INSERT INTO archive (body) VALUES (?)', toText(sealSync(keyring('q3'), 'forgotten', { id: '1' })))
    const made = await plan({ stores, keyring: keyring('q3') })
    expect(made).toMatchObject({
      unregistered: [{ store: 'app.db', table: 'archive', column: 'body', records: 1 }],
      scan: { rows: 4, gaps: [] },
      totals: { seal: 3 },
    })
    const text = encodePlan(made)
    expect(parsePlan(Buffer.from(text))).toEqual(made)
    const edited = Buffer.from(text.replace('"records": 1', '"records": 0'))
    expect(await refusalOf(Promise.resolve().then(() => parsePlan(edited)))).toMatchInlineSnapshot(`
      "ERR_PLAN_ALTERED: the plan was edited after it was made: its hash does not fit
      A plan is used exactly as \`kms-rotate plan\` wrote it. Make a new one with \`kms-rotate plan --out FILE\`."
    `)
  })

  test('is said to be unknown of a store that cannot be searched, and of all where nobody asked', async () => {
    const { keyring, open } = await shop(1)
    const memory = new MemoryStore('memory', ['email']).fill('email', names(1))
    const gap = { table: null, column: null, values: null }
    expect((await plan({ stores: [memory], keyring: keyring('q3') })).scan).toEqual({
      rows: 0, gaps: [{ store: 'memory', ...gap, reason: 'this kind of store cannot be searched' }],
    })
    expect((await plan({ stores: [await open()], keyring: keyring('q3'), scan: false })).scan).toEqual({
      rows: 0, gaps: [{ store: 'app.db', ...gap, reason: 'it was not asked for' }],
    })
  })

  test('are branch keys only where no branch keys are given', async () => {
    const { keyring, open, path } = await shop(2)
    const ring = keyring('q3')
    const keys = createBranchKeys({ keyring: ring, store: sqliteBranchKeyStore(await openDatabase(path)), partition: 'all' })
    await keys.unlock(['all'])
    const stores = [await open()]
    expect((await findUnregistered({ stores, keyring: keys })).found).toEqual([])
    expect((await findUnregistered({ stores, keyring: ring })).found).toEqual([
      { store: 'app.db', table: 'keyfold_branch_keys', column: 'sealed', records: 1 },
    ])
  })

  test('is looked for with progress, until a signal ends it', async () => {
    const { keyring, open } = await shop(4)
    const stores = [await open()]
    const seen: unknown[] = []
    for await (const progress of findUnregistered({ stores, keyring: keyring('q3') })) seen.push(progress)
    expect(seen.at(-1)).toEqual({ store: 'app.db', table: 'customers', rows: 4 })
    expect(await refusalOf(plan({ stores, keyring: keyring('q3'), signal: AbortSignal.abort() }))).toMatchInlineSnapshot(`
      "ERR_INTERRUPTED: interrupted while sealed values were looked for; nothing was changed
      Nothing was changed. Start again when there is time to finish."
    `)
  })
})

describe('a plan no longer fits', () => {
  test('when an older copy of the database was put back, in which there is far more to do', async () => {
    const { keyring, open, path, ledger } = await shop(0)
    const db = new Sqlite(path)
    const insert = db.prepare('INSERT INTO customers (email) VALUES (?)')
    db.transaction(() => names(1500).forEach((name) => insert.run(name)))()
    db.close()
    copyFileSync(path, `${path}.old`)
    const first = await open()
    await rotate({ stores: [first], keyring: keyring('q3'), ledger })
    const made = await plan({ stores: [first], keyring: keyring('q3') })
    first.close()
    copyFileSync(`${path}.old`, path)
    const store = await open()
    expect(await refusalOf(rotate({ stores: [store], keyring: keyring('q3'), ledger, plan: made }))).toMatchInlineSnapshot(`
      "ERR_PLAN_STALE: the plan no longer fits: there are 1500 records to seal, and it counted 0
      The configuration, the keys or the columns changed since the plan was made. Look at what changed, then make a
      new plan."
    `)
    expect(store.census({ table: 'customers', column: 'email' }).plaintext).toBe(1500)
  })

  test('when the clock went back behind its making, since then nobody can tell whether it expired', async () => {
    const { keyring, ledger } = await bench()
    const store = new MemoryStore('a.db', ['email']).fill('email', names(3))
    const made = await plan({ stores: [store], keyring: keyring('q3') })
    const { sha256: _, ...draft } = made
    const ahead = (minutes: number): string => new Date(Date.parse(made.createdAt) + minutes * 60_000).toISOString()
    const run = async (createdAt: string): Promise<string | undefined> =>
      codeOf(rotate({ stores: [store], keyring: keyring('q3'), ledger, plan: { ...draft, createdAt, sha256: made.sha256 } }))
    expect(await run(ahead(60))).toBe('ERR_PLAN_STALE')
    expect(await run(ahead(5))).toBeUndefined()
  })

  test('but does when the application wrote a little more meanwhile, and when sealed values came to stand elsewhere', async () => {
    const { keyring, open, sql, ledger } = await shop(3)
    const store = await open()
    const made = await plan({ stores: [store], keyring: keyring('q3') })
    for (const name of names(20)) sql('INSERT INTO customers (email) VALUES (?)', name)
    sql('INSERT INTO archive (body) VALUES (?)', toText(sealSync(keyring('q3'), 'forgotten', { id: '1' })))
    expect(await rotate({ stores: [store], keyring: keyring('q3'), ledger, plan: made })).toMatchObject({ outcome: 'done', sealed: 23 })
  })
})

test('growth counts what a longer wrapped key adds to records that are moved', async () => {
  const { keyring, ledger } = await bench()
  const store = new MemoryStore('a.db', ['email']).fill('email', names(10))
  await rotate({ stores: [store], keyring: keyring('q3'), ledger })
  const size = (): number => [...store.cells.get('email')!.values()].reduce((sum, cell) => sum + cell!.length, 0)
  const before = size()
  const two = createKeyring({ active: keyring('q4').active, recovery: [keyring('q5').active], decryptOnly: [keyring('q3').active] })
  const made = await plan({ stores: [store], keyring: two })
  await rotate({ stores: [store], keyring: two, ledger })
  expect(made.sizeChangeBytes).toBe(size() - before)
  expect(made.sizeChangeBytes).toBeGreaterThan(10 * 40)
})
