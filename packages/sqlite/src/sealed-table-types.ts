import type { Row } from './row-codec.ts'
import type { RowId } from './row-id.ts'

/**
 * A table with sealed columns; made by `sealedTable`. Rows have all columns of the table: the sealed ones by their logical names and opened, the
 * others as better-sqlite3 gives them. Keys are asked before a transaction begins, so that no lock is held while a key service answers.
 */
export interface SealedTable<R extends object = Row> {
  /**
   * The row of an id; undefined where there is none.
   *
   * @throws KeyfoldError ERR_NOT_SEALED for plaintext in a sealed column, ERR_NOT_AUTHENTIC for a cell of another row or column, and what else
   *   `open` throws; ERR_TABLE_ID_VALUE for an id of a type that the table does not store
   */
  get(id: RowId): Promise<R | undefined>
  /** All rows in the order of the id, as they stand at one moment. */
  all(): Promise<R[]>
  /** Row by row in the order of the id. Reads a few hundred at a time, so the table may change meanwhile. */
  iterate(): AsyncGenerator<R, void, undefined>
  /**
   * Updates a row, or inserts it where the id is free. Columns that are not named stay as they are, or get their default.
   *
   * @throws KeyfoldError ERR_TABLE_COLUMN, ERR_TABLE_VALUE, ERR_TABLE_ID_VALUE, ERR_SQLITE_…, and what `seal` throws; nothing was written then
   */
  put(id: RowId, values: Partial<R>): Promise<void>
  /**
   * Inserts a row. SQLite chooses the id of an INTEGER PRIMARY KEY where the values have none; ids of other kinds stand among the values.
   *
   * @returns the id
   * @throws KeyfoldError as `put`; ERR_SQLITE_CONSTRAINT where the id is taken
   */
  insert(values: Partial<R>): Promise<RowId>
  /** Deletes a row; false where there is none. */
  delete(id: RowId): Promise<boolean>
}

/**
 * The sync twins, for keyrings whose sealing keys need no I/O, and for branch keys; a record under a decrypt-only key that needs it ends in
 * ERR_SYNC_UNSUPPORTED, one under a branch key that is not unlocked in ERR_BRANCH_KEY_LOCKED. Called within a transaction of better-sqlite3,
 * they are a part of it.
 */
export interface SyncSealedTable<R extends object = Row> extends SealedTable<R> {
  getSync(id: RowId): R | undefined
  allSync(): R[]
  iterateSync(): Generator<R, void, undefined>
  putSync(id: RowId, values: Partial<R>): void
  insertSync(values: Partial<R>): RowId
  deleteSync(id: RowId): boolean
}
