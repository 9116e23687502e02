import type { RawRow, SqliteDatabase } from './database.ts'
import { guarded, transaction } from './database.ts'
import { sqliteError } from './errors.ts'
import type { KeySql } from './key-sql.ts'
import { keySql } from './key-sql.ts'
import type { TableLayout } from './layout.ts'
import { quote } from './names.ts'
import type { IdPart } from './row-id.ts'
import { Statements } from './statements.ts'

/** A row as it is stored. */
export interface StoredRow {
  readonly id: readonly IdPart[]
  /** In the order of the table's columns; integers as bigints. */
  readonly values: readonly unknown[]
}

/** A value to be stored: the column's name in the database, and the parameter. */
export type Assignment = readonly [column: string, parameter: unknown]

const MAX_ROWID = 0x7fff_ffff_ffff_ffffn
const CHOOSE = { hint: 'Choose the id, and use put.' }

/** The rows of a table in SQL, without keys. Every change is one transaction. */
export class TableRows {
  readonly #table: TableLayout
  readonly #key: KeySql
  readonly #statements: Statements
  readonly #select: string
  readonly #exists: string

  constructor(db: SqliteDatabase, table: TableLayout) {
    this.#table = table
    this.#key = keySql(table.key)
    this.#statements = new Statements(db)
    this.#select = `SELECT ${this.#key.columns}, ${table.columns.map(({ name }) => quote(name)).join(', ')} FROM ${table.sql}`
    this.#exists = `SELECT 1 FROM ${table.sql} WHERE ${this.#key.exact}`
  }

  /** The row of an id, as SQLite compares ids: the row's own id may be spelled otherwise (a NOCASE key). */
  find(id: readonly IdPart[]): StoredRow | undefined {
    const row = this.#get(`${this.#select} WHERE ${this.#key.equals}`, id)
    return row && this.#storedRow(row)
  }

  /** The id under which the row is stored. */
  storedId(id: readonly IdPart[]): readonly IdPart[] | undefined {
    const row = this.#get(`SELECT ${this.#key.columns} FROM ${this.#table.sql} WHERE ${this.#key.equals}`, id)
    return row && this.#key.read(row)
  }

  /** The rows behind an id in the key's order, from the beginning without one; all of them without a limit. */
  page(after?: readonly IdPart[], limit = -1): StoredRow[] {
    const where = after === undefined ? '' : ` WHERE ${this.#key.after}`
    const parameters = after === undefined ? [] : this.#key.behind(after)
    const sql = `${this.#select}${where} ORDER BY ${this.#key.order} LIMIT ?`
    return guarded(() => this.#statements.query(sql).all(...parameters, limit)).map((row) => this.#storedRow(row))
  }

  #get(sql: string, parameters: readonly unknown[]): RawRow | undefined {
    return guarded(() => this.#statements.query(sql).get(...parameters))
  }

  #storedRow(row: RawRow): StoredRow {
    return { id: this.#key.read(row), values: row.slice(this.#key.width) }
  }

  /**
   * Updates the row with exactly this id, or inserts it.
   *
   * @returns whether that was done; not where the row stands there under an id of another spelling
   */
  put(id: readonly IdPart[], assignments: readonly Assignment[]): boolean {
    return transaction(this.#statements.db, 'IMMEDIATE', () => {
      if (this.#update(id, assignments)) return true
      if (this.storedId(id) !== undefined) return false
      this.#insert([...this.#idAssignments(id), ...assignments])
      this.#checkStored(id)
      return true
    })
  }

  #update(id: readonly IdPart[], assignments: readonly Assignment[]): boolean {
    const where = this.#key.exactly(id)
    if (assignments.length === 0) return this.#get(this.#exists, where) !== undefined
    const set = assignments.map(([column]) => `${quote(column)} = ?`).join(', ')
    const update = this.#statements.change(`UPDATE ${this.#table.sql} SET ${set} WHERE ${this.#key.exact}`)
    return update.run(...assignments.map(([, parameter]) => parameter), ...where).changes > 0
  }

  /** Inserts a row under an id that the caller chose; a constraint refuses an id that is taken. */
  insert(id: readonly IdPart[], assignments: readonly Assignment[]): void {
    transaction(this.#statements.db, 'IMMEDIATE', () => {
      this.#insert([...this.#idAssignments(id), ...assignments])
      this.#checkStored(id)
    })
  }

  /**
   * Inserts a row whose id SQLite chooses, if it chooses the one that the values were sealed for.
   *
   * @returns the id that SQLite would choose; the row was inserted where it is the expected one
   */
  insertNext(expected: bigint, assignments: readonly Assignment[]): bigint {
    return transaction(this.#statements.db, 'IMMEDIATE', () => {
      const next = this.nextId()
      if (next !== expected) return next
      if (this.#insert(assignments) === expected) return next
      throw sqliteError('ERR_TABLE_ID_VALUE', 'a trigger changed the id that SQLite gives to new rows', CHOOSE)
    })
  }

  /** The id that SQLite gives to the next row of a table with an INTEGER PRIMARY KEY (sqlite.org/autoinc.html). */
  nextId(): bigint {
    const { names, key, source, sql } = this.#table
    const [largest] = this.#get(`SELECT max(${key.columns[0]!.sql}) FROM ${sql}`, []) as [bigint | null]
    const sequence = 'SELECT seq FROM main.sqlite_sequence WHERE name = ?'
    const used = source.autoincrement ? (this.#get(sequence, [names.table.physical])?.[0] ?? 0n) : null
    const last = [largest, used as bigint | null].reduce((a, b) => (a === null || (b !== null && b > a) ? b : a)) ?? 0n
    if (last < MAX_ROWID) return last + 1n
    throw sqliteError('ERR_TABLE_ID_VALUE', 'the largest id is taken, and SQLite would choose the next one at random', CHOOSE)
  }

  /** Deletes the row with exactly this id. */
  delete(id: readonly IdPart[]): boolean {
    return transaction(this.#statements.db, 'IMMEDIATE', () => {
      const remove = this.#statements.change(`DELETE FROM ${this.#table.sql} WHERE ${this.#key.exact}`)
      return remove.run(...this.#key.exactly(id)).changes > 0
    })
  }

  #insert(assignments: readonly Assignment[]): bigint {
    this.#refuseDefaults(assignments)
    const columns = assignments.map(([column]) => quote(column)).join(', ')
    const values = assignments.length === 0 ? 'DEFAULT VALUES' : `(${columns}) VALUES (${assignments.map(() => '?').join(', ')})`
    const insert = this.#statements.change(`INSERT INTO ${this.#table.sql} ${values}`)
    return BigInt(insert.run(...assignments.map(([, parameter]) => parameter)).lastInsertRowid)
  }

  /** SQLite would write the default of a sealed column in plaintext. */
  #refuseDefaults(assignments: readonly Assignment[]): void {
    const omitted = this.#table.sealed.find(({ physical, layout }) => {
      const hasDefault = layout.defaultSql !== undefined && layout.defaultSql.toUpperCase() !== 'NULL'
      return hasDefault && !assignments.some(([column]) => column === physical)
    })
    if (omitted === undefined) return
    throw sqliteError('ERR_TABLE_VALUE', `column ${omitted.logical} has a DEFAULT, which SQLite would store in plaintext`, {
      hint: 'Give a value for it in every new row.',
    })
  }

  #idAssignments(id: readonly IdPart[]): Assignment[] {
    return this.#table.key.columns.map(({ name }, i) => [name, id[i]])
  }

  /** What was sealed for this id opens under no other, so the row must have got exactly this one. */
  #checkStored(id: readonly IdPart[]): void {
    if (this.#get(this.#exists, this.#key.exactly(id)) !== undefined) return
    throw sqliteError('ERR_TABLE_ID_VALUE', 'the table would store the id as another value or type')
  }
}
