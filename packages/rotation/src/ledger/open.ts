import { closeSync, existsSync, openSync } from 'node:fs'
import { rotationError } from '../errors.ts'
import type { Database } from '../sqlite-driver.ts'
import { copySqlite, openSqlite } from '../sqlite-driver.ts'
import type { Clock } from './clock.ts'
import { systemClock } from './clock.ts'
import { escrowBook } from './escrows.ts'
import { eventBook } from './events.ts'
import { guarded, ledgerError } from './guard.ts'
import { keyBook } from './keys.ts'
import { leaseBook } from './leases.ts'
import { quarantineBook } from './quarantine.ts'
import { rotationBook } from './rotations.ts'
import { APPLICATION_ID, migrate, SCHEMA_VERSION } from './schema.ts'
import { scrubBook } from './scrubs.ts'
import type { Ledger } from './types.ts'

const BUSY_TIMEOUT_MS = 5_000

/**
 * Opens a ledger, and makes it where there is none (mode 600).
 *
 * It keeps SQLite's rollback journal instead of a write-ahead log: one file to copy, nothing left beside it by a reader, and no part in the
 * WAL-reset bug. A commit is a millisecond then, and a rotation makes a few in a second.
 *
 * @throws KeyfoldError ERR_LEDGER_INVALID for a damaged file or another program's, ERR_LEDGER_VERSION, ERR_LEDGER_BUSY, ERR_LEDGER_ACCESS
 */
export async function openLedger(path: string, clock: Clock = systemClock): Promise<Ledger> {
  const db = await openFile(path, true)
  return closingOnFailure(db, () => guarded(path, () => prepared(db, path, clock)))
}

/** Opens a ledger to read it; undefined where there is none. Nothing is made or changed: one of an older version is read from a copy in memory. */
export async function findLedger(path: string, clock: Clock = systemClock): Promise<Ledger | undefined> {
  if (!existsSync(path)) return undefined
  const db = await openFile(path, false)
  if (guarded(path, () => isEmpty(db))) return void db.close()
  const version = closingOnFailure(db, () => guarded(path, () => checkFormat(db, path)))
  if (version === SCHEMA_VERSION) return closingOnFailure(db, () => guarded(path, () => existing(db, path, clock)))
  const copy = await copySqlite(db)
  return closingOnFailure(copy, () => guarded(path, () => prepared(copy, path, clock)))
}

async function openFile(path: string, create: boolean): Promise<Database> {
  try {
    // SQLite would make it with the mode that the umask leaves.
    if (create) closeSync(openSync(path, 'a', 0o600))
    // Never read-only: what a killed process left in the journal has to be rolled back before anything can be read.
    return await openSqlite(path, { fileMustExist: true, timeout: BUSY_TIMEOUT_MS })
  } catch (error) {
    throw ledgerError(path, error)
  }
}

function closingOnFailure<T>(db: Database, work: () => T): T {
  try {
    return work()
  } catch (error) {
    db.close()
    throw error
  }
}

/** A file without a table: new, or left by a process that was killed while it made it. */
function isEmpty(db: Database): boolean {
  return db.prepare('SELECT 1 FROM sqlite_schema').get() === undefined && db.pragma('application_id', { simple: true }) === 0
}

function prepared(db: Database, path: string, clock: Clock): Ledger {
  db.pragma('synchronous = FULL', { simple: true })
  if (!isEmpty(db)) checkFormat(db, path)
  migrate(db, new Date(clock()))
  return existing(db, path, clock)
}

function existing(db: Database, path: string, clock: Clock): Ledger {
  checkFormat(db, path)
  const leases = leaseBook(db, clock)
  return guardedLedger(path, {
    escrows: escrowBook(db, clock),
    events: eventBook(db, clock),
    keys: keyBook(db, clock),
    leases,
    quarantine: quarantineBook(db, clock, leases.check),
    rotations: rotationBook(db, clock, leases),
    scrubs: scrubBook(db, clock),
    pseudonymKey: pseudonymKey(db, path),
    close: () => {
      try {
        leases.release()
      } catch {
        // A full disk, say, and perhaps the reason why this is closed: whoever comes next looks whether this process lives.
      } finally {
        db.close()
      }
    },
  })
}

function pseudonymKey(db: Database, path: string): Uint8Array {
  const row = db.prepare('SELECT value FROM settings WHERE name = ?').get('pseudonym key') as { value: Uint8Array } | undefined
  if (row === undefined) throw rotationError('ERR_LEDGER_INVALID', `the ledger ${path} lacks its pseudonym key`)
  return row.value
}

/** The version of the schema, which this release knows. */
function checkFormat(db: Database, path: string): number {
  if (db.pragma('application_id', { simple: true }) !== APPLICATION_ID) {
    throw rotationError('ERR_LEDGER_INVALID', `${path} is a SQLite file of another program`, {
      hint: 'Name another file as `ledger` in the configuration.',
    })
  }
  // A ledger is small, and a rotation that trips over a damaged page in its middle would be worse.
  const damage = db.pragma('quick_check(1)', { simple: true })
  if (damage !== 'ok') throw rotationError('ERR_LEDGER_INVALID', `the ledger ${path} is damaged`)
  const version = Number(db.pragma('user_version', { simple: true }))
  if (version > SCHEMA_VERSION) {
    throw rotationError('ERR_LEDGER_VERSION', `the ledger ${path} is of version ${version}, this release knows ${SCHEMA_VERSION}`)
  }
  return version
}

/** Every call of a book may meet a full disk or a lock. */
function guardedLedger(path: string, ledger: Ledger): Ledger {
  return {
    ...ledger,
    escrows: guardedBook(path, ledger.escrows),
    events: guardedBook(path, ledger.events),
    keys: guardedBook(path, ledger.keys),
    leases: guardedBook(path, ledger.leases),
    quarantine: guardedBook(path, ledger.quarantine),
    rotations: guardedBook(path, ledger.rotations),
    scrubs: guardedBook(path, ledger.scrubs),
  }
}

type Method = [name: string, method: (...parameters: unknown[]) => unknown]

function guardedBook<B extends object>(path: string, book: B): B {
  const wrap = ([name, method]: Method): Method => [name, (...parameters) => guarded(path, () => method(...parameters))]
  return Object.fromEntries((Object.entries(book) as Method[]).map(wrap)) as B
}
