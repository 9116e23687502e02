import { isAbsolute, join } from 'node:path'
import { KeyfoldError } from '@keyfold/core'
import BetterSqlite3 from 'better-sqlite3'

/** Opens a database of somebody's own, for reading alone. ERR_COPY where there is none. */
export function openOriginal(from: string): BetterSqlite3.Database {
  const path = isAbsolute(from) ? from : join(process.env['INIT_CWD'] ?? process.cwd(), from)
  try {
    const db = new BetterSqlite3(path, { readonly: true, fileMustExist: true })
    db.prepare('SELECT count(*) FROM sqlite_schema').get()
    return db
  } catch (error) {
    throw copyError(`${from} cannot be opened`, error)
  }
}

/** Copies a database that may be in use, with what is still in its write-ahead log, by the online backup API. Closes the original. */
export async function copyDatabase(original: BetterSqlite3.Database, to: string): Promise<void> {
  try {
    await original.backup(to)
  } catch (error) {
    throw copyError('the database cannot be copied', error)
  } finally {
    original.close()
  }
}

function copyError(fact: string, error: unknown): KeyfoldError {
  return new KeyfoldError('ERR_COPY', `${fact} (${(error as { code?: string }).code ?? 'no such file'})`, {
    hint: 'Check the path, that it is an SQLite database, and that the disk has room for a copy.',
  })
}
