import { rotationError } from './errors.ts'
import type { Ledger, LedgerRotation, Reason } from './ledger/types.ts'
import { encodePlan } from './plan-file.ts'
import type { MoveOptions } from './rotate-options.ts'
import type { RotationKeys } from './rotation-keys.ts'

/** The rotation that a run is going to be about: nothing of it is written yet. */
export interface ChosenRotation {
  /** Why records are moved: the strongest of what was asked for, what the plan says, and what was cut. */
  readonly reason: Reason
  /** The one to go on with; undefined where a new one is to begin. */
  readonly cut: LedgerRotation | undefined
}

/**
 * Chooses between going on with the rotation that was cut and beginning one. What a compromise began stays one: after a kill, or under a still newer
 * key, a plain `run` must not merely rewrap the data keys that were exposed. Reads alone, so that what is refused has changed nothing.
 *
 * @throws KeyfoldError ERR_ROTATION_PAUSED, ERR_ROTATION_COMPROMISE
 */
export function chooseRotation({ rotations }: Ledger, target: string, { reason = 'rotation', mode = 'move', plan }: MoveOptions): ChosenRotation {
  const cut = rotations.unfinished()
  if (cut !== undefined && rotations.wish(cut.id) === 'pause') throw rotationError('ERR_ROTATION_PAUSED', 'the rotation under way is paused')
  if (cut?.reason === 'compromise' && mode === 'unseal') {
    const hint = 'Let it end first: kms-rotate run.'
    throw rotationError('ERR_ROTATION_COMPROMISE', 'the rotation under way gives new data keys after a compromise', { hint })
  }
  const strongest = mode === 'unseal' ? 'rotation' : strongestReason(cut, reason, plan?.reason)
  const resumed = cut?.target === target && cut.reason === strongest && (cut.mode === 'unseal') === (mode === 'unseal')
  return { reason: strongest, cut: resumed ? cut : undefined }
}

/** What begins as a compromise stays one. */
export function strongestReason(cut: LedgerRotation | undefined, ...asked: ReadonlyArray<Reason | undefined>): Reason {
  const before = cut?.mode === 'unseal' ? undefined : cut?.reason
  return [...asked, before].includes('compromise') ? 'compromise' : 'rotation'
}

/**
 * Writes what was chosen into the ledger. Whoever has the master key has the branch keys that it wrapped, so a compromise exposes these too, those of
 * the active one included.
 */
export function startRotation(
  ledger: Ledger, keys: RotationKeys, { reason, cut }: ChosenRotation, { mode = 'move', plan }: MoveOptions,
): LedgerRotation {
  const target = keys.keyring.active.id
  const exposed = reason === 'compromise' && cut === undefined ? (keys.branchKeys?.ids() ?? []) : []
  const kept = plan && { sha256: plan.sha256, document: encodePlan(plan) }
  const rotation = cut ?? ledger.rotations.begin(reason, target, { mode, plan: kept, exposed })
  ledger.events.add(cut === undefined ? 'rotation-begun' : 'rotation-resumed', { rotation: rotation.id, detail: { reason, mode, target } })
  keys.expose(ledger.rotations.exposed())
  return rotation
}
