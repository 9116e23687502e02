import type { Affinity } from './affinity.ts'
import type { ColumnLayout } from './column-layout.ts'
import type { SqliteDatabase } from './database.ts'
import { query } from './database.ts'
import { sqliteError } from './errors.ts'
import { foldName, quote } from './names.ts'
import type { TableNames } from './table-options.ts'
import type { TableSql } from './table-sql.ts'

interface KeyColumn {
  readonly name: string
  readonly affinity: Affinity
  /** The column as SQL, with a COLLATE where the key's index has another collation than the column. */
  readonly sql: string
}

/** How rows are identified. */
export interface KeyLayout {
  readonly columns: readonly KeyColumn[]
  /** One column that is the rowid itself (INTEGER PRIMARY KEY): always an integer, and SQLite chooses it where an insert does not. */
  readonly rowid: boolean
}

interface Unique {
  readonly origin: string
  readonly columns: ReadonlyArray<{ readonly name: string; readonly collation: string }>
}

/**
 * Finds the primary key or unique constraint over exactly the id's columns.
 *
 * @throws KeyfoldError ERR_TABLE_ID where there is none, or a unique column may be NULL
 */
export function readKey(
  db: SqliteDatabase,
  names: TableNames,
  columns: readonly ColumnLayout[],
  withoutRowid: boolean,
  source: TableSql,
): KeyLayout {
  const table = names.table.physical
  const uniques = readUniques(db, table)
  const id = names.id.map((name) => columns.find((column) => column.name === name)!)
  const rowid = isRowid(id, columns, withoutRowid, uniques)
  const unique = uniques.find((candidate) =>
    sameColumns(
      candidate.columns.map(({ name }) => name),
      names.id,
    ),
  )
  if (!rowid && unique === undefined) throw notAKey(table, names.id, columns, uniques)
  const nullable = id.filter(({ notNull, primaryKey }) => !notNull && primaryKey === 0)
  if (!rowid && nullable.length > 0) {
    throw sqliteError('ERR_TABLE_ID', `column ${nullable[0]!.name} of ${table} is unique, but may be NULL, and then identifies no row`)
  }
  const keyColumns = id.map(({ name, affinity }) => {
    const collation = unique?.columns.find((column) => foldName(column.name) === foldName(name))?.collation.toUpperCase() ?? 'BINARY'
    const own = rowid || collation === source.collation(name)
    return { name, affinity, sql: own ? quote(name) : `${quote(name)} COLLATE ${quote(collation)}` }
  })
  return { columns: keyColumns, rowid }
}

/** Full unique indexes over plain columns: those of PRIMARY KEY and UNIQUE, and of CREATE UNIQUE INDEX without WHERE. */
function readUniques(db: SqliteDatabase, table: string): Unique[] {
  const indexes = query(db, 'SELECT name, origin FROM pragma_index_list(?, \'main\') WHERE "unique" AND NOT partial').all(table)
  const parts = query(db, "SELECT name, coll FROM pragma_index_xinfo(?, 'main') WHERE key ORDER BY seqno")
  return indexes
    .map(([name, origin]) => ({
      origin: origin as string,
      columns: parts.all(name).map(([column, collation]) => ({ name: column as string, collation: collation as string })),
    }))
    .filter(({ columns }) => columns.every(({ name }) => name !== null))
}

/** An INTEGER PRIMARY KEY has no index of its own; `INTEGER PRIMARY KEY DESC`, `INT PRIMARY KEY` and WITHOUT ROWID tables do. */
function isRowid(
  id: readonly ColumnLayout[],
  columns: readonly ColumnLayout[],
  withoutRowid: boolean,
  uniques: readonly Unique[],
): boolean {
  const [column] = id
  return (
    id.length === 1 &&
    column!.primaryKey === 1 &&
    columns.every(({ primaryKey }) => primaryKey < 2) &&
    column!.declaredType.toUpperCase() === 'INTEGER' &&
    !withoutRowid &&
    uniques.every(({ origin }) => origin !== 'pk')
  )
}

function sameColumns(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name) => b.some((other) => foldName(other) === foldName(name)))
}

function notAKey(table: string, id: readonly string[], columns: readonly ColumnLayout[], uniques: readonly Unique[]): Error {
  const primary = columns.filter(({ primaryKey }) => primaryKey > 0).map(({ name }) => name)
  const keys = [primary, ...uniques.map((unique) => unique.columns.map(({ name }) => name))].filter((names) => names.length > 0)
  const known = [...new Set(keys.map((names) => names.join(' + ')))]
  const choice = known.length === 0 ? 'has no declared key at all' : `has the keys ${known.join('; ')}`
  return sqliteError('ERR_TABLE_ID', `${id.join(' + ')} is no declared key of ${table}, which ${choice}`)
}
