import type { Database } from '../sqlite-driver.ts'
import type { Clock } from './clock.ts'
import type { BeginOptions, Checkpoint, ColumnPlace, LeaseBook, LedgerRotation, Reason, RotationBook, Wish } from './types.ts'

const FRESH: Checkpoint = { position: undefined, swept: false, sealed: 0, rewrapped: 0, reencrypted: 0, unsealed: 0 }

/** The rotations of a ledger and their checkpoints. */
export function rotationBook(db: Database, clock: Clock, leases: Pick<LeaseBook, 'check' | 'token'>): RotationBook {
  const unfinished = db.prepare(
    `SELECT id, reason, mode, target, started_at AS startedAt, updated_at AS updatedAt FROM rotations
     WHERE finished_at IS NULL ORDER BY id DESC LIMIT 1`,
  )
  const begin = db.prepare('INSERT INTO rotations (reason, mode, target, plan, started_at, updated_at) VALUES (?, ?, ?, ?, ?, ?)')
  const close = db.prepare('UPDATE rotations SET finished_at = ?, updated_at = ?, outcome = ? WHERE id = ? AND finished_at IS NULL')
  const supersede = db.prepare("UPDATE rotations SET finished_at = ?, outcome = 'superseded' WHERE finished_at IS NULL")
  const keepPlan = db.prepare('INSERT INTO plans VALUES (?, ?, ?) ON CONFLICT DO NOTHING')
  const wishOf = db.prepare('SELECT wish FROM rotations WHERE id = ? AND finished_at IS NULL')
  const ask = db.prepare('UPDATE rotations SET wish = ? WHERE id = ? AND finished_at IS NULL')
  const beginOne = (reason: Reason, target: string, { mode = 'move', plan, exposed = [] }: BeginOptions): LedgerRotation => {
    const now = clock()
    leases.check()
    supersede.run(now)
    if (plan !== undefined) keepPlan.run(plan.sha256, plan.document, now)
    const id = Number(begin.run(reason, mode, target, plan?.sha256 ?? null, now, now).lastInsertRowid)
    if (exposed.length > 0) expose(db, id, exposed)
    return { id, reason, mode, target, startedAt: now, updatedAt: now }
  }
  const finish = (id: number, outcome: string): void => {
    leases.check()
    const now = clock()
    close.run(now, now, outcome, id)
  }
  return {
    unfinished: () => unfinished.get() as LedgerRotation | undefined,
    begin: (reason, target, options = {}) => db.transaction(() => beginOne(reason, target, options)).immediate(),
    finish: (id, outcome) => db.transaction(() => finish(id, outcome)).immediate(),
    wish: (id) => (wishOf.get(id) as { wish: Wish | null } | undefined)?.wish ?? undefined,
    ask: (id, wish) => void ask.run(wish ?? null, id),
    exposed: () => exposedIn(db),
    ...checkpoints(db, clock, leases),
  }
}

function expose(db: Database, rotation: number, keyIds: readonly string[]): void {
  const insert = db.prepare('INSERT INTO exposed_branch_keys VALUES (?, ?) ON CONFLICT DO NOTHING')
  for (const keyId of keyIds) insert.run(keyId, rotation)
}

function exposedIn(db: Database): ReadonlySet<string> {
  const rows = db.prepare('SELECT key_id AS keyId FROM exposed_branch_keys').all() as Array<{ keyId: string }>
  return new Set(rows.map(({ keyId }) => keyId))
}

type Counts = ReturnType<RotationBook['totals']>
type CheckpointRow = Counts & { readonly position: string | null; readonly swept: number }

function checkpoints(
  db: Database, clock: Clock, leases: Pick<LeaseBook, 'check' | 'token'>,
): Pick<RotationBook, 'checkpoint' | 'save' | 'totals'> {
  const find = db.prepare(
    `SELECT position, swept, sealed, rewrapped, reencrypted, unsealed FROM shards
     WHERE rotation = ? AND store = ? AND table_name = ? AND column_name = ?`,
  )
  const save = db.prepare('INSERT OR REPLACE INTO shards VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)')
  const touch = db.prepare('UPDATE rotations SET updated_at = ? WHERE id = ?')
  const totals = db.prepare(
    `SELECT coalesce(sum(sealed), 0) AS sealed, coalesce(sum(rewrapped), 0) AS rewrapped, coalesce(sum(reencrypted), 0) AS reencrypted,
       coalesce(sum(unsealed), 0) AS unsealed
     FROM shards WHERE rotation = ?`,
  )
  const write = (id: number, { store, table, column }: ColumnPlace, now: Checkpoint): void => {
    leases.check()
    const { position = null, swept, sealed, rewrapped, reencrypted, unsealed } = now
    save.run(id, store, table, column, position, swept ? 1 : 0, sealed, rewrapped, reencrypted, leases.token() ?? null, unsealed)
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
