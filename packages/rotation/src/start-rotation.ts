import { rotationError } from './errors.ts'
import type { Ledger, LedgerRotation } from './ledger/types.ts'
import { encodePlan } from './plan-file.ts'
import type { MoveOptions } from './rotate-options.ts'
import type { RotationKeys } from './rotation-keys.ts'

/**
 * Goes on with the rotation that was cut, or begins one. What a compromise began stays one: after a kill, or under a still newer key, a plain
 * `run` must not merely rewrap the data keys that were exposed. Whoever has the master key has the branch keys that it wrapped, so these are
 * exposed too, those of the active one included.
 */
export function startRotation(
  ledger: Ledger, keys: RotationKeys, { reason = 'rotation', mode = 'move', plan }: MoveOptions,
): { rotation: LedgerRotation; resumed: boolean } {
  const target = keys.keyring.active.id
  const cut = ledger.rotations.unfinished()
  if (cut !== undefined && ledger.rotations.wish(cut.id) === 'pause') throw rotationError('ERR_ROTATION_PAUSED', 'the rotation under way is paused')
  if (cut?.reason === 'compromise' && mode === 'unseal') {
    const hint = 'Let it end first: kms-rotate run.'
    throw rotationError('ERR_ROTATION_COMPROMISE', 'the rotation under way gives new data keys after a compromise', { hint })
  }
  const before = cut?.mode === 'unseal' ? undefined : cut?.reason
  const strongest = mode !== 'unseal' && [reason, plan?.reason, before].includes('compromise') ? 'compromise' : 'rotation'
  const resumed = cut?.target === target && cut.reason === strongest && (cut.mode === 'unseal') === (mode === 'unseal')
  const exposed = strongest === 'compromise' && !resumed ? (keys.branchKeys?.ids() ?? []) : []
  const kept = plan && { sha256: plan.sha256, document: encodePlan(plan) }
  const rotation = resumed ? cut : ledger.rotations.begin(strongest, target, { mode, plan: kept, exposed })
  ledger.events.add(resumed ? 'rotation-resumed' : 'rotation-begun', { rotation: rotation.id, detail: { reason: strongest, mode, target } })
  keys.expose(ledger.rotations.exposed())
  return { rotation, resumed }
}
