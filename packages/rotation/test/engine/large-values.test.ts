/** Values of megabytes: however many a column has, few of them are in memory at once. */
import type { PickedRecords, PickOptions, ReadOptions, StoredRecord } from '@keyfold/core'
import { expect, test } from 'vitest'
import { plan, retire, rotate, verify } from '../../src/index.ts'
import { bench } from './fixtures.ts'
import { MemoryStore } from './memory-store.ts'

const MIB = 2 ** 20
const RECORDS = 24

/** Notes the bytes of what it gives out at once. */
class Weighing extends MemoryStore {
  most = 0

  override read(column: { table: string; column: string }, options: ReadOptions): StoredRecord[] {
    return this.#weighed(super.read(column, options))
  }

  #weighed(records: StoredRecord[]): StoredRecord[] {
    this.most = Math.max(this.most, records.reduce((sum, { value }) => sum + value.length, 0))
    return records
  }
}

/** One that can leave out what is not picked. */
class Picking extends Weighing {
  pick(column: { table: string; column: string }, { picks, ...options }: PickOptions): PickedRecords {
    const looked = this.read(column, options)
    return { records: looked.filter(({ position }) => picks(position)), last: looked.at(-1)?.position }
  }
}

test.each([['', Weighing], [' that picks', Picking]] as const)(
  'abuse 40: of a store%s, planning, verifying and retiring load some megabytes at a time, and see every record',
  async (_, Store) => {
    const { keyring, ledger } = await bench()
    const store = new Store('app.db', ['email']).fill('email', Array.from({ length: RECORDS }, (_value, i) => new Uint8Array(3 * MIB).fill(i + 1)))
    const stores = [store]
    await rotate({ stores, keyring: keyring('q3'), ledger })
    const keys = { stores, keyring: keyring('q4', 'q3'), ledger }
    const weights: Record<string, number> = {}
    const weigh = async <T>(name: string, work: Promise<T>): Promise<T> => {
      const result = await work
      weights[name] = store.most / MIB
      store.most = 0
      return result
    }
    store.most = 0
    expect((await weigh('plan', plan(keys))).estimate.sampledRecords).toBeGreaterThan(0)
    await weigh('compromise', plan({ ...keys, reason: 'compromise' }))
    await rotate(keys)
    store.most = 0
    expect(await weigh('verify', verify({ ...keys, full: true }))).toMatchObject({ opened: RECORDS, failed: { total: 0 } })
    expect((await weigh('sample', verify({ ...keys, sample: 4, seed: 'a' }))).failed.total).toBe(0)
    expect(await weigh('retire', retire({ ...keys, key: 'key-file:q3' }))).toMatchObject({ outcome: 'retired', opened: RECORDS })
    // 8 MiB, and the rest of one value
    expect(Object.entries(weights).filter(([, mib]) => mib > 12 || mib < 3)).toEqual([])
  },
)
