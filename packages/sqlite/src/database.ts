import { KeyfoldError } from '@keyfold/core'
import type { SqliteErrorCode } from './errors.ts'
import { sqliteError } from './errors.ts'

/** What is used of a better-sqlite3 statement. */
export interface SqliteStatement {
  run(...parameters: unknown[]): { changes: number; lastInsertRowid: number | bigint }
  get(...parameters: unknown[]): unknown
  all(...parameters: unknown[]): unknown[]
  iterate(...parameters: unknown[]): IterableIterator<unknown>
  raw(toggle?: boolean): this
  safeIntegers(toggle?: boolean): this
}

/** What is used of a better-sqlite3 `Database`, so that a user's version of its types does not matter. */
export interface SqliteDatabase {
  /** The path that it was opened with. */
  readonly name: string
  readonly open: boolean
  readonly inTransaction: boolean
  prepare(sql: string): SqliteStatement
  exec(sql: string): unknown
  close(): unknown
}

/** Values of a row in the order of its columns, integers as bigints. */
export type RawRow = readonly unknown[]

/** A query that gives rows as arrays, with every integer exact. */
export interface Query {
  get(...parameters: unknown[]): RawRow | undefined
  all(...parameters: unknown[]): RawRow[]
  /** Row by row; the connection can do nothing else meanwhile. */
  iterate(...parameters: unknown[]): IterableIterator<RawRow>
}

/** Prepares a query once. */
export function query(db: SqliteDatabase, sql: string): Query {
  return guarded(() => db.prepare(sql).raw(true).safeIntegers(true)) as unknown as Query
}

/**
 * Runs `body` in a transaction, or in a savepoint of the transaction that the caller has begun; rolls back when it throws. `body` must not
 * be async: what stands after its first `await` would run outside of the transaction.
 *
 * @param mode IMMEDIATE takes the write lock at once, so that nothing that `body` reads can change before it writes
 * @throws KeyfoldError; errors of SQLite as ERR_SQLITE_…
 */
export function transaction<T>(db: SqliteDatabase, mode: 'DEFERRED' | 'IMMEDIATE', body: () => T): T {
  const nested = db.inTransaction
  return guarded(() => {
    db.exec(nested ? 'SAVEPOINT keyfold' : `BEGIN ${mode}`)
    try {
      const result = body()
      db.exec(nested ? 'RELEASE keyfold' : 'COMMIT')
      return result
    } catch (error) {
      // After a full disk or an I/O error SQLite may have rolled back by itself.
      if (db.inTransaction) db.exec(nested ? 'ROLLBACK TO keyfold; RELEASE keyfold' : 'ROLLBACK')
      throw error
    }
  })
}

/** Calls better-sqlite3 and gives its errors codes of Keyfold. */
export function guarded<T>(body: () => T): T {
  try {
    return body()
  } catch (error) {
    throw translate(error)
  }
}

/** The first that is a prefix of SQLite's extended code says what it is. */
const CODES: ReadonlyArray<readonly [prefix: string, code: SqliteErrorCode, fact: string]> = [
  ['SQLITE_BUSY', 'ERR_SQLITE_BUSY', 'the database is locked by another connection'],
  ['SQLITE_LOCKED', 'ERR_SQLITE_BUSY', 'a table is locked by another statement of this process'],
  ['SQLITE_FULL', 'ERR_SQLITE_FULL', 'the database cannot grow'],
  ['SQLITE_IOERR', 'ERR_SQLITE_IO', 'reading or writing the database file failed'],
  ['SQLITE_READONLY_DBMOVED', 'ERR_SQLITE_READONLY', 'the database file was moved away or replaced while it was open'],
  ['SQLITE_READONLY', 'ERR_SQLITE_READONLY', 'the database cannot be written'],
  ['SQLITE_NOTADB', 'ERR_SQLITE_NOT_A_DATABASE', 'the file is not an SQLite database'],
  ['SQLITE_CORRUPT', 'ERR_SQLITE_CORRUPT', 'the database file is damaged'],
  ['SQLITE_CANTOPEN', 'ERR_SQLITE_OPEN', 'the database file, its journal or its folder cannot be opened'],
  ['SQLITE_CONSTRAINT', 'ERR_SQLITE_CONSTRAINT', 'a constraint refused the row'],
]

/** Constraints whose messages hold names of the schema alone; the one of a trigger is whatever its RAISE says. */
const NAMING = /^SQLITE_CONSTRAINT_(NOTNULL|UNIQUE|PRIMARYKEY|ROWID|CHECK|DATATYPE)$/

function translate(error: unknown): KeyfoldError {
  if (error instanceof KeyfoldError) return error
  const code = codeOf(error)
  // Misuse of the connection (closed, or in the middle of another statement): better-sqlite3's texts are fixed and hold no values.
  if (code === undefined) return sqliteError('ERR_SQLITE_FAILED', 'the database connection cannot be used', { cause: error })
  const [, known, fact] = CODES.find(([prefix]) => code.startsWith(prefix)) ?? [code, 'ERR_SQLITE_FAILED' as const, 'a statement failed']
  const details = NAMING.test(code) ? `${code}: ${(error as Error).message}` : code
  return sqliteError(known, `${fact} (${details})`)
}

function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' && code.startsWith('SQLITE_') ? code : undefined
}
