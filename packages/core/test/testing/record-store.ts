/** A record store that keeps every promise, for the tests of the kit to break. */
import type { ColumnCensus, ColumnRef, ReadOptions, RecordChange, RecordStore, StoredRecord, StoreProblem } from '../../src/index.ts'
import { inspect, isSealed, KeyfoldError } from '../../src/index.ts'
import type { RecordStoreBench } from '../../src/testing.ts'

export type Cell = string | Uint8Array | null

/** The smallest store that keeps every promise: one column in memory. */
export class Store implements RecordStore {
  readonly name: string = 'memory'
  readonly column: ColumnRef = { table: 't', column: 'c' }
  readonly columns: readonly ColumnRef[] = [this.column]
  readonly cells: Cell[]
  prepared = 0

  constructor(values: ReadonlyArray<string | null>) {
    this.cells = [...values]
  }

  check(): StoreProblem[] {
    return []
  }

  prepare(): void {
    this.prepared++
  }

  census(column: ColumnRef): ColumnCensus {
    this.assertKnown(column)
    const byKey = new Map<string, number>()
    const counts = { total: this.cells.length, null: 0, plaintext: 0, malformed: 0 }
    for (const cell of this.cells) {
      if (cell === null) counts.null++
      else if (!isSealed(cell)) counts.plaintext++
      else for (const id of this.idsOf(cell, () => counts.malformed++)) byKey.set(id, (byKey.get(id) ?? 0) + 1)
    }
    return { ...this.column, ...counts, byKey }
  }

  read(column: ColumnRef, options: ReadOptions): StoredRecord[] {
    const { after, limit, notUnder } = options
    this.assertKnown(column)
    // as a database driver does that is given undefined to bind
    if ('after' in options && after === undefined) throw new TypeError('after is there, and is nothing')
    const records: StoredRecord[] = []
    for (const [i, cell] of this.cells.entries()) {
      const position = this.positionOf(i)
      if (cell === null || (after !== undefined && position <= after)) continue
      if (notUnder !== undefined && isSealed(cell) && this.idsOf(cell).join() === notUnder) continue
      records.push({ position, context: { ...this.column, id: String(i) }, sealed: this.isSealed(cell), value: this.copy(bytesOf(cell)) })
    }
    return records.slice(0, limit)
  }

  write(column: ColumnRef, changes: readonly RecordChange[]): number {
    this.assertKnown(column)
    let written = 0
    for (const { record, envelope } of changes) {
      const i = Number(record.position)
      if (!this.isUnchanged(this.cells[i]!, record.value)) continue
      this.cells[i] = envelope
      written++
    }
    return written
  }

  scrub(): string[] {
    return []
  }

  close(): void {
    this.cells.length = 0
  }

  protected assertKnown({ table, column }: ColumnRef): void {
    if (table !== 't' || column !== 'c') throw new KeyfoldError('ERR_ARGUMENT', 'there is no such column')
  }

  protected positionOf(i: number): string {
    return String(i).padStart(6, '0')
  }

  protected isSealed(cell: Cell): boolean {
    return isSealed(cell)
  }

  protected isUnchanged(cell: Cell, value: Uint8Array): boolean {
    return cell !== null && Buffer.compare(bytesOf(cell), value) === 0
  }

  protected copy(bytes: Uint8Array): Uint8Array {
    return Uint8Array.from(bytes)
  }

  protected idsOf(cell: string | Uint8Array, malformed?: () => void): string[] {
    try {
      return inspect(cell).entries.map(({ keyId }) => keyId)
    } catch {
      malformed?.()
      return []
    }
  }
}

export function bytesOf(cell: string | Uint8Array): Uint8Array {
  return typeof cell === 'string' ? new TextEncoder().encode(cell) : cell
}

export function benchOf(store: Store): RecordStoreBench {
  return { store, column: store.column, overwrite: (i, value) => void (store.cells[i] = value) }
}
