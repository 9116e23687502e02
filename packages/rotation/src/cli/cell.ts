import { KeyfoldError } from '@keyfold/core'
import { suggestion } from '../nearest.ts'
import { loadSqlite } from './stores.ts'
import { usageError } from './usage.ts'

/** Where one sealed value stands in a SQLite database. */
export interface CellPlace {
  readonly db: string
  readonly table: string
  readonly column: string
  /** The primary key's value, as text. */
  readonly id: string
}

/** What a cell is read with; every driver of SQLite has it. */
interface Reader {
  prepare(sql: string): { all(...values: readonly string[]): unknown[] }
}

/**
 * Reads one cell as it is stored. Opens the database for reading alone.
 *
 * @throws KeyfoldError ERR_USAGE for names that are not there, ERR_RECORD_MISSING, ERR_NOT_SEALED for NULL and numbers
 */
export async function readCell(place: CellPlace): Promise<Uint8Array | string> {
  const { openDatabase } = await loadSqlite()
  const db = await openDatabase(place.db, { readonly: true })
  try {
    return cellIn(db, place)
  } finally {
    db.close()
  }
}

function cellIn(db: Reader, { table, column, id }: CellPlace): Uint8Array | string {
  const columns = columnsOf(db, table)
  if (!columns.some(({ name }) => sameName(name, column))) {
    const names = columns.map(({ name }) => name)
    throw usageError(`the table ${table} has no column ${column}${suggestion(column, names)}`, `Its columns: ${names.join(', ')}.`)
  }
  // The column's affinity turns the text into a number where the key is one.
  const rows = db.prepare(`SELECT ${quoted(column)} AS cell FROM ${quoted(table)} WHERE ${idOf(columns, table)} = ?`).all(id)
  if (rows.length === 0) throw new KeyfoldError('ERR_RECORD_MISSING', `the table ${table} has no row with this id`, { hint: 'Check --id.' })
  const { cell } = rows[0] as { cell: unknown }
  if (cell instanceof Uint8Array || typeof cell === 'string') return cell
  throw new KeyfoldError('ERR_NOT_SEALED', `the cell holds ${cell === null ? 'NULL' : 'a number'}`)
}

interface Column {
  readonly name: string
  /** Its place in the primary key, from 1; 0 where it has none. */
  readonly pk: number
}

function columnsOf(db: Reader, table: string): Column[] {
  const columns = db.prepare('SELECT name, pk FROM pragma_table_xinfo(?)').all(table) as Column[]
  if (columns.length > 0) return columns
  const tables = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all() as { name: string }[]
  const names = tables.map(({ name }) => name)
  throw usageError(`the database has no table ${table}${suggestion(table, names)}`, `Its tables: ${names.join(', ')}.`)
}

function idOf(columns: readonly Column[], table: string): string {
  const key = columns.filter(({ pk }) => Number(pk) > 0)
  if (key.length > 1)
    throw usageError(`the primary key of ${table} has ${key.length} columns`, 'inspect reads rows with an id of one column.')
  return key[0] === undefined ? 'rowid' : quoted(key[0].name)
}

function sameName(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase()
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
