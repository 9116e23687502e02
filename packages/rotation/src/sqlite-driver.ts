/** The one place that loads better-sqlite3: on an unsupported Node its native part would end the process without a word. */
import { KeyfoldError } from '@keyfold/core'

/** As much of better-sqlite3's Statement as a ledger uses. */
interface Statement {
  run(...parameters: unknown[]): { changes: number; lastInsertRowid: number | bigint }
  get(...parameters: unknown[]): unknown
  all(...parameters: unknown[]): unknown[]
  raw(toggle: boolean): Statement
  safeIntegers(toggle: boolean): Statement
}

/** As much of better-sqlite3's Database as a ledger uses; a shape of our own, since users' versions of its types differ. */
export interface Database {
  prepare(sql: string): Statement
  exec(sql: string): unknown
  pragma(source: string, options: { simple: true }): unknown
  transaction<T>(work: () => T): { (): T; immediate(): T }
  serialize(): Buffer
  close(): unknown
}

export interface OpenOptions {
  readonly readonly?: boolean
  readonly fileMustExist?: boolean
  /** How long to wait for another writer, in milliseconds. */
  readonly timeout?: number
}

const NEEDED_NAPI = 10

/**
 * Opens a SQLite file with better-sqlite3.
 *
 * @throws KeyfoldError ERR_RUNTIME; what better-sqlite3 throws stays as it is, for the caller who knows which file it is
 */
export async function openSqlite(path: string, options: OpenOptions): Promise<Database> {
  checkRuntime(process.versions)
  const { default: Sqlite } = await import('better-sqlite3')
  return new Sqlite(path, options)
}

/** Copies a database into memory, and closes it. */
export async function copySqlite(db: Database): Promise<Database> {
  const { default: Sqlite } = await import('better-sqlite3')
  try {
    return new Sqlite(db.serialize())
  } finally {
    db.close()
  }
}

/** ERR_RUNTIME where Node is too old for the native part of better-sqlite3. */
export function checkRuntime({ napi, node }: { readonly napi?: string; readonly node?: string }): void {
  if (Number(napi) >= NEEDED_NAPI) return
  throw new KeyfoldError('ERR_RUNTIME', `SQLite cannot be used in Node ${node}`)
}

/** The result code of an error of SQLite's (`SQLITE_BUSY`), or undefined for another error. */
export function sqliteCode(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' && code.startsWith('SQLITE_') ? code : undefined
}
