import { KeyfoldError } from '@keyfold/core'

/**
 * Every error code of this package with its hint; the rules for codes and messages are those of core. SQLite's own messages are not repeated,
 * since a trigger may put a row's values into them.
 */
const HINTS = {
  ERR_SQLITE_MISSING: 'Install the driver beside Keyfold: npm install better-sqlite3',
  ERR_SQLITE_FILE_MISSING: 'Check the path. Keyfold never creates a database.',
  ERR_SQLITE_NOT_A_DATABASE: 'Check the path. A file that SQLCipher encrypted as a whole looks like this too; it cannot be opened here.',
  ERR_SQLITE_OPEN: 'Check that the path names a file, that this user may read and write it, and the same for its folder.',
  ERR_SQLITE_ENCODING: 'Convert the database: PRAGMA encoding = "UTF-8" in a new file, then copy its tables there.',
  ERR_SQLITE_BUSY: 'Another connection holds the lock. Nothing was written: try again, or end the long transaction.',
  ERR_SQLITE_FULL: 'Make room on the disk (or raise max_page_count). The transaction was rolled back.',
  ERR_SQLITE_IO: 'The disk or file system failed. The transaction was rolled back; check the system log before trying again.',
  ERR_SQLITE_READONLY: 'Open the database for writing, and check the permissions of the file and its folder.',
  ERR_SQLITE_CORRUPT: 'Run PRAGMA integrity_check, and restore the database from a backup where it reports damage.',
  ERR_SQLITE_CONSTRAINT: 'The row breaks a constraint of the table. The transaction was rolled back.',
  ERR_SQLITE_FAILED: 'SQLite refused the statement. The transaction was rolled back.',
  ERR_SQLITE_TRANSACTION:
    'A rollback would take away a key that has sealed records. Unlock the partition before the transaction begins.',
  ERR_BRANCH_KEY_TABLE: 'Name another table for the branch keys with the option `table`. Nothing was written.',
  ERR_TABLE_OPTIONS: 'A table has the options `table`, `id` and `columns`; sealedTable takes `keyring` and `safeIntegers` too.',
  ERR_TABLE_NOT_FOUND:
    'Name a table that exists, spelled as in its CREATE TABLE; { logical: "physical" } where the database calls it otherwise.',
  ERR_TABLE_COLUMN:
    'Name columns of the table, spelled as in its CREATE TABLE; { logical: "physical" } where the database calls them otherwise.',
  ERR_TABLE_ID:
    'Name all columns of a declared PRIMARY KEY, or of a UNIQUE constraint with NOT NULL columns; no implicit rowid: VACUUM renumbers it.',
  ERR_TABLE_ID_VALUE: 'An id is INTEGER (a safe integer or a bigint), TEXT or BLOB, of the type that the table stores: 42 is not "42".',
  ERR_TABLE_VALUE: 'A sealed column takes text, numbers, bigints of 64 bits, booleans, bytes, dates, null, and what JSON can hold.',
  ERR_TABLE_TYPE:
    'The value was sealed by a newer release, or not by a sealed table. Update Keyfold, or open it with `open` of @keyfold/core.',
  ERR_TABLE_SCHEMA: 'Change the schema as each line says, or leave the column out.',
} as const satisfies Record<string, string>

/** The codes that `@keyfold/sqlite` throws beside those of core. */
export type SqliteErrorCode = keyof typeof HINTS

/** A KeyfoldError of this package. `fact` names tables, columns and limits, never a value of a row. */
export function sqliteError(code: SqliteErrorCode, fact: string, options: { hint?: string; cause?: unknown } = {}): KeyfoldError {
  return new KeyfoldError(code, fact, { hint: HINTS[code], ...options })
}
