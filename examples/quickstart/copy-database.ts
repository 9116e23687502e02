import { isAbsolute, join } from 'node:path'
import { KeyfoldError } from '@keyfold/core'
import BetterSqlite3 from 'better-sqlite3'

/** Copies a database that may be in use, with what is still in its write-ahead log. The original is opened for reading alone. */
export async function copyDatabase(from: string, to: string): Promise<void> {
  const path = isAbsolute(from) ? from : join(process.env['INIT_CWD'] ?? process.cwd(), from)
  try {
    const db = new BetterSqlite3(path, { readonly: true, fileMustExist: true })
    try {
      await db.backup(to)
    } finally {
      db.close()
    }
  } catch (error) {
    throw new KeyfoldError('ERR_COPY', `${from} could not be copied (${(error as { code?: string }).code ?? 'no such file'})`, {
      hint: 'Check the path, that it is an SQLite database, and that the disk has room for a copy.',
    })
  }
}
