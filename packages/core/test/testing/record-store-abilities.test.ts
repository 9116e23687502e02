/** What the kit of record stores says of the abilities that a store may have: unsealing, picking, looking for what nobody registered. */
import { describe, expect, test } from 'vitest'
import type {
  ColumnRef, PickedRecords, PickOptions, RecordOpening, RecordStore, ScanOptions, StoredRecord, UnregisteredScan,
} from '../../src/index.ts'
import { isSealed } from '../../src/index.ts'
import type { RecordStoreBench } from '../../src/testing.ts'
import { testRecordStore } from '../../src/testing.ts'
import { failuresOf } from './cases.ts'
import type { Cell } from './record-store.ts'
import { benchOf, Store } from './record-store.ts'

type Values = ReadonlyArray<string | null>

/** A store with every ability, and a place beside its column of which it was not told. */
class Able extends Store {
  readonly elsewhere: Cell[] = []

  unseal(column: ColumnRef, openings: readonly RecordOpening[]): number {
    return this.write(column, openings.map(({ record, plaintext }) => ({ record, envelope: Buffer.from(plaintext).toString() as never })))
  }

  pick(column: ColumnRef, options: PickOptions): PickedRecords {
    const { after, limit, picks } = options
    if ('after' in options && after === undefined) throw new TypeError('after is there, and is nothing')
    const looked = this.read(column, { limit, ...(after !== undefined && { after }) })
    const records = looked.filter(({ position }) => picks(position))
    return { records, last: looked.length < limit ? undefined : looked.at(-1)!.position }
  }

  unregistered({ signal }: ScanOptions = {}): UnregisteredScan {
    signal?.throwIfAborted()
    const records = this.elsewhere.filter(isSealed).length
    const found = records === 0 ? [] : [{ table: 'u', column: 'd', records, holds: 'records' as const }]
    return { found, rows: this.elsewhere.length, gaps: [] }
  }
}

function ableBench(store: Able): RecordStoreBench {
  return { ...benchOf(store), addElsewhere: (value) => void store.elsewhere.push(value) }
}

describe('a store with every ability', () => testRecordStore({ test, bench: (values) => ableBench(new Able(values)) }))

/** A store of which one ability is replaced. */
const changed = (change: (good: Able) => Partial<RecordStore>) => (values: Values): Able => {
  const good = new Able(values)
  return Object.assign(good, change(good))
}
const unsealing = (unseal: (good: Able, column: ColumnRef, openings: readonly RecordOpening[]) => number | Promise<number>) =>
  changed((good) => ({ unseal: (column, openings) => unseal(good, column, openings) }))
const plainUnseal = (good: Able, column: ColumnRef, openings: readonly RecordOpening[]): number => Able.prototype.unseal.call(good, column, openings)
const picking = (pick: (found: PickedRecords, options: PickOptions, good: Able) => PickedRecords) =>
  changed((good) => ({ pick: (column, options) => pick(Able.prototype.pick.call(good, column, options), options, good) }))
const scanning = (scan: (found: UnregisteredScan, good: Able) => Partial<UnregisteredScan>) =>
  changed((good) => ({
    unregistered: (options) => {
      const found = Able.prototype.unregistered.call(good, options)
      return { ...found, ...scan(found, good) }
    },
  }))
const other = ({ position }: StoredRecord, good: Able): StoredRecord =>
  good.read(good.column, { limit: 9 }).find((record) => record.position !== position)!
const elsewhere = (records: number) => ({ table: 'u', column: 'd', records, holds: 'records' as const })

const broken: ReadonlyArray<[fault: string, store: (values: Values) => Able, noticed: RegExp, said: RegExp]> = [
  ['unseals nothing', unsealing(() => 0), /can unseal/, /^the count of unsealed records is wrong$/],
  ['counts what it did not unseal', unsealing((good, ...args) => plainUnseal(good, ...args) + 1), /can unseal/, /^the count of unsealed/],
  ['says that it unsealed, and did not', unsealing(() => 2), /can unseal/, /^the wrong records are unsealed$/],
  [
    'unseals over a newer value',
    unsealing((good, _, openings) => {
      for (const { record, plaintext } of openings) good.cells[Number(record.position)] = Buffer.from(plaintext).toString()
      return 2
    }),
    /can unseal/,
    /^the wrong records are unsealed$/,
  ],
  [
    'loses a newer value',
    unsealing((good, column, openings) => {
      good.cells[3] = good.cells[0]!
      return plainUnseal(good, column, openings)
    }),
    /can unseal/,
    /^the newer record \(\d+ bytes\) is not/,
  ],
  [
    'exchanges what it unseals',
    unsealing((good, column, openings) =>
      plainUnseal(good, column, openings.map(({ record }, i) => ({ record, plaintext: openings[1 - i]?.plaintext ?? new Uint8Array() })))),
    /can unseal/,
    /^an unsealed record \(1 bytes\) is not/,
  ],
  [
    'exchanges what it unseals last',
    unsealing((good, column, openings) =>
      plainUnseal(good, column, openings.map((one, i) => (i === 1 ? { ...one, plaintext: Uint8Array.of(0x78) } : one)))),
    /can unseal/,
    /^an unsealed record \(1 bytes\) is not/,
  ],
  [
    'unseals twice from one reading',
    unsealing((good, column, openings) => {
      plainUnseal(good, column, openings)
      return 2
    }),
    /can unseal/,
    /^records were unsealed twice from one reading$/,
  ],
  [
    'gives what nobody picked',
    picking((found, { limit, after }, good) => ({
      ...found,
      records: good.read(good.column, { limit, ...(after !== undefined && { after }) }),
    })),
    /picked/,
    /^picks in stretches of 1 give other records, or another order$/,
  ],
  ['leaves out what was picked', picking((found) => ({ ...found, records: found.records.slice(1) })), /picked/, /^picks in stretches of 1 give/],
  [
    'leaves out what was picked in a long stretch',
    picking((found, { limit }) => (limit === 9 ? { ...found, records: found.records.slice(1) } : found)),
    /picked/,
    /^picks in stretches of 9 give/,
  ],
  [
    'gives picks in another order',
    picking((found) => ({ ...found, records: found.records.toReversed() })),
    /picked/,
    /^picks in stretches of 4 give/,
  ],
  [
    'asks for a record twice',
    picking((found, { picks }) => (found.records.map(({ position }) => picks(position)), found)),
    /picked/,
    /^stretches of 1 do not offer every record once$/,
  ],
  [
    'asks for a record twice in a long stretch',
    picking((found, { limit, picks }) => (limit === 9 && found.records.map(({ position }) => picks(position)), found)),
    /picked/,
    /^stretches of 9 do not offer every record once$/,
  ],
  [
    'ends before the last record',
    picking((found, { after }) => ({ ...found, last: after === undefined ? found.last : undefined })),
    /picked/,
    /^picks in stretches of 1 give other records/,
  ],
  [
    'gives another value for what was picked',
    picking((found, _, good) => ({ ...found, records: found.records.map((record) => ({ ...record, value: other(record, good).value })) })),
    /picked/,
    /^a picked record \(1 bytes\) is not/,
  ],
  [
    'gives a record where nothing is picked',
    picking((found, { limit }, good) =>
      found.records.length > 0 || limit < 9 ? found : { ...found, records: good.read(good.column, { limit: 1 }) }),
    /picked/,
    /^records are read that nobody picked$/,
  ],
  ['takes its own column for a stray one', scanning(() => ({ found: [elsewhere(2)] })), /outside of its columns/, /^a registered column is taken/],
  ['finds nothing elsewhere', scanning(() => ({ found: [] })), /outside of its columns/, /^the sealed values are not found, or more/],
  [
    'counts plaintext elsewhere',
    scanning((_, { elsewhere: { length } }) => ({ found: length === 0 ? [] : [elsewhere(length)] })),
    /outside of its columns/,
    /^the sealed values are not found, or more/,
  ],
  [
    'finds one of two columns',
    scanning(({ found }) => ({ found: found.map((column) => ({ ...column, records: 1 })) })),
    /outside of its columns/,
    /^the sealed values are not found, or more/,
  ],
  [
    'does not count the rows without a sealed value',
    scanning(({ rows }) => ({ rows: Math.max(0, rows - 1) })),
    /outside of its columns/,
    /^it does not say that all rows were looked at$/,
  ],
  [
    'leaves a gap',
    scanning(() => ({ gaps: [{ table: 'u', column: null, values: null, reason: 'it is a view' }] })),
    /outside of its columns/,
    /^it does not say that all rows were looked at$/,
  ],
  [
    'searches on behind a signal',
    changed((good) => ({ unregistered: () => Able.prototype.unregistered.call(good) })),
    /outside of its columns/,
    /^a signal does not end the search$/,
  ],
  [
    'ends a search with an error of its own',
    changed((good) => ({
      unregistered: async (options) =>
        Able.prototype.unregistered.call(good, { ...options, signal: options && AbortSignal.abort(new Error('mine')) }),
    })),
    /outside of its columns/,
    /^a signal does not end the search$/,
  ],
]

test.each(broken)('the kit notices a store that %s', async (_, store, noticed, said) => {
  const failures = await failuresOf((declare) => testRecordStore({ test: declare, bench: (values) => ableBench(store(values)) }), noticed)
  expect(Object.values(failures)).toEqual([expect.stringMatching(said)])
})

test('a store may name other columns too', async () => {
  const more = (values: Values): Able => Object.assign(new Able(values), { columns: [{ table: 't', column: 'b' }, { table: 't', column: 'c' }] })
  expect(await failuresOf((declare) => testRecordStore({ test: declare, bench: (values) => ableBench(more(values)) }), /names itself/)).toEqual({})
})

test('sealed values elsewhere may stand in several columns', async () => {
  const split = scanning(({ found }) => ({ found: found.flatMap((column) => [{ ...column, records: 1 }, { ...column, column: 'e', records: 1 }]) }))
  expect(await failuresOf((declare) => testRecordStore({ test: declare, bench: (values) => ableBench(split(values)) }), /outside/)).toEqual({})
})

test('the kit asks for a bench that can add records elsewhere, where the store can find them', async () => {
  const failures = await failuresOf((declare) => testRecordStore({ test: declare, bench: (values) => benchOf(new Able(values)) }))
  expect(Object.values(failures)).toEqual(['the bench has no `addElsewhere`'])
})

test('every case has a name of its own', () => {
  const names: string[] = []
  testRecordStore({ test: (name) => names.push(name), bench: (values) => benchOf(new Store(values)) })
  expect(new Set(names).size).toBe(names.length)
  for (const name of names) expect(name).toMatch(/^record store: .{10,}$/)
})
