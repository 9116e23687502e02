import { KeyfoldError } from '@keyfold/core'
import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { SqliteDatabase } from './database.ts'
import { guarded, query } from './database.ts'
import { sqliteError } from './errors.ts'
import { checkOptionNames } from './table-options.ts'

export interface OpenOptions {
  /** Refuses every write; false where it is left out. */
  readonly readonly?: boolean
  /** Milliseconds to wait for another connection's lock before ERR_SQLITE_BUSY; 5,000 where it is left out. */
  readonly busyTimeout?: number
}

/** better-sqlite3 is built for this version of Node-API; an older runtime does not refuse it, but crashes. */
const NODE_API = 10

/**
 * Opens a database that exists. better-sqlite3 is loaded here and not before, once the runtime is known to bear it.
 *
 * @throws KeyfoldError ERR_RUNTIME, ERR_SQLITE_MISSING, ERR_SQLITE_FILE_MISSING, ERR_SQLITE_OPEN, ERR_SQLITE_NOT_A_DATABASE, ERR_SQLITE_BUSY
 * @example const db = await openDatabase('./app.db')
 */
export async function openDatabase(path: string, options: OpenOptions = {}): Promise<SqliteDatabase> {
  checkRuntime()
  checkOptionNames(options, ['readonly', 'busyTimeout'])
  const { readonly = false, busyTimeout = 5000 } = options
  if (typeof readonly !== 'boolean') throw sqliteError('ERR_TABLE_OPTIONS', 'readonly is true or false')
  if (!Number.isSafeInteger(busyTimeout) || busyTimeout < 0 || busyTimeout > 0x7fff_ffff) {
    throw sqliteError('ERR_TABLE_OPTIONS', 'busyTimeout is a whole number of milliseconds, from 0 to 2,147,483,647')
  }
  const file = checkFile(path)
  const Database = await loadDriver()
  const db: SqliteDatabase = guarded(() => new Database(file, { readonly, fileMustExist: true, timeout: busyTimeout }))
  try {
    // SQLite opens anything; only reading tells what it is.
    query(db, 'SELECT count(*) FROM main.sqlite_schema').get()
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

function checkRuntime(): void {
  const version = Number(process.versions['napi'])
  if (version >= NODE_API) return
  throw new KeyfoldError(
    'ERR_RUNTIME',
    `better-sqlite3 needs Node-API ${NODE_API}, ${process.version} has ${process.versions['napi'] ?? 'none'}`,
  )
}

/** The absolute path: what begins with `file:` or is `:memory:` has a meaning of its own to SQLite, and so has white space at an end. */
function checkFile(path: string): string {
  if (typeof path !== 'string' || path === '' || path.includes('\0')) {
    throw sqliteError('ERR_SQLITE_OPEN', 'a database has a path, a text without zero bytes')
  }
  const file = resolve(path)
  if (file.trim() !== file) throw sqliteError('ERR_SQLITE_OPEN', `better-sqlite3 would drop the white space around ${JSON.stringify(path)}`)
  const stats = statOf(file, path)
  if (!stats.isFile()) throw sqliteError('ERR_SQLITE_OPEN', `${path} is no regular file`)
  return file
}

function statOf(file: string, path: string) {
  try {
    return statSync(file)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') throw sqliteError('ERR_SQLITE_FILE_MISSING', `there is no file ${path}`)
    throw sqliteError('ERR_SQLITE_OPEN', `${path} cannot be opened (${code})`)
  }
}

type Driver = new (file: string, options: { readonly: boolean; fileMustExist: boolean; timeout: number }) => SqliteDatabase

async function loadDriver(): Promise<Driver> {
  try {
    const { default: driver } = await import('better-sqlite3')
    return driver
  } catch (error) {
    throw sqliteError('ERR_SQLITE_MISSING', 'Cannot import better-sqlite3', { cause: error })
  }
}
