import { setImmediate as breathe } from 'node:timers/promises'
import type { ScanGap, ScanOptions, UnregisteredColumn, UnregisteredScan } from '@keyfold/core'
import { isKeyfoldError } from '@keyfold/core'
import { isBranchKeyTable } from './branch-key-table.ts'
import type { Claims } from './claim-sql.ts'
import { claimsOf, claimSum, MAX_READ_BYTES } from './claim-sql.ts'
import type { SqliteDatabase } from './database.ts'
import { guarded, query } from './database.ts'
import type { TableLayout } from './layout.ts'
import { foldName, quote, sameName } from './names.ts'
import { RowSlices } from './row-slices.ts'

/** SQLite gives at most 2,000 columns in a result. */
const COLUMNS_AT_ONCE = 500

/** A table of the file, with those of its columns that are not registered. */
interface Unwatched {
  readonly name: string
  readonly columns: readonly string[]
  readonly slices: RowSlices
  readonly holds: UnregisteredColumn['holds']
}

/**
 * Looks through every table and column of the file that no registered column covers. Virtual tables are looked at in the tables that they keep their
 * content in, views in those that they show. A table is read in stretches of rows, each a transaction of its own, with a pause for others between.
 */
export async function findUnregistered(
  db: SqliteDatabase, registered: readonly TableLayout[], { signal, onProgress }: ScanOptions = {},
): Promise<UnregisteredScan> {
  const found: UnregisteredColumn[] = []
  const gaps: ScanGap[] = []
  let rows = 0
  for (const table of guarded(() => unwatchedTables(db, registered))) {
    const counts = new Counts(table)
    try {
      for await (const looked of counts.take(db, signal)) {
        rows += looked
        onProgress?.({ table: table.name, rows })
      }
      found.push(...counts.found())
      gaps.push(...counts.gaps())
    } catch (error) {
      // One table that needs a function or collation of the application's, or is damaged, does not keep the others from being looked at.
      if (!isKeyfoldError(error, 'ERR_SQLITE_FAILED', 'ERR_SQLITE_CORRUPT')) throw error
      gaps.push({ table: table.name, column: null, values: null, reason: error.message })
    }
  }
  return { found, rows, gaps }
}

function unwatchedTables(db: SqliteDatabase, registered: readonly TableLayout[]): Unwatched[] {
  const tables = query(
    db,
    `SELECT l.name, l.wr, s.sql FROM pragma_table_list l JOIN main.sqlite_schema s ON s.type = 'table' AND s.name = l.name
    WHERE l.schema = 'main' AND l.type IN ('table', 'shadow') AND l.name NOT LIKE 'sqlite^_%' ESCAPE '^' ORDER BY l.name`,
  ).all()
  // 2 is a column that is computed whenever it is read: it holds nothing of its own.
  const columnsOf = query(db, "SELECT name FROM pragma_table_xinfo(?, 'main') WHERE hidden <> 2")
  return tables.map(([table, withoutRowid, sql]) => {
    const name = table as string
    const all = columnsOf.all(name).map(([column]) => column as string)
    const known = registered.find(({ names }) => sameName(names.table.physical, name))?.names.columns ?? []
    return {
      name,
      columns: all.filter((column) => !known.some(({ physical }) => sameName(physical, column))),
      slices: new RowSlices(db, `main.${quote(name)}`, withoutRowid === 1n ? undefined : rowidName(all)),
      holds: isBranchKeyTable(name, sql as string) ? 'branch-keys' : 'records',
    }
  })
}

/** By which name SQLite gives the rowid; a column of the same name takes it away. */
function rowidName(columns: readonly string[]): string | undefined {
  return ['rowid', '_rowid_', 'oid'].find((name) => !columns.some((column) => foldName(column) === name))
}

/** What the columns of one table hold. */
class Counts {
  readonly #table: Unwatched
  readonly #claims: Claims[]

  constructor(table: Unwatched) {
    this.#table = table
    this.#claims = table.columns.map(() => ({ sealed: 0, tooLong: 0 }))
  }

  /** Counts stretch by stretch; gives the number of rows of each. */
  async *take(db: SqliteDatabase, signal: AbortSignal | undefined): AsyncGenerator<number, void, undefined> {
    if (this.#table.columns.length === 0) return
    for (const rows of this.#table.slices.walk((where, parameters) => this.#look(db, where, parameters))) {
      yield rows
      await breathe()
      signal?.throwIfAborted()
    }
  }

  #look(db: SqliteDatabase, where: string, parameters: readonly unknown[]): number {
    const { columns, slices } = this.#table
    let rows = 0
    for (let from = 0; from < columns.length; from += COLUMNS_AT_ONCE) {
      const sums = columns.slice(from, from + COLUMNS_AT_ONCE).map((column) => claimSum(quote(column)))
      // An index would be walked in an order of its own, and may need a collation that is not here.
      const sql = `SELECT count(*), ${sums.join(', ')} FROM ${slices.table} NOT INDEXED ${where}`
      const [count, ...found] = guarded(() => query(db, sql).get(...parameters))!
      for (const [i, sum] of found.entries()) this.#add(from + i, claimsOf(sum))
      rows = Number(count)
    }
    return rows
  }

  #add(i: number, { sealed, tooLong }: Claims): void {
    const before = this.#claims[i]!
    this.#claims[i] = { sealed: before.sealed + sealed, tooLong: before.tooLong + tooLong }
  }

  found(): UnregisteredColumn[] {
    const { name: table, columns, holds } = this.#table
    return columns.flatMap((column, i) => {
      const { sealed } = this.#claims[i]!
      return sealed === 0 ? [] : [{ table, column, records: sealed, holds }]
    })
  }

  gaps(): ScanGap[] {
    const { name: table, columns } = this.#table
    const reason = `longer than ${MAX_READ_BYTES.toLocaleString('en-US')} bytes`
    return columns.flatMap((column, i) => {
      const { tooLong } = this.#claims[i]!
      return tooLong === 0 ? [] : [{ table, column, values: tooLong, reason }]
    })
  }
}
