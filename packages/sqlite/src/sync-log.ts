import { closeSync, fdatasyncSync, openSync } from 'node:fs'
import type { SqliteDatabase } from './database.ts'
import { guarded, query } from './database.ts'
import { sqliteError } from './errors.ts'

/**
 * Puts the write-ahead log of a database on the disk. better-sqlite3 opens a database that has one with `synchronous = NORMAL`, which leaves that to
 * the next checkpoint: a power cut takes back the commits since then. FULL would do it at each commit, and while the write lock is held; here one
 * call does it for many, and nobody waits. Without a log each commit is on the disk already. SQLite holds no lock on this file that closing it ends.
 */
export function syncLog(db: SqliteDatabase): void {
  const [, , file] = guarded(() => query(db, "SELECT * FROM pragma_database_list WHERE name = 'main'").get()) ?? []
  if (typeof file !== 'string' || file === '') return
  try {
    const log = openSync(`${file}-wal`, 'r+')
    try {
      fdatasyncSync(log)
    } finally {
      closeSync(log)
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ENOENT') throw sqliteError('ERR_SQLITE_IO', `the log of the database cannot be put on the disk (${code})`, { cause: error })
  }
}
