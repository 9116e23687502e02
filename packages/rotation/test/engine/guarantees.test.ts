import { createKeyring, sealSync } from '@keyfold/core'
import { describe, expect, test } from 'vitest'
import { plan, retire, rotate, status } from '../../src/index.ts'
import { bench, codeOf, names } from './fixtures.ts'
import { MemoryStore } from './memory-store.ts'

const COLUMN = 'email'

/** What of an envelope a rewrap leaves alone: the end of its body. */
function bodies(store: MemoryStore): string[] {
  return [...store.cells.get(COLUMN)!.values()].map((cell) => Buffer.from(cell!.subarray(-40)).toString('hex'))
}

async function sealed(count: number): Promise<Awaited<ReturnType<typeof bench>> & { store: MemoryStore }> {
  const base = await bench()
  const store = new MemoryStore('app.db', [COLUMN]).fill(COLUMN, names(count))
  await rotate({ stores: [store], keyring: base.keyring('q3'), ledger: base.ledger })
  return { ...base, store }
}

describe('a compromise', () => {
  test.each([['the same key', 'q4', ['q3']], ['a newer key', 'q5', ['q4', 'q3']]] as const)(
    'that was cut stays one, when a plain run towards %s goes on',
    async (_, active, older) => {
      const { store, keyring, ledger } = await sealed(12)
      const before = bodies(store)
      const stop = new AbortController()
      const cut = await rotate({
        stores: [store], keyring: keyring('q4', 'q3'), ledger, reason: 'compromise', batch: 4,
        signal: stop.signal, onProgress: () => stop.abort(),
      })
      expect(cut).toMatchObject({ outcome: 'interrupted', reencrypted: 4 })
      const report = await rotate({ stores: [store], keyring: keyring(active, ...older), ledger })
      expect(report).toMatchObject({ outcome: 'done', reason: 'compromise', rewrapped: 0 })
      expect(bodies(store).filter((body) => before.includes(body))).toEqual([])
    },
  )
})

describe('a record that was set aside', () => {
  test('abuse 33: keeps the rotation open, and once repaired is treated as the first run would have', async () => {
    const { store, keyring, ledger } = await sealed(6)
    const good = store.cell(COLUMN, 2)!
    store.put(COLUMN, 2, good.map((byte, i) => (i === 30 ? byte ^ 1 : byte)))
    const common = { stores: [store], keyring: keyring('q4', 'q3'), ledger }
    expect(await rotate({ ...common, reason: 'compromise' })).toMatchObject({ outcome: 'quarantined', quarantined: { total: 1 } })
    expect((await status(common)).rotation).toMatchObject({ state: 'unfinished', reason: 'compromise' })
    store.put(COLUMN, 2, good)
    expect(await rotate(common)).toMatchObject({ outcome: 'done', resumed: true, reencrypted: 1, rewrapped: 0 })
    expect((await status(common)).rotation).toBeNull()
  })
})

/** Counts one plaintext more than it ever gives out, as a store with a broken cursor would. */
class Miscounting extends MemoryStore {
  override census(column: { table: string; column: string }): ReturnType<MemoryStore['census']> {
    const counts = super.census(column)
    return { ...counts, total: counts.total + 1, plaintext: counts.plaintext + 1 }
  }
}

test('a count that no record explains is never called done', async () => {
  const { keyring, ledger } = await bench()
  const store = new Miscounting('app.db', [COLUMN]).fill(COLUMN, names(5))
  expect(await rotate({ stores: [store], keyring: keyring('q3'), ledger })).toMatchObject({ outcome: 'pending', pending: 1, sealed: 5 })
})

test('a plan is stale when records stand under a key that it did not count', async () => {
  const { store, keyring, ledger } = await sealed(3)
  const ring = keyring('q4', 'q3')
  const made = await plan({ stores: [store], keyring: ring, ledger })
  const stranger = createKeyring({ active: keyring('q1').active })
  store.put(COLUMN, 4, sealSync(stranger, 'from an older copy', store.context(COLUMN, 4)))
  expect(await codeOf(rotate({ stores: [store], keyring: ring, ledger, plan: made }))).toBe('ERR_PLAN_STALE')
  expect(store.cells.get(COLUMN)!.size).toBe(4)
})

test('abuse 34: an application that seals under the old key while retire opens records keeps the key in use', async () => {
  const { store, keyring, ledger } = await sealed(3)
  const ring = keyring('q4', 'q3')
  await rotate({ stores: [store], keyring: ring, ledger })
  store.onRead = () => {
    store.onRead = undefined
    store.put(COLUMN, 9, sealSync(keyring('q3'), 'too late', store.context(COLUMN, 9)))
  }
  const report = await retire({ stores: [store], keyring: ring, ledger, key: 'key-file:q3' })
  expect(report).toMatchObject({ outcome: 'needed', needed: [{ records: 1 }] })
  expect(ledger.keys.all().find(({ id }) => id === 'key-file:q3')?.state).toBe('decrypt-only')
})
