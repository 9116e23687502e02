import { closeSync, fdatasync, openSync } from 'node:fs'
import { promisify } from 'node:util'
import type { SqliteDatabase } from './database.ts'
import { guarded, query } from './database.ts'
import { sqliteError } from './errors.ts'

/**
 * Gives the call that puts the write-ahead log of a database on the disk. better-sqlite3 opens a database that has one with `synchronous = NORMAL`,
 * which leaves that to the next checkpoint: a power cut takes back the commits since then. FULL would do it at each commit, and while the write lock
 * is held; here one call does it for many, nobody waits, and this thread has its hands free. Without a log each commit is on the disk already. SQLite
 * holds no lock on this file that closing it ends.
 */
export function logSync(db: SqliteDatabase): () => Promise<void> {
  const list = query(db, "SELECT file FROM pragma_database_list WHERE name = 'main'")
  return async () => {
    const file = guarded(() => list.get())?.[0]
    if (typeof file === 'string' && file !== '') await syncIfThere(`${file}-wal`)
  }
}

const datasync = promisify(fdatasync)

async function syncIfThere(path: string): Promise<void> {
  try {
    // At once: were this awaited, the sync itself would only begin when the caller's next work leaves this thread alone.
    const log = openSync(path, 'r+')
    try {
      await datasync(log)
    } finally {
      closeSync(log)
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ENOENT') throw sqliteError('ERR_SQLITE_IO', `the log of the database cannot be put on the disk (${code})`, { cause: error })
  }
}
