import type { Database } from '../sqlite-driver.ts'
import type { Clock } from './clock.ts'
import type { EscrowBook, LedgerEscrow } from './types.ts'

/** The escrows of a ledger. One that was only found, and comes from a release that knew of none, has none. */
export function escrowBook(db: Database, clock: Clock): EscrowBook {
  const isKnown = (): boolean => db.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'escrows'").get() !== undefined
  const columns = 'id, key_id AS keyId, place, wrapped_under AS wrappedUnder, confirmed_at AS confirmedAt, confirmed_by AS confirmedBy'
  return {
    all: () => (isKnown() ? (db.prepare(`SELECT ${columns} FROM escrows ORDER BY confirmed_at, id, place`).all() as LedgerEscrow[]) : []),
    confirm: ({ id, keyId, place, wrappedUnder, confirmedBy }) => {
      const insert = 'INSERT OR REPLACE INTO escrows (id, key_id, place, wrapped_under, confirmed_at, confirmed_by) VALUES (?, ?, ?, ?, ?, ?)'
      db.prepare(insert).run(id, keyId, place, wrappedUnder, clock(), confirmedBy)
    },
  }
}
