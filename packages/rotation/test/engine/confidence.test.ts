import { createKeyring, sealSync } from '@keyfold/core'
import { openDatabase, sqliteStore } from '@keyfold/sqlite'
import Sqlite from 'better-sqlite3'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { fewerThan, sampleSize } from '../../src/confidence.ts'
import { rotate, verify } from '../../src/index.ts'
import { sampler } from '../../src/sample.ts'
import { bench, codeOf, names } from './fixtures.ts'
import { MemoryStore } from './memory-store.ts'

/** C(n, k), exact. */
function choose(n: number, k: number): bigint {
  let result = 1n
  for (let i = 0; i < k; i++) result = (result * BigInt(n - i)) / BigInt(i + 1)
  return result
}

/** The chance to draw none of the bad ones, counted out. */
function missed(total: number, bad: number, drawn: number): number {
  if (bad + drawn > total) return 0
  return Number((choose(total - bad, drawn) * 1_000_000_000_000n) / choose(total, drawn)) / 1e12
}

describe('what a sample says', () => {
  test('is the hypergeometric bound, counted out for small wholes', () => {
    for (const total of [1, 2, 7, 30, 61])
      for (const confidence of [0.5, 0.9, 0.95, 0.99])
        for (let drawn = 0; drawn < total; drawn++) {
          const bad = fewerThan(total, drawn, confidence)
          if (bad < total || drawn > 0) expect(missed(total, bad, drawn)).toBeLessThanOrEqual(1 - confidence + 1e-9)
          if (bad > 1) expect(missed(total, bad - 1, drawn)).toBeGreaterThan(1 - confidence - 1e-9)
        }
  })

  test('takes as many records as are enough, and not one more', () => {
    for (const total of [3, 50, 500]) {
      for (const margin of [0.01, 0.1, 0.5]) {
        const size = sampleSize(total, 0.95, margin)
        const bad = Math.max(1, Math.ceil(total * margin))
        expect(missed(total, bad, size)).toBeLessThanOrEqual(0.05)
        if (size > 0) expect(missed(total, bad, size - 1)).toBeGreaterThan(0.05)
      }
    }
  })

  test('comes to the known figures for large wholes: 299 of many at 95 % and 1 %, 459 at 99 %, the rule of three', () => {
    expect(sampleSize(100_000_000, 0.95, 0.01)).toBe(299)
    expect(sampleSize(100_000_000, 0.99, 0.01)).toBe(459)
    expect(fewerThan(100_000_000, 3000, 0.95) / 100_000_000).toBeCloseTo(3 / 3000, 5)
    expect([fewerThan(10, 10, 0.99), fewerThan(0, 0, 0.99), fewerThan(10, 0, 0.99)]).toEqual([0, 0, 10])
    expect([sampleSize(0, 0.99, 0.01), sampleSize(1, 0.99, 0.01)]).toEqual([0, 1])
  })
})

describe('a sample of verify', () => {
  async function column(rows: number) {
    const { keyring, ledger } = await bench()
    const store = new MemoryStore('a.db', ['email', 'phone']).fill('email', names(rows)).fill('phone', names(20))
    const options = { stores: [store], keyring: keyring('q3'), ledger }
    await rotate(options)
    return { store, options }
  }

  test('states seed, confidence and bound, for each column and for all', async () => {
    const { options } = await column(4000)
    const report = await verify({ ...options, margin: 0.01, seed: 'fixed' })
    expect(report).toMatchObject({ full: false, seed: 'fixed', confidence: 0.99, failed: { total: 0 } })
    const [email, phone] = report.columns
    expect(email).toMatchObject({ records: 4000, failed: 0 })
    expect(email!.opened).toBeGreaterThanOrEqual(sampleSize(4000, 0.99, 0.01))
    expect(email!.opened).toBeLessThan(700)
    expect(email!.ruledOutPerMillion).toBe(Math.ceil(fewerThan(4000, email!.opened, 0.99) * 250))
    expect(email!.ruledOutPerMillion).toBeLessThanOrEqual(10_000)
    expect(phone).toMatchObject({ records: 20, opened: 20, ruledOutPerMillion: 0 })
    expect(report.ruledOutPerMillion).toBe(email!.ruledOutPerMillion)
    expect(report.opened).toBe(email!.opened + 20)
  })

  test('rules nothing out where a record of it did not open', async () => {
    const { store, options } = await column(300)
    for (let id = 1; id <= 300; id++) store.put('email', id, store.cell('email', (id % 300) + 1))
    const report = await verify({ ...options, sample: 50 })
    expect(report.columns[0]).toMatchObject({ opened: 0, ruledOutPerMillion: null })
    expect(report.ruledOutPerMillion).toBeNull()
  })

  test('says in its progress how many it has, once it has them', async () => {
    const { options } = await column(4000)
    const steps: Array<{ opened: number; total: number }> = []
    const { opened } = await verify({ ...options, sample: 200, onProgress: ({ opened: done, total }) => void steps.push({ opened: done, total }) })
    expect(steps.at(-1)).toEqual({ opened, total: opened })
    expect(steps[0]!.total).toBe(220)
  })

  test('of all is no matter of chance', async () => {
    const { options } = await column(30)
    expect(await verify({ ...options, full: true })).toMatchObject({ seed: null, confidence: null, ruledOutPerMillion: 0, opened: 50 })
    expect(await verify({ ...options, sample: 30 })).toMatchObject({ ruledOutPerMillion: 0, opened: 50 })
  })

  test('counts a record of several keys once', async () => {
    const { keyring, ledger } = await bench()
    const two = createKeyring({ active: keyring('q3').active, recovery: [keyring('q4').active] })
    const store = new MemoryStore('a.db', ['email']).fill('email', names(30))
    await rotate({ stores: [store], keyring: two, ledger })
    const report = await verify({ stores: [store], keyring: two, ledger, full: true })
    expect(report).toMatchObject({ ruledOutPerMillion: 0, columns: [{ records: 30, opened: 30 }] })
  })

  test('is refused where what is asked for contradicts itself or is no share', async () => {
    const { options } = await column(1)
    const shares = [{ margin: 0 }, { margin: 1 }, { confidence: 1 }, { confidence: 0 }, { confidence: Number.NaN }]
    for (const wrong of [{ sample: 5, margin: 0.1 }, ...shares, { sample: 0 }, { sample: 1.5 }])
      expect(await codeOf(verify({ ...options, ...wrong }))).toBe('ERR_ARGUMENT')
  })

  test('picks every record as often as any other, over many seeds', () => {
    const drawn = Array.from({ length: 100 }, () => 0)
    for (let seed = 0; seed < 300; seed++) {
      const picks = sampler(`${seed}`, { store: 's', table: 't', column: 'c' }, 20, 100)
      for (const id of drawn.keys()) if (picks(`["integer:${id}"]`)) drawn[id]!++
    }
    // 60 times each; a standard deviation is 7
    expect(Math.min(...drawn)).toBeGreaterThan(60 - 5 * 7)
    expect(Math.max(...drawn)).toBeLessThan(60 + 5 * 7)
  })
})

test('a sample of a real column is the same by seed, and reads nothing of what it leaves out', async () => {
  const { folder, keyring, ledger } = await bench()
  const path = join(folder, 'app.db')
  const db = new Sqlite(path)
  db.exec('CREATE TABLE docs (id INTEGER PRIMARY KEY, body BLOB)')
  const ring = keyring('q3')
  const insert = db.prepare('INSERT INTO docs VALUES (?, ?)')
  db.transaction(() => {
    for (let id = 1; id <= 2000; id++) {
      insert.run(id, Buffer.from(sealSync(ring, `body ${id}`, { table: 'docs', column: 'body', id: `integer:${id}` })))
    }
  })()
  db.close()
  const store = sqliteStore(await openDatabase(path), { name: 'app.db', tables: [{ table: 'docs', id: 'id', columns: ['body'] }] })
  let reads = 0
  const counting = { ...store, read: (...args: Parameters<typeof store.read>) => (reads++, store.read(...args)) }
  const options = { stores: [counting], keyring: createKeyring({ active: ring.active }), ledger, sample: 100 }
  const first = await verify({ ...options, seed: 'a' })
  expect(await verify({ ...options, seed: 'a' })).toEqual(first)
  expect(first.opened).toBeGreaterThan(50)
  expect(first.opened).toBeLessThan(200)
  expect((await verify({ ...options, seed: 'b' })).opened).not.toBe(0)
  expect(reads).toBe(0)
  store.close()
})
