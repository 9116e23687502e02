import { seal } from './envelope.ts'
import type { Keyring } from './keyring.ts'
import { claim } from './testing-kit.ts'
import type { ColumnRef, ReadOptions, RecordChange, RecordStore, StoredRecord } from './types.ts'

/** A store with some content, and a hand on it that is not the store's own: the application. */
export interface RecordStoreBench {
  readonly store: RecordStore
  /** The column that holds the values. */
  readonly column: ColumnRef
  /** Writes a value into the n-th cell (from 0, in the order of the values) past the store, as an application does. */
  overwrite(index: number, value: string | Uint8Array | null): void | Promise<void>
  /** Adds a record to a column that the store was not told of. For stores with `unregistered`. */
  addElsewhere?(value: string | Uint8Array): void | Promise<void>
}

/** A store under test, with what the cases do to it. */
export class Subject {
  readonly store: RecordStore
  readonly column: ColumnRef
  readonly overwrite: RecordStoreBench['overwrite']
  readonly addElsewhere: RecordStoreBench['addElsewhere']

  constructor(bench: RecordStoreBench) {
    this.store = bench.store
    this.column = bench.column
    this.overwrite = (index, value) => bench.overwrite(index, value)
    this.addElsewhere = bench.addElsewhere && ((value) => bench.addElsewhere!(value))
  }

  async read(): Promise<readonly StoredRecord[]> {
    return this.store.read(this.column, { limit: 10_000 })
  }

  async readPages(options: ReadOptions): Promise<StoredRecord[]> {
    const found: StoredRecord[] = []
    let after: string | undefined
    for (;;) {
      const page = await this.store.read(this.column, { ...options, ...(after !== undefined && { after }) })
      claim(page.length <= options.limit, `a page of ${options.limit} has ${page.length} records`)
      found.push(...page)
      if (page.length < options.limit) return found
      after = page.at(-1)!.position
    }
  }

  /** The records at the wanted positions, and every position that the store asked about. */
  async pickAll(limit: number, wanted: ReadonlySet<string>, maxBytes = Infinity): Promise<{ records: StoredRecord[]; looked: string[] }> {
    const records: StoredRecord[] = []
    const looked: string[] = []
    const picks = (position: string): boolean => (looked.push(position), wanted.has(position))
    for (let after: string | undefined; ; ) {
      const found = await this.store.pick!(this.column, { limit, maxBytes, picks, ...(after !== undefined && { after }) })
      records.push(...found.records)
      if (found.last === undefined) return { records, looked }
      after = found.last
    }
  }

  async seal(keyring: Keyring, records: readonly StoredRecord[]): Promise<number> {
    const changes: RecordChange[] = []
    for (const record of records) changes.push({ record, envelope: await seal(keyring, record.value, record.context) })
    return this.store.write(this.column, changes)
  }

  async claimCensus(expected: Readonly<Record<string, number>>): Promise<void> {
    const isOurs = ({ table, column }: ColumnRef): boolean => table === this.column.table && column === this.column.column
    const counted = [await this.store.census(this.column), ...((await this.store.censusAll?.()) ?? []).filter(isOurs)]
    claim(counted.length === (this.store.censusAll === undefined ? 1 : 2) && counted.every(isOurs), 'the census is of another column')
    for (const { table: _, column: __, byKey, ...counts } of counted) {
      const found: Record<string, number> = { ...counts, ...Object.fromEntries(byKey) }
      const wrong = Object.entries({ malformed: 0, ...expected }).find(([what, count]) => (found[what] ?? 0) !== count)
      claim(wrong === undefined, `the census counts ${found[wrong?.[0] ?? ''] ?? 0} instead of ${wrong?.[1]} (${wrong?.[0]})`)
      const keys = Object.keys(expected).filter((what) => !Object.hasOwn(counts, what)).length
      claim(byKey.size === keys, `the census counts ${byKey.size} keys instead of ${keys}`)
    }
  }
}
