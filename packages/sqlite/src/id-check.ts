import type { StoreProblem } from '@keyfold/core'
import { isKeyfoldError } from '@keyfold/core'
import type { SqliteDatabase } from './database.ts'
import { guarded, query } from './database.ts'
import { keySql } from './key-sql.ts'
import type { TableLayout } from './layout.ts'
import { contextId } from './row-id.ts'

/** Looks for rows whose id no encryption context can hold. An INTEGER PRIMARY KEY has none; other keys are read through. */
export function checkIds(db: SqliteDatabase, table: TableLayout): StoreProblem[] {
  if (table.key.rowid) return []
  const unusable = countUnusable(db, table)
  if (unusable === 0) return []
  const { logical } = table.names.table
  return table.sealed.map((column) => ({
    table: logical,
    column: column.logical,
    problem: `${unusable} ${unusable === 1 ? 'row has an id' : 'rows have ids'} that cannot be used: NULL, REAL, not UTF-8 or too long`,
    hint: 'Give these rows ids of type INTEGER, TEXT or BLOB.',
  }))
}

function countUnusable(db: SqliteDatabase, table: TableLayout): number {
  const key = keySql(table.key)
  let unusable = 0
  guarded(() => {
    for (const row of query(db, `SELECT ${key.columns} FROM ${table.sql}`).iterate()) {
      try {
        contextId(key.read(row))
      } catch (error) {
        if (!isKeyfoldError(error, 'ERR_TABLE_ID_VALUE')) throw error
        unusable++
      }
    }
  })
  return unusable
}
