import type { KeySource, KeyWrapper, StoreProblem, SyncKeySource, SyncKeyWrapper } from '@keyfold/core'
import type { SqliteDatabase } from './database.ts'
import { sqliteError } from './errors.ts'
import { runAsync, runSync } from './key-steps.ts'
import { readLayout } from './layout.ts'
import type { Row } from './row-codec.ts'
import { RowCodec } from './row-codec.ts'
import type { RowId } from './row-id.ts'
import { checkSchema } from './schema-check.ts'
import type { SealedTable, SyncSealedTable } from './sealed-table-types.ts'
import type { TableOptions } from './table-options.ts'
import { parseTableOptions } from './table-options.ts'
import { TableOperations } from './table-operations.ts'
import { TableRows } from './table-rows.ts'

export interface SealedTableOptions<W extends KeyWrapper = KeyWrapper> extends TableOptions {
  /** The keys that seal and open: a keyring, or branch keys, whose partitions are unlocked before sync calls. */
  readonly keyring: KeySource<W>
  /** Gives every INTEGER as a bigint; false where it is left out: as a number where that is exact, else as a bigint. */
  readonly safeIntegers?: boolean
}

/**
 * A table of an SQLite database with some of its columns sealed. The table exists already and keeps its declaration. Each cell is bound to its
 * table, column and row id, so that a cell copied elsewhere does not open.
 *
 * @param db a `Database` of better-sqlite3
 * @param options the table and its id, the columns to seal, and the keyring; logical names (docs/sqlite.md) outlast a rename in the database
 * @throws KeyfoldError ERR_TABLE_OPTIONS, ERR_TABLE_NOT_FOUND, ERR_TABLE_COLUMN, ERR_TABLE_ID, ERR_SQLITE_ENCODING; ERR_TABLE_SCHEMA with all
 *   that stands against sealing these columns (an index, a trigger, a CHECK …). Nothing is written then, nor otherwise before the first change.
 * @example
 * const users = sealedTable(db, { table: 'users', id: 'id', columns: ['ssn', 'dob'], keyring })
 * await users.put(42, { ssn: '078-05-1120' })
 */
export function sealedTable<R extends object = Row>(db: SqliteDatabase, options: SealedTableOptions<SyncKeyWrapper>): SyncSealedTable<R>
export function sealedTable<R extends object = Row>(db: SqliteDatabase, options: SealedTableOptions): SealedTable<R>
export function sealedTable<R extends object = Row>(db: SqliteDatabase, options: SealedTableOptions): SealedTable<R> {
  const names = parseTableOptions(options, ['keyring', 'safeIntegers'])
  const { keyring, safeIntegers = false } = options
  checkArguments(db, keyring, safeIntegers)
  const layout = readLayout(db, names)
  refuseProblems(checkSchema(db, layout), names.table.logical)
  return new SealedRows<R>(keyring, new TableOperations(layout, new TableRows(db, layout), new RowCodec(layout, safeIntegers)))
}

function checkArguments(db: Partial<SqliteDatabase> | undefined, keyring: Partial<KeySource> | undefined, safeIntegers: unknown): void {
  if (typeof db?.prepare !== 'function') throw sqliteError('ERR_TABLE_OPTIONS', 'db is not a Database of better-sqlite3')
  if (typeof keyring?.sealingKeys !== 'function' || typeof keyring.openingKey !== 'function')
    throw sqliteError('ERR_TABLE_OPTIONS', 'keyring is not what createKeyring or createBranchKeys gives')
  if (typeof safeIntegers !== 'boolean') throw sqliteError('ERR_TABLE_OPTIONS', 'safeIntegers is true or false')
}

function refuseProblems(problems: readonly StoreProblem[], table: string): void {
  if (problems.length === 0) return
  const lines = problems.map(({ problem, hint }) => `- ${problem}. ${hint}`)
  throw sqliteError('ERR_TABLE_SCHEMA', `${table} cannot be sealed as it is declared:\n${lines.join('\n')}`)
}

/** Has the sync twins for every keyring: the types hide them where they cannot work, and a JavaScript caller gets core's error. */
class SealedRows<R extends object> implements SyncSealedTable<R> {
  readonly #keys: SyncKeySource
  readonly #table: TableOperations
  #lastInsert: Promise<unknown> = Promise.resolve()

  constructor(keys: KeySource, table: TableOperations) {
    this.#keys = keys as SyncKeySource
    this.#table = table
  }

  get(id: RowId): Promise<R | undefined> {
    return runAsync(this.#keys, this.#table.get(id)) as Promise<R | undefined>
  }

  getSync(id: RowId): R | undefined {
    return runSync(this.#keys, this.#table.get(id)) as R | undefined
  }

  all(): Promise<R[]> {
    return runAsync(this.#keys, this.#table.all()) as Promise<R[]>
  }

  allSync(): R[] {
    return runSync(this.#keys, this.#table.all()) as R[]
  }

  async *iterate(): AsyncGenerator<R, void, undefined> {
    for (const row of this.#table.stored()) yield (await runAsync(this.#keys, this.#table.openRow(row))) as R
  }

  *iterateSync(): Generator<R, void, undefined> {
    for (const row of this.#table.stored()) yield runSync(this.#keys, this.#table.openRow(row)) as R
  }

  put(id: RowId, values: Partial<R>): Promise<void> {
    return runAsync(this.#keys, this.#table.put(id, values))
  }

  putSync(id: RowId, values: Partial<R>): void {
    runSync(this.#keys, this.#table.put(id, values))
  }

  /** Inserts that foresee their id wait for each other: at once, all of them would foresee the same. */
  async insert(values: Partial<R>): Promise<RowId> {
    const change = this.#table.parse(values)
    const insert = (): Promise<RowId> => runAsync(this.#keys, this.#table.insert(change))
    if (change.id !== undefined) return insert()
    const inserted = this.#lastInsert.then(insert)
    this.#lastInsert = inserted.catch(() => undefined)
    return inserted
  }

  insertSync(values: Partial<R>): RowId {
    return runSync(this.#keys, this.#table.insert(this.#table.parse(values)))
  }

  async delete(id: RowId): Promise<boolean> {
    return this.#table.delete(id)
  }

  deleteSync(id: RowId): boolean {
    return this.#table.delete(id)
  }
}
