import { describe, expect, test } from 'vitest'
import type { ColumnCensus, ColumnRef, ReadOptions, RecordChange, StoredRecord } from '../../src/index.ts'
import { isSealed } from '../../src/index.ts'
import { testRecordStore } from '../../src/testing.ts'
import { failuresOf } from './cases.ts'
import type { Cell } from './record-store.ts'
import { benchOf, bytesOf, Store } from './record-store.ts'

describe('a store in memory', () => testRecordStore({ test, bench: (values) => benchOf(new Store(values)) }))

type Values = ReadonlyArray<string | null>
const sealedCount = (counts: ColumnCensus, change: Partial<Record<keyof ColumnCensus, unknown>>): ColumnCensus =>
  ({ ...counts, ...change }) as ColumnCensus

/** Stores that break one promise each, with the case that must notice and what it must say. */
const broken: ReadonlyArray<[promise: string, store: (values: Values) => Store, noticed: RegExp, said: RegExp]> = [
  ['has no name', (values) => new (class extends Store { override name = '' })(values), /names itself/, /no name/],
  ['does not name its column', (values) => new (class extends Store { override columns = [{ table: 't', column: 'd' }] })(values),
    /names itself/, /does not name its column/],
  ['names a column of another table', (values) => new (class extends Store { override columns = [{ table: 'u', column: 'c' }] })(values),
    /names itself/, /does not name its column/],
  ['has something against a good column', (values) => new (class extends Store {
    override check = () => [{ ...this.column, problem: 'it is', hint: 'Do.' }]
  })(values), /names itself/, /something against/],
  ['can be prepared only once', (values) => new (class extends Store {
    override prepare(): void {
      if (this.prepared++ > 0) throw new Error('it is prepared')
    }
  })(values), /names itself/, /it is prepared/],
  ['reads columns that it does not have', (values) => new (class extends Store { override assertKnown = () => undefined })(values),
    /does not have/, /was accepted/],
  ['gives NULLs', (values) => new (class extends Store {
    override read(...args: [ColumnRef, ReadOptions]): StoredRecord[] {
      return [...super.read(...args), ...this.cells.flatMap((cell, i) => (cell === null ? [recordOf(`n${i}`, String(i))] : []))]
    }
  })(values), /all but NULLs/, /records were read instead of 5/],
  ['gives records of an empty column', (values) => new (class extends Store {
    override read = (...args: [ColumnRef, ReadOptions]) => (values.length === 0 ? [recordOf('1', '1')] : super.read(...args))
  })(values), /empty column/, /gives records/],
  ['gives one position twice', (values) => new (class extends Store { override positionOf = (i: number) => String(i >> 1) })(values),
    /all but NULLs/, /one position/],
  ['gives one context twice', (values) => new (class extends Store {
    override read = (...args: [ColumnRef, ReadOptions]) => super.read(...args).map((record) => ({ ...record, context: { id: '1' } }))
  })(values), /all but NULLs/, /one context/],
  ['takes plaintext as sealed', (values) => new (class extends Store { override isSealed = () => true })(values), /all but NULLs/, /plaintext is taken/],
  ['takes sealed records as plaintext', (values) => new (class extends Store { override isSealed = () => false })(values),
    /sealing keeps order/, /sealed record is taken/],
  ['gives pages that are too long', (values) => new (class extends Store {
    override read = (column: ColumnRef, options: ReadOptions) => super.read(column, { ...options, limit: options.limit + 1 })
  })(values), /all but NULLs/, /a page of 1 has 2 records/],
  ['gives pages in another order', (values) => new (class extends Store {
    override read = (column: ColumnRef, options: ReadOptions) => {
      const read = super.read(column, { ...options, limit: 1e6 })
      return (options.limit < 3 ? read.slice(0, options.limit) : read.toReversed().slice(0, options.limit))
    }
  })(values), /all but NULLs/, /another order/],
  ['leaves out a record between pages', (values) => new (class extends Store {
    override read = (column: ColumnRef, options: ReadOptions) => super.read(column, options).slice(options.after === undefined ? 0 : 1)
  })(values), /all but NULLs/, /pages of 1 give other records/],
  ['gives its own buffers', (values) => new (class extends Store {
    override copy = (bytes: Uint8Array) => bytes
    override readonly cells = values.map((value) => (value === null ? null : bytesOf(value)))
  })(values), /reader’s own/, /read before/],
  ['writes over newer values', (values) => new (class extends Store { override isUnchanged = () => true })(values),
    /left alone: the newest/, /count of written records is wrong/],
  ['writes over newer values without counting them', (values) => new (class extends Store {
    override write(column: ColumnRef, changes: readonly RecordChange[]): number {
      const written = super.write(column, changes)
      for (const { record, envelope } of changes) this.cells[Number(record.position)] = envelope
      return written
    }
  })(values), /left alone: the newest/, /newer value was overwritten/],
  ['writes over NULL', (values) => new (class extends Store {
    override isUnchanged = (cell: Cell, value: Uint8Array) => cell === null || super.isUnchanged(cell, value)
  })(values), /left alone: the newest/, /became NULL/],
  ['writes over newer envelopes', (values) => new (class extends Store {
    override isUnchanged = (cell: Cell, value: Uint8Array) => (isSealed(cell) && isSealed(value)) || super.isUnchanged(cell, value)
  })(values), /sealed record that changed/, /count of written records is wrong/],
  ['writes nothing', (values) => new (class extends Store { override write = () => 0 })(values), /sealing keeps order/, /not every change/],
  ['writes one twice from one reading', (values) => new (class extends Store {
    override isUnchanged = (cell: Cell, value: Uint8Array) =>
      (isSealed(cell) && !isSealed(value) && this.cells.length === 3) || super.isUnchanged(cell, value)
  })(values), /left alone: the newest/, /twice from one reading/],
  ['changes a value as it writes it', (values) => new (class extends Store {
    override write = (column: ColumnRef, changes: readonly RecordChange[]) =>
      super.write(column, changes.map((change) => ({ ...change, envelope: changes[0]!.envelope })))
  })(values), /sealing keeps order/, /./],
  ['moves a record as it writes it', (values) => new (class extends Store {
    override positionOf = (i: number) => (isSealed(this.cells[i]) ? 's' : '') + super.positionOf(i)
    override write = (column: ColumnRef, changes: readonly RecordChange[]) =>
      super.write(column, changes.map((change) => ({ ...change, record: this.unmoved(change.record) })))
    unmoved = (record: StoredRecord) => ({ ...record, position: record.position.replace('s', '') })
  })(values), /sealing keeps order/, /changed its position/],
  ['leaves out records of several entries', (values) => new (class extends Store {
    override read = (column: ColumnRef, options: ReadOptions) =>
      super.read(column, options).filter(({ value }) => !isSealed(value) || !this.idsOf(value).includes(options.notUnder ?? ''))
  })(values), /leaves out/, /of four records, 1 are left/],
  ['leaves out nothing', (values) => new (class extends Store {
    override read = (column: ColumnRef, options: ReadOptions) => {
      const { notUnder, ...others } = options
      return super.read(column, notUnder === undefined ? options : others)
    }
  })(values), /leaves out/, /of four records, 4 are left/],
  ['counts a cell of two entries once', (values) => new (class extends Store {
    override idsOf = (cell: string | Uint8Array, malformed?: () => void) => super.idsOf(cell, malformed).slice(0, 1)
  })(values), /leaves out/, /counts 1 instead of 2/],
  ['counts keys that are not there', (values) => new (class extends Store {
    override census(column: ColumnRef): ColumnCensus {
      const counts = super.census(column)
      return sealedCount(counts, { byKey: new Map([...counts.byKey, ['00'.repeat(12), 0]]) })
    }
  })(values), /empty column/, /counts 1 keys instead of 0/],
  ['counts another column', (values) => new (class extends Store {
    override census = (column: ColumnRef) => sealedCount(super.census(column), { column: 'd' })
  })(values), /empty column/, /another column/],
  ['counts another table', (values) => new (class extends Store {
    override census = (column: ColumnRef) => sealedCount(super.census(column), { table: 'u' })
  })(values), /empty column/, /another column/],
  ['does not count what is malformed', (values) => new (class extends Store {
    override census = (column: ColumnRef) => sealedCount(super.census(column), { malformed: 0 })
  })(values), /version to come/, /counts 0 instead of 1 \(malformed\)/],
  ['takes a version to come for plaintext', (values) => new (class extends Store {
    override isSealed = (cell: Cell) => isSealed(cell) && (typeof cell === 'string' || cell?.[2] === 1)
  })(values), /version to come/, /taken as plaintext/],
  ['scrubs without saying what remains', (values) => new (class extends Store { override scrub = () => undefined as never })(values),
    /scrubbing/, /sentences/],
  ['says in numbers what remains', (values) => new (class extends Store { override scrub = () => [1] as never })(values), /scrubbing/, /sentences/],
  ['scrubs records away', (values) => new (class extends Store {
    override scrub = () => (this.cells.pop(), [])
  })(values), /scrubbing/, /census counts/],
  ['writes a thousand at most', (values) => new (class extends Store {
    override write = (column: ColumnRef, changes: readonly RecordChange[]) => super.write(column, changes.slice(0, 1000))
  })(values), /batch of 2,000/, /not every change/],
]

function recordOf(position: string, id: string): StoredRecord {
  return { position, context: { id }, sealed: false, value: new Uint8Array(0) }
}

test.each(broken)('the kit notices a store that %s', async (_, store, noticed, said) => {
  const failures = await failuresOf((declare) => testRecordStore({ test: declare, bench: (values) => benchOf(store(values)) }), noticed)
  expect(Object.entries(failures)).toContainEqual([expect.stringMatching(noticed), expect.stringMatching(said)])
})
