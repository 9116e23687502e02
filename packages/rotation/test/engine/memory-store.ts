import { inspect, isKeyfoldError, isSealed, KeyfoldError } from '@keyfold/core'
import type { ColumnCensus, ColumnRef, ReadOptions, RecordChange, RecordOpening, RecordStore, StoredRecord, StoreProblem } from '@keyfold/core'

type Cell = Uint8Array | null
type Hook = () => void

const utf8 = new TextEncoder()

/** A store that lives in memory: columns of cells, in the order of their keys. Counts the writes of each cell, as a trigger would. */
export class MemoryStore implements RecordStore {
  readonly name: string
  readonly columns: readonly ColumnRef[]
  readonly cells = new Map<string, Map<number, Cell>>()
  readonly updates = new Map<string, number>()
  problems: StoreProblem[] = []
  remains: string[] = []
  scrubs = 0
  /** A plaintext that it cannot hold. */
  refused: string | undefined
  batches = 0
  /** Run between a read and the write that follows: an application at work. */
  onRead: Hook | undefined
  /** Run before a batch is written: may throw, as a full disk does. */
  onWrite: Hook | undefined

  constructor(name: string, columns: readonly string[]) {
    this.name = name
    this.columns = columns.map((column) => ({ table: 'customers', column }))
    for (const column of columns) this.cells.set(column, new Map())
  }

  fill(column: string, values: readonly (string | Uint8Array | null)[]): this {
    for (const [i, value] of values.entries()) this.put(column, i + 1, value)
    return this
  }

  put(column: string, id: number, value: string | Uint8Array | null): void {
    this.cells.get(column)!.set(id, typeof value === 'string' ? utf8.encode(value) : value)
  }

  cell(column: string, id: number): Cell {
    return this.cells.get(column)!.get(id) ?? null
  }

  context(column: string, id: number): Record<string, string> {
    return { table: 'customers', column, id: String(id) }
  }

  #cellsOf(column: string): Map<number, Cell> {
    const cells = this.cells.get(column)
    if (cells === undefined) throw new KeyfoldError('ERR_ARGUMENT', `there is no column ${column}`)
    return cells
  }

  check(): StoreProblem[] {
    return this.problems
  }

  prepare(): void {}

  census({ table, column }: ColumnRef): ColumnCensus {
    const count = { table, column, total: 0, null: 0, plaintext: 0, malformed: 0, byKey: new Map<string, number>() }
    for (const value of this.#cellsOf(column).values()) {
      count.total++
      if (value === null) count.null++
      else if (!isSealed(value)) count.plaintext++
      else countKeys(value, count)
    }
    return count
  }

  read({ column }: ColumnRef, { after, limit, maxBytes = Infinity, notUnder }: ReadOptions): StoredRecord[] {
    const from = after === undefined ? -Infinity : Number(after)
    const found: StoredRecord[] = []
    let bytes = 0
    const rows = [...this.#cellsOf(column)].sort(([a], [b]) => a - b)
    for (const [id, value] of rows) {
      if (id <= from || value === null || isUnder(value, notUnder)) continue
      if (found.length === limit || bytes >= maxBytes) break
      bytes += value.length
      found.push({ position: String(id), context: this.context(column, id), sealed: isSealed(value), value: Uint8Array.from(value) })
    }
    this.onRead?.()
    return found
  }

  write({ column }: ColumnRef, changes: readonly RecordChange[]): number {
    this.onWrite?.()
    this.batches++
    let written = 0
    for (const { record, envelope } of changes) {
      const id = Number(record.position)
      if (!sameCell(this.cell(column, id), record.value)) continue
      this.put(column, id, envelope)
      const key = `${column} ${id}`
      this.updates.set(key, (this.updates.get(key) ?? 0) + 1)
      written++
    }
    return written
  }

  unseal({ column }: ColumnRef, openings: readonly RecordOpening[]): number {
    if (openings.some(({ plaintext }) => new TextDecoder().decode(plaintext) === this.refused)) {
      throw new KeyfoldError('ERR_TABLE_TYPE', 'a plaintext has no form here')
    }
    return this.write({ table: 'customers', column }, openings.map(({ record, plaintext }) => ({ record, envelope: plaintext })))
  }

  scrub(): string[] {
    this.scrubs++
    return this.remains
  }

  close(): void {}
}

function countKeys(value: Uint8Array, count: { malformed: number; byKey: Map<string, number> }): void {
  try {
    for (const { keyId } of inspect(value).entries) count.byKey.set(keyId, (count.byKey.get(keyId) ?? 0) + 1)
  } catch (error) {
    if (!isKeyfoldError(error)) throw error
    count.malformed++
  }
}

function isUnder(value: Uint8Array, notUnder: string | undefined): boolean {
  if (notUnder === undefined || !isSealed(value)) return false
  try {
    const { entries } = inspect(value)
    return entries.length === 1 && entries[0]!.keyId === notUnder
  } catch {
    return false
  }
}

function sameCell(cell: Cell, value: Uint8Array): boolean {
  return cell !== null && Buffer.compare(cell, value) === 0
}

/** What a disk that is full ends a write with. */
export function diskFull(): never {
  throw new KeyfoldError('ERR_SQLITE_IO', 'the disk is full')
}
