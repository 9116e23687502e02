import type { Database } from '../sqlite-driver.ts'
import { currentActor } from './actor.ts'
import type { Clock } from './clock.ts'
import type { EventBook, LedgerEvent } from './types.ts'

type Row = Omit<LedgerEvent, 'detail'> & { readonly detail: string }

/** What happened, in its order. */
export function eventBook(db: Database, clock: Clock): EventBook {
  const insert = db.prepare('INSERT INTO events (at, by, kind, rotation, detail) VALUES (?, ?, ?, ?, ?)')
  const latest = db.prepare('SELECT id, at, by, kind, rotation, detail FROM events ORDER BY id DESC LIMIT ?')
  return {
    add: (kind, { rotation, by = currentActor(), detail = {} } = {}) =>
      void insert.run(clock(), by, kind, rotation ?? null, JSON.stringify(detail)),
    latest: (limit) =>
      (latest.all(limit) as Row[]).map(({ detail, ...event }) => ({ ...event, detail: JSON.parse(detail) as LedgerEvent['detail'] })),
  }
}
