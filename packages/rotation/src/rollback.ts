import { KeyfoldError } from '@keyfold/core'
import { rotationError } from './errors.ts'
import { placeKeys } from './key-states.ts'
import type { KeyChange } from './ledger/key-changes.ts'
import { wasCompromised } from './ledger/key-changes.ts'
import type { KeyDraft, KeyRoles } from './ledger/types.ts'
import type { Asked } from './rotate.ts'
import { moveTo } from './rotate.ts'
import type { RotateOptions, RotationReport } from './rotate-options.ts'
import type { Running } from './running.ts'
import { running } from './running.ts'
import type { RotationProgress } from './tally.ts'
import { oneLine } from './who.ts'

/** How long a rotation can be reversed, where nobody says otherwise. */
const ROLLBACK_DAYS = 30

const DAY_MS = 86_400_000

/** As for `rotate`, with the old key as the active one and the new one among those that only open. */
export interface RollbackOptions extends Omit<RotateOptions, 'reason' | 'mode'> {
  /** Why, for the ledger's history: one line. */
  readonly why: string
  /** How many days after a rotation began it can be reversed: 0 to 3650, 30 where it is left out. */
  readonly rollbackDays?: number
}

/**
 * Reverses the last rotation, finished or not: the key that it replaced becomes active again, and records move back to it as in any rotation. The
 * one way from decrypt-only back to active. Killed at any moment: once the change is recorded, a plain `rotate` goes on.
 *
 * @throws KeyfoldError ERR_ROLLBACK_REFUSED, nothing changed, where the key was not the one before, its time is over, or a key was compromised;
 *   else as `rotate`
 * @example await rollback({ stores, keyring: createKeyring({ active: q3, decryptOnly: [q4] }), ledger, why: 'q4 is not deployed everywhere' })
 */
export function rollback(options: RollbackOptions): Running<RotationProgress, RotationReport> {
  return running(async (report) => moveTo({ ...options, mode: 'rollback' }, report, backwards(options)), options.onProgress)
}

function backwards({ why, rollbackDays = ROLLBACK_DAYS, plan }: RollbackOptions): Asked {
  if (plan?.reason === 'compromise') throw refused('the plan is one after a compromise')
  const reason = oneLine('why', why)
  if (!Number.isInteger(rollbackDays) || rollbackDays < 0 || rollbackDays > 3650) {
    throw new KeyfoldError('ERR_ARGUMENT', 'a rotation can be reversed for 0 to 3650 days')
  }
  return (roles, isUsed, by) => (draft) => {
    const from = keyToLeave(draft, roles, rollbackDays)
    // in this order, so that the ledger tells which of the two replaced the other
    draft.move(roles.active.id, 'active', 'rollback', { by, reason })
    draft.move(from, 'decrypt-only', 'rollback', { by, reason })
    placeKeys(draft, roles, isUsed, by)
  }
}

/** The id of the key that the last rotation moved to, where that rotation may be reversed. */
function keyToLeave(draft: KeyDraft, { active, recovery = [], decryptOnly }: KeyRoles, days: number): string {
  const known = draft.keys()
  const state = known.find(({ id }) => id === active.id)?.state
  if (state !== 'decrypt-only') throw refused(notBefore(active.id, state))
  const replaced = lastActive(draft.past(active.id))
  const sealing = [active, ...recovery]
  const left = known.filter((key) => key.state === 'active' && sealing.every(({ id }) => id !== key.id))
  const from = left[0]
  if (from === undefined || left.length > 1) throw refused('the ledger has no active key that a rotation moved to')
  if (decryptOnly.every(({ id }) => id !== from.id)) throw refused(`${from.id} has to be among the keys that only open: records are under it`)
  if (draft.past(from.id).at(-1)!.n > replaced.n) throw refused(`${active.id} is not the key before ${from.id}: only the last rotation is reversed`)
  if (draft.rotatedAfterCompromise(from.id) || wasCompromised(draft.past(active.id))) {
    throw refused('after a compromise no record goes back under an older key')
  }
  const end = new Date(Date.parse(replaced.at) + days * DAY_MS).toISOString()
  if (draft.now > end) throw refused(`the time in which this rotation could be reversed ended at ${end}`)
  return from.id
}

/** The change by which a key was last replaced; its first one, where this ledger never saw it active. */
function lastActive(past: readonly KeyChange[]): KeyChange {
  return past.findLast(({ was }) => was === 'active') ?? past[0]!
}

function notBefore(id: string, state: string | undefined): string {
  if (state === 'active') return `${id} is the active key, also by the ledger: there is nothing to reverse`
  return state === undefined ? `the ledger does not know ${id}` : `${id} is ${state}: only a decrypt-only key becomes active again`
}

function refused(fact: string): Error {
  return rotationError('ERR_ROLLBACK_REFUSED', fact)
}
