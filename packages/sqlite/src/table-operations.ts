import { sqliteError } from './errors.ts'
import type { KeySteps } from './key-steps.ts'
import { withKeys } from './key-steps.ts'
import type { TableLayout } from './layout.ts'
import type { Row, RowChange, RowCodec } from './row-codec.ts'
import type { IdPart, IdValue, RowId } from './row-id.ts'
import { parseRowId } from './row-id.ts'
import type { Assignment, StoredRow, TableRows } from './table-rows.ts'

/** How many rows an iteration reads at a time. */
const PAGE_ROWS = 200
/** How often a change begins anew because another connection took or changed the id while the values were sealed. */
const ATTEMPTS = 100

/** What a sealed table does, but for who asks the keys. A transaction never waits for a key: values are sealed before it begins. */
export class TableOperations {
  readonly #layout: TableLayout
  readonly #rows: TableRows
  readonly #codec: RowCodec

  constructor(layout: TableLayout, rows: TableRows, codec: RowCodec) {
    this.#layout = layout
    this.#rows = rows
    this.#codec = codec
  }

  *get(id: RowId): KeySteps<Row | undefined> {
    const row = this.#rows.find(parseRowId(id, this.#layout.key))
    return row && (yield* this.openRow(row))
  }

  *all(): KeySteps<Row[]> {
    const rows: Row[] = []
    for (const row of this.#rows.page()) rows.push(yield* this.openRow(row))
    return rows
  }

  /** Page by page: an open statement of SQLite would keep the connection from writing. */
  *stored(): Generator<StoredRow> {
    for (let page = this.#rows.page(undefined, PAGE_ROWS); page.length > 0; page = this.#rows.page(page.at(-1)!.id, PAGE_ROWS)) yield* page
  }

  *openRow(row: StoredRow): KeySteps<Row> {
    return this.#codec.assemble(row, yield* withKeys(this.#codec.openJobs(row)))
  }

  *put(id: RowId, values: object): KeySteps<void> {
    const change = this.parse(values)
    if (change.id !== undefined) {
      throw sqliteError('ERR_TABLE_VALUE', 'the values have a column of the id', { hint: 'Leave it out: the id is the first argument.' })
    }
    const wanted = parseRowId(id, this.#layout.key)
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const stored = this.#rows.storedId(wanted) ?? wanted
      if (this.#rows.put(stored, yield* this.#seal(change, stored))) return
    }
    throw contended()
  }

  /** Inserts checked values; SQLite chooses the id where they have none. */
  *insert(change: RowChange): KeySteps<RowId> {
    if (change.id === undefined) return publicId([yield* this.#insertNext(change)])
    this.#rows.insert(change.id, yield* this.#seal(change, change.id))
    return publicId(change.id)
  }

  /** Checks the values of a row. */
  parse(values: object): RowChange {
    return this.#codec.parse(values)
  }

  /** The context holds the id, so the next one is foreseen, and the row is inserted only if SQLite gives it that one. */
  *#insertNext(change: RowChange): KeySteps<bigint> {
    this.#requireRowid()
    let next = this.#rows.nextId()
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const chosen = this.#rows.insertNext(next, yield* this.#seal(change, [next]))
      if (chosen === next) return chosen
      next = chosen
    }
    throw contended()
  }

  #requireRowid(): void {
    const { columns, rowid } = this.#layout.key
    if (rowid) return
    throw sqliteError('ERR_TABLE_ID_VALUE', `the values lack the id (${columns.map(({ name }) => name).join(', ')})`, {
      hint: 'SQLite chooses the id of an INTEGER PRIMARY KEY alone. Give it among the values.',
    })
  }

  *#seal(change: RowChange, id: readonly IdPart[]): KeySteps<Assignment[]> {
    return this.#codec.assignments(change, yield* withKeys(this.#codec.sealJobs(change, id)))
  }

  delete(id: RowId): boolean {
    const stored = this.#rows.storedId(parseRowId(id, this.#layout.key))
    return stored !== undefined && this.#rows.delete(stored)
  }
}

function publicId(id: readonly IdPart[]): RowId {
  const values = id.map((part): IdValue => (typeof part === 'bigint' && Number.isSafeInteger(Number(part)) ? Number(part) : part))
  return values.length === 1 ? values[0]! : values
}

function contended(): Error {
  return sqliteError('ERR_SQLITE_BUSY', `other connections took or changed the row's id ${ATTEMPTS} times while its values were sealed`)
}
