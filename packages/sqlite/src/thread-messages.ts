/** What crosses between a store and its thread: few objects a batch, and the bytes of all values in one buffer that is handed over. */
import type { ColumnCensus, ColumnRef, ReadOptions, RecordChange, RecordOpening, StoredRecord, StoreProblem } from '@keyfold/core'
import type { OpenOptions } from './open-database.ts'
import { ReadRecord } from './read-record.ts'
import { positionOf } from './row-id.ts'
import type { SqliteStoreOptions, ThreadColumn } from './store.ts'

/** What a thread needs to open a store. */
export interface ThreadStart {
  readonly path: string
  readonly open: OpenOptions
  readonly store: SqliteStoreOptions
}

/** What is known of a store once it is open. */
export interface Opened {
  readonly name: string
  readonly columns: readonly ThreadColumn[]
}

/** The calls of a store, as they cross. */
export interface ThreadCalls {
  open(start: ThreadStart): Opened
  check(): StoreProblem[]
  census(column: ColumnRef): ColumnCensus
  censusAll(): readonly ColumnCensus[]
  prepare(): void
  read(column: ColumnRef, options: ReadOptions): PackedPage
  write(column: ColumnRef, changes: PackedChanges): number
  unseal(column: ColumnRef, openings: PackedChanges): number
  sync(): Promise<void>
  othersWrote(): boolean
  scrub(): string[]
  close(): void
}

export interface Request {
  readonly call: keyof ThreadCalls
  readonly args: readonly unknown[]
}

/** Answers stand in the order of the requests. */
export type Answer = { readonly value: unknown } | { readonly error: PackedError }

/** An error, as it crosses: a class does not. */
export interface PackedError {
  readonly code: string
  readonly message: string
  readonly hint: string
}

/** Records that were read. */
export interface PackedPage {
  /** As in their contexts; the positions follow from them. */
  readonly ids: readonly string[]
  readonly sealed: Uint8Array
  readonly lengths: Float64Array
  readonly bytes: Uint8Array<ArrayBuffer>
}

/** What a write needs of its changes: of each, the value that was read and what replaces it, one behind the other. */
export interface PackedChanges {
  readonly positions: readonly string[]
  readonly sealed: Uint8Array
  /** Two for each change. */
  readonly lengths: Float64Array
  readonly bytes: Uint8Array<ArrayBuffer>
}

export function packPage(records: readonly StoredRecord[]): PackedPage {
  const values = records.map(({ value }) => value)
  return { ids: records.map(idOf), sealed: flags(records), ...joined(values) }
}

export function unpackPage({ ids, sealed, ...rest }: PackedPage, column: ThreadColumn): StoredRecord[] {
  const values = cut(rest)
  return ids.map((id, i) => new ReadRecord(column, id, positionOf(id, column.idColumns), { sealed: sealed[i] === 1, value: values[i]! }))
}

export function packChanges(changes: readonly RecordChange[]): PackedChanges {
  return packed(changes.map(({ record, envelope }) => [record, envelope]))
}

export function packOpenings(openings: readonly RecordOpening[]): PackedChanges {
  return packed(openings.map(({ record, plaintext }) => [record, plaintext]))
}

function packed(pairs: ReadonlyArray<readonly [record: StoredRecord, bytes: Uint8Array]>): PackedChanges {
  const records = pairs.map(([record]) => record)
  const values: Uint8Array[] = []
  for (const [{ value }, bytes] of pairs) values.push(value, bytes)
  return { positions: records.map(({ position }) => position), sealed: flags(records), ...joined(values) }
}

/** Without contexts, which a write does not look at. */
export function unpackChanges(changes: PackedChanges): RecordChange[] {
  return unpacked(changes, (record, envelope) => ({ record, envelope }))
}

/** As `unpackChanges`. */
export function unpackOpenings(openings: PackedChanges): RecordOpening[] {
  return unpacked(openings, (record, plaintext) => ({ record, plaintext }))
}

function unpacked<T>({ positions, sealed, ...rest }: PackedChanges, make: (record: StoredRecord, bytes: Uint8Array) => T): T[] {
  const values = cut(rest)
  return positions.map((position, i) => make({ position, context: {}, sealed: sealed[i] === 1, value: values[2 * i]! }, values[2 * i + 1]!))
}

function idOf({ context }: StoredRecord): string {
  return (context as { readonly id: string }).id
}

function flags(records: readonly StoredRecord[]): Uint8Array {
  const bits = new Uint8Array(records.length)
  for (const [i, { sealed }] of records.entries()) bits[i] = sealed ? 1 : 0
  return bits
}

function joined(values: readonly Uint8Array[]): Pick<PackedPage, 'lengths' | 'bytes'> {
  const lengths = new Float64Array(values.length)
  let total = 0
  for (const [i, { length }] of values.entries()) total += lengths[i] = length
  const bytes = new Uint8Array(total)
  let at = 0
  for (const value of values) {
    bytes.set(value, at)
    at += value.length
  }
  return { lengths, bytes }
}

/** Views of what was joined. */
function cut({ lengths, bytes }: Pick<PackedPage, 'lengths' | 'bytes'>): Uint8Array[] {
  const values: Uint8Array[] = []
  let at = 0
  for (const length of lengths) values.push(bytes.subarray(at, (at += length)))
  return values
}
