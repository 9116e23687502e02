import type { PickedRecords, PickOptions, ReadOptions, RecordChange, RecordOpening, StoredRecord } from '@keyfold/core'
import { isSealed, KEY_ID_LENGTH } from '@keyfold/core'
import { decodeCell } from './cell.ts'
import type { Query, RawRow, SqliteDatabase, SqliteStatement } from './database.ts'
import { guarded, transaction } from './database.ts'
import { sqliteError } from './errors.ts'
import { toPlaintextSql } from './js-value.ts'
import { keyExpression } from './key-index.ts'
import type { KeySql } from './key-sql.ts'
import { keySql, typed } from './key-sql.ts'
import type { SealedColumn, TableLayout } from './layout.ts'
import { ReadRecord } from './read-record.ts'
import type { IdPart } from './row-id.ts'
import { contextId, decodePosition, encodePosition, positionOf } from './row-id.ts'
import { Statements } from './statements.ts'
import { isUnreadable, readCell, sameCell, toParameter } from './stored-cell.ts'

/** A record of one of these stores. */
class SqliteRecord extends ReadRecord {
  readonly #id: readonly IdPart[]
  readonly #table: TableLayout

  constructor(id: readonly IdPart[], table: TableLayout, ...read: ConstructorParameters<typeof ReadRecord>) {
    super(...read)
    this.#id = id
    this.#table = table
  }

  /** The id that `position` stands for, which need not be read out of that again; undefined for a record of another table. */
  idIn(table: TableLayout): readonly IdPart[] | undefined {
    return this.#table === table ? this.#id : undefined
  }
}

/** Reads and replaces the cells of one column. */
export class ColumnStore {
  readonly table: TableLayout
  readonly column: SealedColumn
  readonly #statements: Statements
  /** The pairs that all contexts of the column share. */
  readonly #names: { readonly table: string; readonly column: string }
  readonly #key: KeySql
  /** Texts of SQL, written once: their making would cost as much as the statement does. */
  readonly #swapSql: string
  readonly #replaceSql: (value: string) => string
  readonly #cellSql: string
  /** A cell of the column's own form as its bytes, where it has no more bytes than the parameter says; else NULL. Its size is told without a load. */
  readonly #usualSql: string

  constructor(db: SqliteDatabase, table: TableLayout, column: SealedColumn) {
    this.#statements = new Statements(db)
    this.#key = keySql(table.key)
    this.#names = { table: table.names.table.logical, column: column.logical }
    this.table = table
    this.column = column
    const { sql, form } = column
    const { exact } = this.#key
    this.#replaceSql = (value) => `UPDATE ${table.sql} SET ${sql} = ${value} WHERE ${exact}`
    this.#swapSql = `${this.#replaceSql('?')} AND ${isStored(sql, form)}`
    const bytes = form === 'text' ? `CAST(${sql} AS BLOB)` : sql
    this.#usualSql = `CASE WHEN typeof(${sql}) = '${form}' AND octet_length(${sql}) <= ? THEN ${bytes} END`
    this.#cellSql = `SELECT ${typed(sql)} FROM ${table.sql} WHERE ${exact}`
  }

  /** As `RecordStore.read`. */
  read({ after, limit, maxBytes = Infinity, notUnder }: ReadOptions): StoredRecord[] {
    checkLimits(limit, maxBytes)
    const parameters = [
      ...(after === undefined ? [] : this.#key.behind(decodePosition(after, this.table.key))),
      ...(notUnder === undefined ? [] : keyIdForms(notUnder)),
    ]
    const query = (cell: string): Query => this.#readQuery(cell, after !== undefined, notUnder !== undefined)
    return guarded(() => {
      const usual = query(this.#usualSql).all(Math.floor(maxBytes / limit), ...parameters, limit)
      return this.#usualPage(usual) ?? this.#page(query(typed(this.column.sql)).iterate(...parameters, limit), maxBytes)
    })
  }

  /** Cells of the column's own form that fit into a page however many there are; undefined where another one is among them. */
  #usualPage(rows: readonly RawRow[]): StoredRecord[] | undefined {
    const { width } = this.#key
    const page: StoredRecord[] = []
    for (const row of rows) {
      if (row[width] === null) return undefined
      page.push(this.#record(row, this.column.form, row[width]))
    }
    return page
  }

  /** Row by row, so that no more large values come into memory than the page holds. */
  #page(rows: Iterable<RawRow>, maxBytes: number): StoredRecord[] {
    const { width } = this.#key
    const page: StoredRecord[] = []
    let bytes = 0
    for (const row of rows) {
      const record = this.#record(row, row[width], row[width + 1])
      page.push(record)
      bytes += record.value.length
      if (bytes >= maxBytes) break
    }
    return page
  }

  /** As `RecordStore.pick`: ids alone are read first, which touches no value that stands in pages of its own. */
  pick({ after, limit, maxBytes = Infinity, picks }: PickOptions): PickedRecords {
    checkLimits(limit, maxBytes)
    const { columns, after: behind, order, exact, width } = this.#key
    const filled = `FROM ${this.table.sql} WHERE ${this.column.sql} IS NOT NULL`
    const ids = this.#statements.query(`SELECT ${columns} ${filled}${after === undefined ? '' : ` AND ${behind}`} ORDER BY ${order} LIMIT ?`)
    const one = this.#statements.query(`SELECT ${columns}, ${typed(this.column.sql)} ${filled} AND ${exact}`)
    return guarded(() => {
      const looked = ids.all(...(after === undefined ? [] : this.#key.behind(decodePosition(after, this.table.key))), limit)
      const records: StoredRecord[] = []
      let bytes = 0
      let last: string | undefined
      for (const row of looked) {
        const id = this.#key.read(row)
        last = encodePosition(id)
        const found = picks(last) ? one.get(...this.#key.exactly(id)) : undefined
        if (found === undefined) continue
        const record = this.#record(found, found[width], found[width + 1])
        records.push(record)
        bytes += record.value.length
        if (bytes >= maxBytes) return { records, last }
      }
      return { records, last: looked.length < limit ? undefined : last }
    })
  }

  /** @param cell the SQL that gives the cell */
  #readQuery(cell: string, after: boolean, notUnder: boolean): Query {
    const { columns, after: behind, order } = this.#key
    const key = keyExpression(this.column)
    const where = [`${this.column.sql} IS NOT NULL`]
    if (after) where.unshift(behind)
    if (notUnder) where.push(`${key} NOT IN (?, ?)`)
    const sql = `SELECT ${columns}, ${cell} FROM ${this.table.sql} WHERE ${where.join(' AND ')} ORDER BY ${order} LIMIT ?`
    return this.#statements.query(sql)
  }

  /** @param type of the value, and the value as `readCell` takes it */
  #record(row: RawRow, type: unknown, cell: unknown): StoredRecord {
    const parts = this.#key.read(row)
    const id = contextId(parts)
    return new SqliteRecord(parts, this.table, this.#names, id, positionOf(id, this.table.key.columns.length), readCell(type, cell))
  }

  /** As `RecordStore.write`. The write lock is held from the start, so what is compared is what is replaced. */
  write(changes: readonly RecordChange[]): number {
    if (changes.some(({ envelope }) => !isSealed(envelope))) {
      throw sqliteError('ERR_TABLE_VALUE', 'a change has no envelope, and nothing else may be written', { hint: 'Seal the value first.' })
    }
    return transaction(this.#statements.db, 'IMMEDIATE', () => {
      const swap = this.#statements.change(this.#swapSql)
      let replaced = 0
      for (const change of changes) if (this.#replace(swap, change)) replaced++
      return replaced
    })
  }

  #replace(swap: SqliteStatement, { record, envelope }: RecordChange): boolean {
    if (isUnreadable(record)) return false
    const { form } = this.column
    const known = record instanceof SqliteRecord ? record.idIn(this.table) : undefined
    const where = this.#key.exactly(known ?? decodePosition(record.position, this.table.key))
    const parameter = toParameter(envelope, form)
    // The common case in one statement: the cell is sealed in the column's own form.
    if (record.sealed && changedOne(swap, parameter, ...where, toParameter(record.value, form))) return true
    return this.#isCurrent(record, where) && changedOne(this.#statements.change(this.#replaceSql('?')), parameter, ...where)
  }

  /**
   * As `RecordStore.unseal`: the plaintexts are cells, as `read` gave them before they were sealed.
   *
   * @throws KeyfoldError ERR_TABLE_TYPE, and nothing is replaced
   */
  unseal(openings: readonly RecordOpening[]): number {
    const cells = openings.map(({ record, plaintext }) => ({ record, ...toPlaintextSql(decodeCell(plaintext)) }))
    return transaction(this.#statements.db, 'IMMEDIATE', () => {
      let replaced = 0
      for (const { record, sql, parameter } of cells) {
        const where = this.#key.exactly(decodePosition(record.position, this.table.key))
        const isOurs = record.sealed && this.#isCurrent(record, where)
        if (isOurs && changedOne(this.#statements.change(this.#replaceSql(sql)), parameter, ...where)) replaced++
      }
      return replaced
    })
  }

  /** Compares in JavaScript: to SQL, 'a' is 'A' in a NOCASE column, 5 is 5.0, and 0.0 is -0.0. */
  #isCurrent(record: StoredRecord, where: readonly unknown[]): boolean {
    const [type, stored] = this.#statements.query(this.#cellSql).get(...where) ?? ['null']
    return type !== 'null' && sameCell(readCell(type, stored), record)
  }
}

/**
 * Whether a cell holds what the parameter does, of the same type. To a parameter of bytes nothing is equal but the same bytes as a BLOB, whatever the
 * column's affinity and collation; a text is compared as bytes, which no collation takes for others.
 */
function isStored(sql: string, form: SealedColumn['form']): string {
  return form === 'blob' ? `${sql} = ?` : `typeof(${sql}) = 'text' AND CAST(${sql} AS BLOB) = CAST(? AS BLOB)`
}

function changedOne(statement: SqliteStatement, ...parameters: readonly unknown[]): boolean {
  return statement.run(...parameters).changes === 1
}

function checkLimits(limit: number, maxBytes: number): void {
  if (!Number.isSafeInteger(limit) || limit < 1) throw sqliteError('ERR_TABLE_OPTIONS', 'limit is a whole number from 1')
  if (!(maxBytes >= 1)) throw sqliteError('ERR_TABLE_OPTIONS', 'maxBytes is a number from 1')
}

/** A key id as the key expression gives it, from cells in bytes and in text form. */
function keyIdForms(keyId: string): [Buffer, string] {
  const bytes = Buffer.from(keyId, 'hex')
  if (bytes.length !== KEY_ID_LENGTH || bytes.toString('hex') !== keyId) {
    throw sqliteError('ERR_TABLE_OPTIONS', `notUnder is a key id of ${KEY_ID_LENGTH * 2} hex digits`)
  }
  return [bytes, bytes.toString('base64url')]
}
