import { copyFileSync, existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import { ledgerOf } from './world.ts'

/** What a run was about when it died, by what it left behind. */
export const PHASES = ['no ledger', 'ledger file', 'ledger commit', 'before', 'index', 'rows', 'scrub', 'closing'] as const
export type Phase = (typeof PHASES)[number]

/**
 * Looks at copies, since opening a ledger rolls back what the dead left in its journal: the next run shall meet it as it was.
 *
 * @param db the campaign's own connection to the database
 * @param begun how many rotations the ledger had when this one was asked for
 */
export function phaseOf(folder: string, db: Sqlite.Database, begun: number): Phase {
  const ledger = ledgerOf(folder)
  if (!existsSync(ledger)) return 'no ledger'
  if (statSync(ledger).size === 0) return 'ledger file'
  if (isHot(`${ledger}-journal`)) return 'ledger commit'
  const { rotations, unfinished, scrubs } = readLedger(ledger)
  if (rotations === begun) return 'before'
  if (unfinished > 0) return indexes(db) < 2 ? 'index' : 'rows'
  return scrubs > 0 ? 'scrub' : 'closing'
}

function isHot(journal: string): boolean {
  return (statSync(journal, { throwIfNoEntry: false })?.size ?? 0) > 0
}

function indexes(db: Sqlite.Database): number {
  return db.prepare("SELECT count(*) FROM sqlite_schema WHERE type = 'index' AND name LIKE 'keyfold_key_id_%'").pluck().get() as number
}

interface LedgerFacts {
  readonly rotations: number
  readonly unfinished: number
  readonly scrubs: number
}

/** The rotations that a ledger knows, those under way, and the stores that wait to be scrubbed; of a copy. */
export function readLedger(ledger: string): LedgerFacts {
  if (!existsSync(ledger) || statSync(ledger).size === 0) return { rotations: 0, unfinished: 0, scrubs: 0 }
  const folder = mkdtempSync(join(tmpdir(), 'keyfold-ledger-'))
  try {
    const copy = join(folder, 'ledger.db')
    for (const part of ['', '-journal']) if (existsSync(ledger + part)) copyFileSync(ledger + part, copy + part)
    const db = new Sqlite(copy)
    try {
      const count = (sql: string): number => db.prepare(`SELECT count(*) FROM ${sql}`).pluck().get() as number
      return { rotations: count('rotations'), unfinished: count('rotations WHERE finished_at IS NULL'), scrubs: count('pending_scrubs') }
    } finally {
      db.close()
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
