import { isKeyfoldError } from '@keyfold/core'
import { statSync } from 'node:fs'
import type { RawRow, SqliteDatabase } from './database.ts'
import { guarded, query } from './database.ts'
import { rowidDependents } from './rowid-dependents.ts'

/**
 * Removes what replaced values left in the database file, its free pages, its write-ahead log and its journal. secure_delete would not do: it
 * clears cells that are deleted from then on, but neither what earlier changes of a page left behind nor the log.
 *
 * @returns what remains and why
 * @throws KeyfoldError where the connection is of no use, or the database read-only or damaged
 */
export function scrub(db: SqliteDatabase): string[] {
  const path = fileOf(db)
  if (path === '') return []
  const dependents = rowidDependents(db)
  if (dependents.length > 0) return dependents
  return vacuum(db) ?? clearLog(db, path)
}

/** Empties the write-ahead log; what remains of it, or of a rollback journal, and why. The database's pages are the caller's. */
export function clearLog(db: SqliteDatabase, path = fileOf(db)): string[] {
  if (path === '') return []
  return checkpoint(db) ?? [...leftover(`${path}-wal`, 'write-ahead log'), ...leftover(`${path}-journal`, 'journal')]
}

/** The file of a database; empty where it is in memory. */
function fileOf(db: SqliteDatabase): string {
  return guarded(() => query(db, "SELECT file FROM pragma_database_list WHERE name = 'main'").get())![0] as string
}

const REASONS: Readonly<Record<string, string>> = {
  ERR_SQLITE_BUSY: 'another connection holds a lock. Close it and run this again.',
  ERR_SQLITE_FULL: 'the disk has no room for a copy of the database. Make room for twice its size and run this again.',
  ERR_SQLITE_IO: 'the disk or file system failed. Check the system log, and run this again.',
  ERR_SQLITE_OPEN:
    'SQLite cannot write its temporary files. Check the permissions of the temporary folder (SQLITE_TMPDIR), and run this again.',
}

function vacuum(db: SqliteDatabase): string[] | undefined {
  // A journal that is kept (journal_mode PERSIST) is cut to nothing instead: VACUUM copies the old pages into it.
  const limit = query(db, 'PRAGMA journal_size_limit').get()![0]
  try {
    guarded(() => db.exec('PRAGMA journal_size_limit = 0; VACUUM'))
    return undefined
  } catch (error) {
    const reason = isKeyfoldError(error) ? REASONS[error.code] : undefined
    if (reason === undefined) throw error
    return [`Free pages of the database may still hold replaced values: VACUUM did not run, since ${reason}`]
  } finally {
    guarded(() => db.exec(`PRAGMA journal_size_limit = ${String(limit)}`))
  }
}

/** Moves the log into the database and cuts it to nothing. Does nothing in a database without a log. */
function checkpoint(db: SqliteDatabase): string[] | undefined {
  const [busy] = guarded(() => query(db, 'PRAGMA main.wal_checkpoint(TRUNCATE)').get()) as RawRow
  if (busy === 0n) return undefined
  return ['The write-ahead log still holds replaced values: another connection is reading an older state. Close it and run this again.']
}

function leftover(path: string, what: string): string[] {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0
  return size === 0
    ? []
    : [`The ${what} ${path} is not empty (${size} bytes) and may hold replaced values. It goes when every connection is closed.`]
}
