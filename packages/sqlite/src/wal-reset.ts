import type { StoreProblem } from '@keyfold/core'
import type { SqliteDatabase } from './database.ts'
import { guarded, query } from './database.ts'
import type { TableLayout } from './layout.ts'

/** The first release without the bug (https://sqlite.org/wal.html): before it a checkpoint beside a writer could lose a commit. */
const MENDED = [3, 51, 3] as const

/** A write-ahead log and a SQLite that may lose what was committed to one: a rotation checkpoints beside an application that writes. */
export function walResetProblem(db: SqliteDatabase, { names, sealed }: TableLayout): StoreProblem[] {
  const one = (sql: string): string => String(guarded(() => query(db, sql).get())![0])
  const version = one('SELECT sqlite_version()')
  if (one('PRAGMA main.journal_mode') !== 'wal' || !isOlder(version.split('.').map(Number))) return []
  return [
    {
      table: names.table.logical,
      column: sealed[0]!.logical,
      problem: `SQLite ${version} may lose commits of a database in WAL mode (the WAL-reset bug)`,
      hint: 'Update better-sqlite3 to a release with SQLite 3.51.3 or newer, here and in the application.',
    },
  ]
}

function isOlder(version: readonly number[]): boolean {
  const at = MENDED.findIndex((part, i) => part !== version[i])
  return at >= 0 && (version[at] ?? 0) < MENDED[at]!
}
