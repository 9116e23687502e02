import type { Database } from '../sqlite-driver.ts'
import type { Clock } from './clock.ts'
import type { Checkpoint, ColumnPlace, LedgerRotation, RotationBook } from './types.ts'

const FRESH: Checkpoint = { position: undefined, swept: false, sealed: 0, rewrapped: 0, reencrypted: 0 }

/** The rotations of a ledger and their checkpoints. */
export function rotationBook(db: Database, clock: Clock): RotationBook {
  const unfinished = db.prepare(
    'SELECT id, reason, target, started_at AS startedAt, updated_at AS updatedAt FROM rotations WHERE finished_at IS NULL ORDER BY id DESC LIMIT 1',
  )
  const begin = db.prepare('INSERT INTO rotations (reason, target, plan, started_at, updated_at) VALUES (?, ?, ?, ?, ?)')
  const close = db.prepare('UPDATE rotations SET finished_at = ?, updated_at = ?, outcome = ? WHERE id = ? AND finished_at IS NULL')
  const supersede = db.prepare("UPDATE rotations SET finished_at = ?, outcome = 'superseded' WHERE finished_at IS NULL")
  return {
    unfinished: () => unfinished.get() as LedgerRotation | undefined,
    begin: (reason, target, plan, exposed = []) => {
      const now = clock()
      const id = db.transaction(() => {
        supersede.run(now)
        const begun = Number(begin.run(reason, target, plan ?? null, now, now).lastInsertRowid)
        if (exposed.length > 0) expose(db, begun, exposed)
        return begun
      }).immediate()
      return { id, reason, target, startedAt: now, updatedAt: now }
    },
    finish: (id, outcome) => {
      const now = clock()
      close.run(now, now, outcome, id)
    },
    exposed: () => exposedIn(db),
    ...checkpoints(db, clock),
  }
}

function expose(db: Database, rotation: number, keyIds: readonly string[]): void {
  const insert = db.prepare('INSERT INTO exposed_branch_keys VALUES (?, ?) ON CONFLICT DO NOTHING')
  for (const keyId of keyIds) insert.run(keyId, rotation)
}

/** A ledger that is only read may be of an older version, which knew none. */
function exposedIn(db: Database): ReadonlySet<string> {
  if (db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'exposed_branch_keys'").get() === undefined) return new Set()
  const rows = db.prepare('SELECT key_id AS keyId FROM exposed_branch_keys').all() as Array<{ keyId: string }>
  return new Set(rows.map(({ keyId }) => keyId))
}

type Counts = Pick<Checkpoint, 'sealed' | 'rewrapped' | 'reencrypted'>
type CheckpointRow = Counts & { readonly position: string | null; readonly swept: number }

function checkpoints(db: Database, clock: Clock): Pick<RotationBook, 'checkpoint' | 'save' | 'totals'> {
  const find = db.prepare(
    `SELECT position, swept, sealed, rewrapped, reencrypted FROM checkpoints
     WHERE rotation = ? AND store = ? AND table_name = ? AND column_name = ?`,
  )
  const save = db.prepare('INSERT OR REPLACE INTO checkpoints VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)')
  const touch = db.prepare('UPDATE rotations SET updated_at = ? WHERE id = ?')
  const totals = db.prepare(
    `SELECT coalesce(sum(sealed), 0) AS sealed, coalesce(sum(rewrapped), 0) AS rewrapped, coalesce(sum(reencrypted), 0) AS reencrypted
     FROM checkpoints WHERE rotation = ?`,
  )
  const write = (id: number, { store, table, column }: ColumnPlace, now: Checkpoint): void => {
    save.run(id, store, table, column, now.position ?? null, now.swept ? 1 : 0, now.sealed, now.rewrapped, now.reencrypted)
    touch.run(clock(), id)
  }
  return {
    checkpoint: (id, { store, table, column }) => {
      const row = find.get(id, store, table, column) as CheckpointRow | undefined
      return row === undefined ? FRESH : { ...row, position: row.position ?? undefined, swept: row.swept === 1 }
    },
    save: (id, place, checkpoint) => db.transaction(() => write(id, place, checkpoint)).immediate(),
    totals: (id) => totals.get(id) as Counts,
  }
}
