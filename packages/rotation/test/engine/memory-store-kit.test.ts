import { testRecordStore } from '@keyfold/core/testing'
import { describe, expect, test } from 'vitest'
import { isSealed } from '@keyfold/core'
import type {
  ColumnCensus, ColumnRef, PickedRecords, PickOptions, ReadOptions, RecordChange, RecordStore, ScanOptions, StoredRecord, UnregisteredScan,
} from '@keyfold/core'
import { MemoryStore } from './memory-store.ts'

const column = { table: 'customers', column: 'c' }

function benchOf(make: () => Sound) {
  return (values: ReadonlyArray<string | null>) => {
    const store = make().fill('c', values)
    return {
      store: store as RecordStore,
      column,
      overwrite: (i: number, value: string | Uint8Array | null) => store.put('c', i + 1, value),
      addElsewhere: (value: string | Uint8Array) => void store.elsewhere.push(value),
    }
  }
}

class Sound extends MemoryStore {
  readonly elsewhere: Array<string | Uint8Array> = []

  constructor() {
    super('memory', ['c'])
  }

  pick(ref: ColumnRef, { picks, ...options }: PickOptions): PickedRecords {
    const looked = this.read(ref, options)
    return { records: looked.filter(({ position }) => picks(position)), last: looked.at(-1)?.position }
  }

  unregistered({ signal }: ScanOptions = {}): UnregisteredScan {
    signal?.throwIfAborted()
    const records = this.elsewhere.filter(isSealed).length
    return { found: records === 0 ? [] : [{ table: 't', column: 'other', records, holds: 'records' }], rows: this.elsewhere.length, gaps: [] }
  }
}

describe('the store in memory that the engine is tested with', () => testRecordStore({ test, bench: benchOf(() => new Sound()) }))

type Broken = ReadonlyArray<[fault: string, make: () => Sound, noticed: RegExp]>

const broken: Broken = [
  [
    'gives NULLs',
    () =>
      new (class extends Sound {
        override read = (ref: ColumnRef, options: ReadOptions) => withNulls(super.read(ref, options))
      })(),
    /all but NULLs/,
  ],
  [
    'gives one page too long',
    () =>
      new (class extends Sound {
        override read = (ref: ColumnRef, o: ReadOptions) => super.read(ref, { ...o, limit: o.limit + 1 })
      })(),
    /pages of any size/,
  ],
  [
    'loses its place',
    () =>
      new (class extends Sound {
        override read = (ref: ColumnRef, o: ReadOptions) =>
          super.read(ref, { ...o, ...(o.after !== undefined && { after: String(Number(o.after) + 1) }) })
      })(),
    /pages of any size/,
  ],
  [
    'gives all records one context',
    () =>
      new (class extends Sound {
        override context = () => ({ id: '1' })
      })(),
    /all but NULLs/,
  ],
  [
    'does not compare',
    () =>
      new (class extends Sound {
        override write = (ref: ColumnRef, changes: readonly RecordChange[]) => blindly(this, ref, changes)
      })(),
    /newest value wins/,
  ],
  [
    'says that it wrote all',
    () =>
      new (class extends Sound {
        override write = (ref: ColumnRef, changes: readonly RecordChange[]) => (super.write(ref, changes), changes.length)
      })(),
    /newest value wins/,
  ],
  [
    'ignores notUnder',
    () =>
      new (class extends Sound {
        override read = (ref: ColumnRef, { after, limit }: ReadOptions) => super.read(ref, { limit, ...(after !== undefined && { after }) })
      })(),
    /under one key alone/,
  ],
  [
    'leaves out too much',
    () =>
      new (class extends Sound {
        override read = (ref: ColumnRef, o: ReadOptions) => super.read(ref, o).filter(({ sealed }) => !sealed || o.notUnder === undefined)
      })(),
    /under one key alone/,
  ],
  [
    'counts a record once',
    () =>
      new (class extends Sound {
        override census = (ref: ColumnRef) => firstKeyOnly(super.census(ref))
      })(),
    /under one key alone/,
  ],
  [
    'counts nothing',
    () =>
      new (class extends Sound {
        override census = (ref: ColumnRef) => ({ ...super.census(ref), total: 0 })
      })(),
    /all but NULLs/,
  ],
  [
    'scrubs away the records',
    () =>
      new (class extends Sound {
        override scrub = () => (this.cells.get('c')!.clear(), [])
      })(),
    /takes nothing away/,
  ],
  [
    'has something against its column',
    () =>
      new (class extends Sound {
        override problems = [{ ...column, problem: 'p', hint: 'h' }]
      })(),
    /names itself/,
  ],
  [
    'reads what nobody picked',
    () =>
      new (class extends Sound {
        override pick = (ref: ColumnRef, { picks, ...o }: PickOptions) => {
          const { records, last } = super.pick(ref, { ...o, picks: () => true })
          for (const { position } of records) picks(position)
          return { records, last }
        }
      })(),
    /picked is read/,
  ],
  [
    'stops picking too early',
    () =>
      new (class extends Sound {
        override pick = (ref: ColumnRef, o: PickOptions) => ({ ...super.pick(ref, o), last: undefined })
      })(),
    /picked is read/,
  ],
  [
    'asks about a record twice',
    () =>
      new (class extends Sound {
        override pick = (ref: ColumnRef, o: PickOptions) => super.pick(ref, { ...o, picks: (position) => (o.picks(position), o.picks(position)) })
      })(),
    /picked is read/,
  ],
  [
    'takes plaintext elsewhere for sealed',
    () =>
      new (class extends Sound {
        override unregistered = (o?: ScanOptions) => {
          const records = this.elsewhere.length
          return { ...super.unregistered(o), found: records === 0 ? [] : [{ ...OTHER, records }] }
        }
      })(),
    /outside of its columns/,
  ],
  [
    'takes its own column for an unregistered one',
    () =>
      new (class extends Sound {
        override unregistered = (o?: ScanOptions) => ({ ...super.unregistered(o), found: [{ ...OTHER, records: 2 }] })
      })(),
    /outside of its columns/,
  ],
  [
    'does not say how many rows it looked at',
    () =>
      new (class extends Sound {
        override unregistered = (o?: ScanOptions) => ({ ...super.unregistered(o), rows: 0 })
      })(),
    /outside of its columns/,
  ],
  [
    'searches on after a signal',
    () =>
      new (class extends Sound {
        override unregistered = () => super.unregistered()
      })(),
    /outside of its columns/,
  ],
]

const OTHER = { table: 't', column: 'other', holds: 'records' } as const

test.each(broken)('the kit notices a store that %s', async (_, make, noticed) => {
  const failed: string[] = []
  const cases: Array<Promise<void>> = []
  testRecordStore({ test: (name, run) => cases.push(run().catch(() => void failed.push(name))), bench: benchOf(make) })
  await Promise.all(cases)
  expect(failed).toContainEqual(expect.stringMatching(noticed))
})

function withNulls(records: StoredRecord[]): StoredRecord[] {
  return records.length < 5 ? records : [...records, { ...records[0]!, position: '99', context: { id: '99' } }]
}

function blindly(store: MemoryStore, { column: name }: ColumnRef, changes: readonly RecordChange[]): number {
  for (const { record, envelope } of changes) store.put(name, Number(record.position), envelope)
  return changes.length
}

function firstKeyOnly(count: ColumnCensus): ColumnCensus {
  return { ...count, byKey: new Map([...count.byKey].slice(0, 1)) }
}
