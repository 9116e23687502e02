import { KeyfoldError } from '@keyfold/core'
import { rotationError } from '../errors.ts'
import { sqliteCode } from '../sqlite-driver.ts'

/** Turns what SQLite throws about the ledger's file into errors with a code. */
export function guarded<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw ledgerError(path, error)
  }
}

export function ledgerError(path: string, error: unknown): Error {
  if (error instanceof KeyfoldError) return error
  const code = sqliteCode(error) ?? (error as NodeJS.ErrnoException).code
  if (code === undefined) return error as Error
  const cause = { cause: error }
  if (/^SQLITE_(?:BUSY|LOCKED)/.test(code)) return rotationError('ERR_LEDGER_BUSY', `the ledger ${path} is locked`, cause)
  if (!code.startsWith('SQLITE_') || OUT_OF_REACH.test(code)) {
    return rotationError('ERR_LEDGER_ACCESS', `the ledger ${path} cannot be written or read (${code})`, cause)
  }
  // Also SQLITE_ERROR and SQLITE_CONSTRAINT: a table or a row is not what the schema has, so somebody else wrote to the file.
  return rotationError('ERR_LEDGER_INVALID', `${path} is damaged or is not a ledger of kms-rotate (${code})`, cause)
}

const OUT_OF_REACH = /^SQLITE_(?:FULL|IOERR|READONLY|CANTOPEN|PERM|NOMEM)/
