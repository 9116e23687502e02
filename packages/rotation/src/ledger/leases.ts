import { rotationError } from '../errors.ts'
import type { Database } from '../sqlite-driver.ts'
import type { Clock } from './clock.ts'
import type { Holder } from './holder.ts'
import { isGone, thisHolder } from './holder.ts'
import type { LeaseBook, LeaseHolder } from './types.ts'

/** A holder elsewhere that has not renewed its lease for so long is taken for dead. */
const LEASE_MS = 120_000
/** How often a holder renews it. */
const RENEWAL_MS = 15_000

interface Row extends Omit<LeaseHolder, 'alive'> {
  readonly token: number
  readonly machine: string
  readonly process: string
}

/**
 * The one lease of a ledger: whoever rotates, retires or destroys holds it. Every new holder gets a higher token, and whatever a holder writes into
 * the ledger is written only while its token is still the newest (fencing). So a holder that was merely slow does no harm to its successor: rows
 * are compared before they are swapped, and its checkpoints are refused.
 */
export function leaseBook(db: Database, clock: Clock): LeaseBook {
  const find = db.prepare(
    `SELECT token, machine, process, pid, acquired_at AS acquiredAt, renewed_at AS renewedAt FROM leases
     WHERE name = 'rotation' AND (? OR released_at IS NULL)`,
  )
  const take = db.prepare(
    `INSERT INTO leases VALUES ('rotation', 1, $machine, $process, $pid, $now, $now, NULL)
     ON CONFLICT (name) DO UPDATE SET token = token + 1, machine = $machine, process = $process, pid = $pid,
       acquired_at = $now, renewed_at = $now, released_at = NULL`,
  )
  const renew = db.prepare("UPDATE leases SET renewed_at = ? WHERE name = 'rotation' AND token = ?")
  const release = db.prepare("UPDATE leases SET released_at = ? WHERE name = 'rotation' AND token = ?")
  const newest = (released: 0 | 1): Row | undefined => find.get(released) as Row | undefined
  let held: number | undefined
  // Of a lease that could not be given back, when the disk was full: nobody works under it any more.
  let left: number | undefined
  let timer: NodeJS.Timeout | undefined

  const check = (): void => {
    if (held !== undefined && newest(0)?.token !== held)
      throw rotationError('ERR_LEASE_LOST', 'another run took the lease of this one over')
  }
  const acquire = (me: Holder = thisHolder()): void => {
    db.transaction(() => {
      const other = newest(0)
      if (other !== undefined && other.token !== left && isAlive(other, clock())) throw heldBy(other)
      take.run({ ...me, now: clock() })
      held = newest(1)!.token
    }).immediate()
    timer = setInterval(() => quietly(() => renew.run(clock(), held)), RENEWAL_MS).unref()
  }
  return {
    acquire,
    check,
    token: () => held,
    holder: () => {
      const row = newest(0)
      if (row === undefined) return undefined
      const { machine, pid, acquiredAt, renewedAt } = row
      return { machine, pid, acquiredAt, renewedAt, alive: isAlive(row, clock()) }
    },
    release: () => {
      clearInterval(timer)
      left = held ?? left
      held = undefined
      if (left !== undefined) release.run(clock(), left)
      left = undefined
    },
  }
}

/** A renewal that lies ahead tells nothing: some clock was set back. The process itself is looked at where it ran here. */
function isAlive(row: Row, now: string): boolean {
  const gone = isGone(row)
  return gone === undefined ? Math.abs(Date.parse(now) - Date.parse(row.renewedAt)) < LEASE_MS : !gone
}

function heldBy({ pid, machine, acquiredAt, renewedAt }: Row): Error {
  const where = `process ${pid} on ${machine}`
  return rotationError('ERR_LEASE_HELD', `another run is under way: ${where}, since ${acquiredAt}, last heard of at ${renewedAt}`)
}

/** The ledger may be locked for a moment; the next renewal, or the next check, shows what matters. */
function quietly(work: () => void): void {
  try {
    work()
  } catch {
    // nothing is lost but a sign of life
  }
}
