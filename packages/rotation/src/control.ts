/** What is asked of a rotation under way from elsewhere: it is written into the ledger, and the run looks there between two batches. */
import { rotationError } from './errors.ts'
import type { Ledger, LedgerRotation, Wish } from './ledger/types.ts'

export interface ControlOptions {
  /** From `openLedger`: the one that the run writes to. */
  readonly ledger: Ledger
  /** Who asks; the operating system's user where it is left out. */
  readonly by?: string
}

export interface CancelOptions extends ControlOptions {
  /** A compromise run too: what it has not re-encrypted stays under data keys that may be known. False by default. */
  readonly evenCompromise?: boolean
}

/** What became of a request. */
export interface ControlReport {
  /** The rotation that it is about: when it began, and the key that records move to. */
  readonly startedAt: string
  readonly target: string
  /** Whether a run is alive that will notice, within the batch it is at; without one the request takes effect at the next. */
  readonly underWay: boolean
}

/**
 * Asks the rotation under way to wait after its batch. It stays paused, also over the end of its process, until `resume`.
 *
 * @throws KeyfoldError ERR_ROTATION_MISSING where none is under way
 * @example pause({ ledger: await openLedger('./rotation.db') })
 */
export function pause(options: ControlOptions): ControlReport {
  return ask(options, 'pause')
}

/**
 * Lets a paused rotation go on; nothing where it is not paused.
 *
 * @throws KeyfoldError ERR_ROTATION_MISSING
 */
export function resume(options: ControlOptions): ControlReport {
  return ask(options, undefined)
}

/**
 * Ends the rotation under way after its batch, for good: records stay under the keys where they are then, and the next `rotate` begins anew.
 *
 * @throws KeyfoldError ERR_ROTATION_MISSING; ERR_ROTATION_COMPROMISE for a compromise run
 */
export function cancel(options: CancelOptions): ControlReport {
  const { reason } = current(options.ledger)
  if (reason === 'compromise' && options.evenCompromise !== true)
    throw rotationError('ERR_ROTATION_COMPROMISE', 'the rotation under way gives new data keys after a compromise')
  const report = ask(options, 'cancel')
  if (!report.underWay) finishCancelled(options.ledger, current(options.ledger))
  return report
}

/** Ends a rotation as cancelled. */
export function finishCancelled(ledger: Ledger, { id }: LedgerRotation): void {
  ledger.rotations.finish(id, 'cancelled')
  ledger.events.add('rotation-cancelled', { rotation: id })
}

function ask({ ledger, by }: ControlOptions, wish: Wish | undefined): ControlReport {
  const { id, startedAt, target } = current(ledger)
  ledger.rotations.ask(id, wish)
  ledger.events.add(wish === undefined ? 'resume-asked' : `${wish}-asked`, { rotation: id, ...(by !== undefined && { by }) })
  return { startedAt, target, underWay: ledger.leases.holder()?.alive === true }
}

function current(ledger: Ledger): LedgerRotation {
  const rotation = ledger.rotations.unfinished()
  if (rotation === undefined) throw rotationError('ERR_ROTATION_MISSING', 'no rotation is under way')
  return rotation
}
