import type { Affinity } from './affinity.ts'
import { affinityOf } from './affinity.ts'
import type { SqliteDatabase } from './database.ts'
import { query } from './database.ts'
import { sqliteError } from './errors.ts'
import { suggestion } from './names.ts'

/** A column as the table declares it. */
export interface ColumnLayout {
  readonly name: string
  readonly declaredType: string
  readonly affinity: Affinity
  readonly notNull: boolean
  /** The text of its DEFAULT. */
  readonly defaultSql: string | undefined
  /** Place in the primary key, from 1; 0 outside of it. */
  readonly primaryKey: number
  readonly generated: boolean
}

/** The columns of a table, hidden and generated ones too. */
export function readColumns(db: SqliteDatabase, table: string, strict: boolean): ColumnLayout[] {
  const rows = query(db, 'SELECT name, type, "notnull", dflt_value, pk, hidden FROM pragma_table_xinfo(?, \'main\')').all(table)
  return rows.map(([name, type, notNull, defaultSql, primaryKey, hidden]) => ({
    name: name as string,
    declaredType: type as string,
    affinity: affinityOf(type as string, strict),
    notNull: notNull === 1n,
    defaultSql: (defaultSql as string | null) ?? undefined,
    primaryKey: Number(primaryKey),
    generated: hidden !== 0n,
  }))
}

/** A column by its exact name; ERR_TABLE_COLUMN with the nearest one where there is none. */
export function findColumn(name: string, columns: readonly ColumnLayout[], table: string): ColumnLayout {
  const column = columns.find((candidate) => candidate.name === name)
  if (column !== undefined) return column
  const names = columns.map((candidate) => candidate.name)
  throw sqliteError('ERR_TABLE_COLUMN', `table ${table} has no column ${name}${suggestion(name, names)}`)
}
