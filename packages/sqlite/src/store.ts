import type {
  ColumnCensus, ColumnRef, PickedRecords, PickOptions, ReadOptions, RecordChange, RecordOpening, RecordStore, ScanOptions, StoredRecord,
  StoreProblem, UnregisteredScan,
} from '@keyfold/core'
import { takeCensus } from './census.ts'
import { ColumnStore } from './column-store.ts'
import type { SqliteDatabase } from './database.ts'
import { guarded, query, transaction } from './database.ts'
import { sqliteError } from './errors.ts'
import { checkIds } from './id-check.ts'
import { createKeyIndex } from './key-index.ts'
import { readLayout } from './layout.ts'
import { foldName, suggestion } from './names.ts'
import { checkSchema } from './schema-check.ts'
import { scrub } from './scrub.ts'
import type { TableNames, TableOptions } from './table-options.ts'
import { checkOptionNames, parseTableOptions } from './table-options.ts'
import { walResetProblem } from './wal-reset.ts'
import { logSync } from './sync-log.ts'
import { findUnregistered } from './unregistered.ts'

export interface SqliteStoreOptions {
  /** Every table with sealed columns. */
  readonly tables: readonly TableOptions[]
  /** For people and reports; the path of the database where it is left out. */
  readonly name?: string
}

/** A column, and how many columns its table's id has. */
export interface ThreadColumn extends ColumnRef {
  readonly idColumns: number
}

/** A `RecordStore` without promises, but for the search through the whole file. */
export interface SqliteStore extends RecordStore {
  check(): StoreProblem[]
  census(column: ColumnRef): ColumnCensus
  censusAll(): ColumnCensus[]
  prepare(): void
  read(column: ColumnRef, options: ReadOptions): StoredRecord[]
  write(column: ColumnRef, changes: readonly RecordChange[]): number
  unseal(column: ColumnRef, openings: readonly RecordOpening[]): number
  scrub(): string[]
  unregistered(options?: ScanOptions): Promise<UnregisteredScan>
  pick(column: ColumnRef, options: PickOptions): PickedRecords
  sync(): Promise<void>
  othersWrote(): boolean
  close(): void
}

/**
 * The sealed columns of a database as rotation sees them. Takes the connection over: it runs transactions of its own, and `close` closes it.
 *
 * @param db an open better-sqlite3 database, as `openDatabase` gives it
 * @throws KeyfoldError ERR_TABLE_OPTIONS, ERR_TABLE_NOT_FOUND, ERR_TABLE_COLUMN, ERR_TABLE_ID, ERR_SQLITE_ENCODING
 * @example const store = sqliteStore(await openDatabase('./app.db'), { tables: [{ table: 'users', id: 'id', columns: ['ssn'] }] })
 */
export function sqliteStore(db: SqliteDatabase, options: SqliteStoreOptions): SqliteStore {
  return storeWithLayouts(db, options).store
}

/** The store, and of each column how many columns its table's id has. */
export function storeWithLayouts(db: SqliteDatabase, options: SqliteStoreOptions): { store: SqliteStore; columns: ThreadColumn[] } {
  checkOptionNames(options, ['tables', 'name'])
  const { tables: tableOptions, name = db.name } = options
  if (!Array.isArray(tableOptions) || tableOptions.length === 0)
    throw sqliteError('ERR_TABLE_OPTIONS', 'tables is an array of at least one table')
  if (typeof name !== 'string') throw sqliteError('ERR_TABLE_OPTIONS', 'name is a string')
  const names = tableOptions.map((table: TableOptions) => parseTableOptions(table))
  refuseTwice(names)
  const tables = names.map((table) => readLayout(db, table))
  const columns = tables.flatMap((table) => table.sealed.map((column) => new ColumnStore(db, table, column)))
  const find = (ref: ColumnRef): ColumnStore => findColumn(columns, ref)
  const store: SqliteStore = {
    name,
    columns: columns.map(refOf),
    check: () => [...walResetProblem(db, tables[0]!), ...tables.flatMap((table) => [...checkSchema(db, table), ...checkIds(db, table)])],
    census: (ref) => guarded(() => takeCensus(db, find(ref).table, find(ref).column)),
    censusAll: () => transaction(db, 'DEFERRED', () => columns.map(({ table, column }) => takeCensus(db, table, column))),
    prepare: () => {
      for (const { table, column } of columns) createKeyIndex(db, table, column)
    },
    read: (ref, readOptions) => find(ref).read(readOptions),
    write: (ref, changes) => find(ref).write(changes),
    unseal: (ref, openings) => find(ref).unseal(openings),
    scrub: () => scrub(db),
    unregistered: async (scanOptions) => findUnregistered(db, tables, scanOptions),
    pick: (ref, pickOptions) => find(ref).pick(pickOptions),
    sync: logSync(db),
    othersWrote: otherWriters(db),
    close: () => void guarded(() => db.close()),
  }
  return { store, columns: columns.map((one) => ({ ...refOf(one), idColumns: one.table.key.columns.length })) }
}

/** Whether others have written since the last call. SQLite changes the number when another connection has committed, and not for our own commits. */
function otherWriters(db: SqliteDatabase): () => boolean {
  const version = query(db, 'PRAGMA main.data_version')
  let last: unknown
  return () => {
    const before = last
    last = guarded(() => version.get())?.[0]
    return before !== undefined && before !== last
  }
}

function refOf({ table, column }: ColumnStore): ColumnRef {
  return { table: table.names.table.logical, column: column.logical }
}

/** One table under two names, or one name for two tables, would seal one cell under two contexts. */
function refuseTwice(tables: readonly TableNames[]): void {
  for (const kind of ['logical', 'physical'] as const) {
    const seen = new Set<string>()
    for (const { table } of tables) {
      if (seen.has(foldName(table[kind]))) throw sqliteError('ERR_TABLE_OPTIONS', `tables has ${table[kind]} twice`)
      seen.add(foldName(table[kind]))
    }
  }
}

function findColumn(columns: readonly ColumnStore[], ref: ColumnRef): ColumnStore {
  const found = columns.find((candidate) => candidate.table.names.table.logical === ref.table && candidate.column.logical === ref.column)
  return found ?? suggestColumn(columns.map(refOf), ref)
}

/** For a column that the store does not have: names the nearest. */
export function suggestColumn(columns: readonly ColumnRef[], { table, column }: ColumnRef): never {
  const names = columns.map((one) => `${one.table}.${one.column}`)
  throw sqliteError('ERR_TABLE_COLUMN', `the store has no column ${table}.${column}${suggestion(`${table}.${column}`, names)}`)
}
