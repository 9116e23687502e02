import type { ColumnLayout } from './column-layout.ts'
import { findColumn, readColumns } from './column-layout.ts'
import type { SqliteDatabase } from './database.ts'
import { query } from './database.ts'
import { sqliteError } from './errors.ts'
import type { KeyLayout } from './key-layout.ts'
import { readKey } from './key-layout.ts'
import { quote, suggestion } from './names.ts'
import type { NamePair, TableNames } from './table-options.ts'
import type { TableSql } from './table-sql.ts'
import { parseTableSql } from './table-sql.ts'

/** A sealed column. */
export interface SealedColumn extends NamePair {
  readonly layout: ColumnLayout
  readonly sql: string
  /** How its envelopes are stored: the text form where the affinity is TEXT, for tools that expect text there; else bytes. */
  readonly form: 'text' | 'blob'
}

/** A table as the database declares it. */
export interface TableLayout {
  readonly names: TableNames
  /** The table as SQL, with its schema: a TEMP table of the same name must not stand in. */
  readonly sql: string
  readonly strict: boolean
  readonly columns: readonly ColumnLayout[]
  readonly sealed: readonly SealedColumn[]
  readonly key: KeyLayout
  readonly source: TableSql
}

/**
 * Reads how a table is declared.
 *
 * @throws KeyfoldError ERR_TABLE_NOT_FOUND, ERR_TABLE_COLUMN, ERR_TABLE_ID, ERR_SQLITE_ENCODING
 */
export function readLayout(db: SqliteDatabase, names: TableNames): TableLayout {
  checkEncoding(db)
  const { strict, withoutRowid, createSql } = readTable(db, names.table.physical)
  const columns = readColumns(db, names.table.physical, strict)
  const source = parseTableSql(createSql)
  const sealed = names.columns.map((pair) => sealedColumn(pair, columns, names.table))
  for (const id of names.id) findColumn(id, columns, names.table.physical)
  const key = readKey(db, names, columns, withoutRowid, source)
  return { names, sql: `main.${quote(names.table.physical)}`, strict, columns, sealed, key, source }
}

/** CAST AS BLOB gives the bytes of the database's own encoding, on which cells and ids are built. */
function checkEncoding(db: SqliteDatabase): void {
  const encoding = query(db, 'PRAGMA main.encoding').get()?.[0]
  if (encoding !== 'UTF-8')
    throw sqliteError('ERR_SQLITE_ENCODING', `the database's texts are ${String(encoding)}, sealed tables need UTF-8`)
}

function readTable(db: SqliteDatabase, name: string): { strict: boolean; withoutRowid: boolean; createSql: string } {
  const ours = "type IN ('table', 'view') AND name NOT LIKE 'sqlite^_%' ESCAPE '^'"
  const tables = query(db, `SELECT name, type, sql FROM main.sqlite_schema WHERE ${ours}`).all()
  const found = tables.find(([table]) => table === name)
  if (found === undefined) {
    const names = tables.filter(([, type]) => type === 'table').map(([table]) => table as string)
    throw sqliteError('ERR_TABLE_NOT_FOUND', `there is no table ${name}${suggestion(name, names)}`)
  }
  const [kind, withoutRowid, strict] = query(db, "SELECT type, wr, strict FROM pragma_table_list(?) WHERE schema = 'main'").get(name) ?? []
  if (kind !== 'table') throw sqliteError('ERR_TABLE_NOT_FOUND', `${name} is no ordinary table (${String(kind)}), and cannot be sealed`)
  return { strict: strict === 1n, withoutRowid: withoutRowid === 1n, createSql: found[2] as string }
}

function sealedColumn(pair: NamePair, columns: readonly ColumnLayout[], table: NamePair): SealedColumn {
  const layout = findColumn(pair.physical, columns, table.physical)
  if (columns.some(({ name }) => name !== pair.physical && name === pair.logical)) {
    throw sqliteError(
      'ERR_TABLE_OPTIONS',
      `${pair.physical} cannot be called ${pair.logical}: another column of ${table.physical} has that name`,
    )
  }
  return { ...pair, layout, sql: quote(pair.physical), form: layout.affinity === 'TEXT' ? 'text' : 'blob' }
}
