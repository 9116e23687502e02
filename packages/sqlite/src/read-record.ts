import type { ColumnRef, StoredRecord } from '@keyfold/core'
import type { StoredCell } from './stored-cell.ts'

/** A record as it was read. A class, not a literal, which V8 would keep for longer: docs/design/0013-throughput.md, "Where the time goes". */
export class ReadRecord implements StoredRecord {
  readonly position: string
  readonly context: Readonly<Record<string, string>>
  readonly sealed: boolean
  readonly value: Uint8Array

  /** @param id as the context has it, which `position` stands for */
  constructor({ table, column }: ColumnRef, id: string, position: string, { sealed, value }: StoredCell) {
    this.position = position
    // No literal either, and it must not be an instance of a class: put together from an empty object.
    const context: Record<string, string> = {}
    context['table'] = table
    context['column'] = column
    context['id'] = id
    this.context = context
    this.sealed = sealed
    this.value = value
  }
}
