import type { Database } from '../sqlite-driver.ts'
import type { Clock } from './clock.ts'
import type { ScrubBook } from './types.ts'

/** The stores of a ledger that wait to be scrubbed. */
export function scrubBook(db: Database, clock: Clock): ScrubBook {
  const pending = db.prepare('SELECT store FROM pending_scrubs ORDER BY store')
  const insert = db.prepare('INSERT OR IGNORE INTO pending_scrubs (store, since) VALUES (?, ?)')
  const remove = db.prepare('DELETE FROM pending_scrubs WHERE store = ?')
  return {
    pending: () => (pending.all() as Array<{ store: string }>).map(({ store }) => store),
    require: (store) => void insert.run(store, clock()),
    done: (store) => void remove.run(store),
  }
}
