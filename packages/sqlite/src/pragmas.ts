import type { SqliteDatabase } from './database.ts'
import { guarded, query } from './database.ts'

/** What a write must have, whatever the application chose for its connection: pragma, value, and how its old value is written back. */
const DURABLE: ReadonlyArray<readonly [pragma: string, least: (now: number) => number | string]> = [
  // FULL: a commit is on the disk when it returns, in WAL mode too.
  ['main.synchronous', (now) => Math.max(now, 2)],
  // What is freed is overwritten with zeros.
  ['main.secure_delete', () => 1],
  // A rollback journal that is kept is cut to nothing at each commit: it holds the pages as they were.
  ['main.journal_size_limit', () => 0],
]

/**
 * Runs `body` with the connection set so that what it writes is durable, and that what it frees does not stay in the file; then sets the connection
 * back. Not within a transaction, where SQLite would ignore it.
 */
export function durably<T>(db: SqliteDatabase, body: () => T): T {
  const before = DURABLE.map(([pragma]) => valueOf(db, pragma))
  try {
    for (const [i, [pragma, least]] of DURABLE.entries()) set(db, pragma, least(before[i]!))
    return body()
  } finally {
    if (db.open) for (const [i, [pragma]] of DURABLE.entries()) set(db, pragma, written(pragma, before[i]!))
  }
}

function valueOf(db: SqliteDatabase, pragma: string): number {
  return Number(guarded(() => query(db, `PRAGMA ${pragma}`).get())![0])
}

function set(db: SqliteDatabase, pragma: string, value: number | string): void {
  guarded(() => db.exec(`PRAGMA ${pragma} = ${value}`))
}

/** secure_delete takes 2, as which it shows FAST, for ON. */
function written(pragma: string, value: number): number | string {
  return pragma === 'main.secure_delete' && value === 2 ? 'FAST' : value
}
