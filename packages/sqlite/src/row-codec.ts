import type { EncryptionContext } from '@keyfold/core'
import { isSealed, KeyfoldError } from '@keyfold/core'
import { decodeCell, encodeCell } from './cell.ts'
import type { ColumnLayout } from './column-layout.ts'
import { sqliteError } from './errors.ts'
import type { SealedValue } from './js-value.ts'
import { fromCell, fromInteger, toCell, toPlainParameter } from './js-value.ts'
import { isPlainObject } from './json-value.ts'
import type { CellJob } from './key-steps.ts'
import { inColumn } from './key-steps.ts'
import type { SealedColumn, TableLayout } from './layout.ts'
import { suggestion } from './names.ts'
import type { IdPart, RowId } from './row-id.ts'
import { contextId, parseRowId } from './row-id.ts'
import { toParameter } from './stored-cell.ts'
import type { Assignment, StoredRow } from './table-rows.ts'

/** A row of a sealed table: sealed columns by their logical names and opened, all others as better-sqlite3 gives them. */
export type Row = Record<string, SealedValue>

/** Values that a caller gave, checked. */
export interface RowChange {
  /** From the id's columns, where the values have them. */
  readonly id: readonly IdPart[] | undefined
  readonly plain: readonly Assignment[]
  /** The encoded plaintext of each sealed column; null for NULL. */
  readonly sealed: ReadonlyArray<{ readonly column: SealedColumn; readonly plaintext: Uint8Array | null }>
}

/** Turns rows of callers into cells and back. Holds no key and runs no SQL. */
export class RowCodec {
  readonly #table: TableLayout
  readonly #safeIntegers: boolean
  readonly #byPhysical: ReadonlyMap<string, SealedColumn>

  constructor(table: TableLayout, safeIntegers: boolean) {
    this.#table = table
    this.#safeIntegers = safeIntegers
    this.#byPhysical = new Map(table.sealed.map((column) => [column.physical, column]))
  }

  /**
   * Checks the values of a row, by column.
   *
   * @throws KeyfoldError ERR_TABLE_COLUMN, ERR_TABLE_VALUE, ERR_TABLE_ID_VALUE
   */
  parse(values: object): RowChange {
    if (!isPlainObject(values)) {
      throw sqliteError('ERR_TABLE_VALUE', 'the values of a row are a plain object by column', {
        hint: 'For example { ssn: "078-05-1120" }.',
      })
    }
    const { names, sealed: sealedColumns, key } = this.#table
    const plain: Assignment[] = []
    const sealed: Array<RowChange['sealed'][number]> = []
    const id = new Map<string, unknown>()
    for (const [name, value] of Object.entries(values)) {
      const column = sealedColumns.find(({ logical }) => logical === name)
      if (column !== undefined) sealed.push({ column, plaintext: plaintextOf(value, column) })
      else if (names.id.includes(name)) id.set(name, value)
      else plain.push([this.#plainColumn(name).name, toPlainParameter(value, name)])
    }
    if (id.size === 0) return { id: undefined, plain, sealed }
    return { id: parseRowId(names.id.map((name) => id.get(name)) as unknown as RowId, key), plain, sealed }
  }

  #plainColumn(name: string): ColumnLayout {
    const column = this.#table.columns.find((candidate) => candidate.name === name && !this.#byPhysical.has(name))
    if (column !== undefined) {
      if (!column.generated) return column
      throw sqliteError('ERR_TABLE_COLUMN', `column ${name} is generated, and takes no value`, { hint: 'Leave it out.' })
    }
    const names = this.#table.columns.map((candidate) => this.#byPhysical.get(candidate.name)?.logical ?? candidate.name)
    throw sqliteError('ERR_TABLE_COLUMN', `table ${this.#table.names.table.logical} has no column ${name}${suggestion(name, names)}`)
  }

  /** The cells to seal for the row of an id, in the order of `change.sealed`. */
  sealJobs({ sealed }: RowChange, id: readonly IdPart[]): Array<CellJob | null> {
    return sealed.map(({ column, plaintext }) => plaintext && { ...this.#place(column, id), seal: plaintext })
  }

  /** What to store once the cells are sealed. */
  assignments({ plain, sealed }: RowChange, envelopes: ReadonlyArray<Uint8Array | null>): Assignment[] {
    const cells = sealed.map(({ column }, i): Assignment => {
      const envelope = envelopes[i] ?? null
      return [column.physical, envelope && toParameter(envelope, column.form)]
    })
    return [...plain, ...cells]
  }

  /** The cells to open of a row, in the order of the sealed columns; ERR_NOT_SEALED for what was never sealed. */
  openJobs({ id, values }: StoredRow): Array<CellJob | null> {
    return this.#table.sealed.map((column) => {
      const value = values[this.#table.columns.indexOf(column.layout)]
      if (value === null) return null
      const place = this.#place(column, id)
      if (!isSealed(value)) throw inColumn(place.column, new KeyfoldError('ERR_NOT_SEALED', 'the stored value is not sealed'))
      return { ...place, open: value }
    })
  }

  #place(column: SealedColumn, id: readonly IdPart[]): { column: string; context: EncryptionContext } {
    const table = this.#table.names.table.logical
    return { column: `${table}.${column.logical}`, context: { table, column: column.logical, id: contextId(id) } }
  }

  /** Puts a row together from what it stores and what its sealed cells opened to. */
  assemble({ values }: StoredRow, opened: ReadonlyArray<Uint8Array | null>): Row {
    const row: Row = {}
    for (const [i, { name }] of this.#table.columns.entries()) {
      const sealed = this.#byPhysical.get(name)
      if (sealed === undefined) setOwn(row, name, this.#plainValue(values[i]))
      else setOwn(row, sealed.logical, this.#openedValue(opened[this.#table.sealed.indexOf(sealed)] ?? null))
    }
    return row
  }

  #plainValue(value: unknown): SealedValue {
    return typeof value === 'bigint' ? fromInteger(value, this.#safeIntegers) : (value as SealedValue)
  }

  #openedValue(plaintext: Uint8Array | null): SealedValue {
    return plaintext && fromCell(decodeCell(plaintext), this.#safeIntegers)
  }
}

function plaintextOf(value: unknown, column: SealedColumn): Uint8Array | null {
  const cell = toCell(value, column.layout.affinity, column.logical)
  return cell && encodeCell(cell)
}

/** A column may be called `__proto__`. */
function setOwn(row: Row, name: string, value: SealedValue): void {
  if (name === '__proto__') Object.defineProperty(row, name, { value, enumerable: true, configurable: true, writable: true })
  else row[name] = value
}
