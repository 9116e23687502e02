import type { KeyState } from '@keyfold/core'
import { KeyStates } from './key-states.ts'
import type { GivenKeys } from './keys-of.ts'
import { keysOf } from './keys-of.ts'
import { wasCompromised } from './ledger/key-changes.ts'
import type { KeyChange } from './ledger/key-changes.ts'
import type { Ledger } from './ledger/types.ts'
import { oneLine, whoIs } from './who.ts'

export interface ChangeKeyOptions {
  /** A keyring, or branch keys: what opens the ledger's own key. */
  readonly keyring: GivenKeys
  readonly ledger: Ledger
  /** `key-file:2026q3` */
  readonly key: string
  /** Why, for the ledger's history: one line. */
  readonly reason: string
  /** Who is said to have done it; the operating system's user where it is left out. */
  readonly by?: string
}

/**
 * Records that a key is known to somebody else. It opens what is under it until that is moved, seals nothing more once a run has begun, and never
 * becomes active again, nor decrypt-only: for good, also after it was disabled. Moving the records is `rotate` with `reason: 'compromise'`.
 *
 * @returns the change
 * @throws KeyfoldError ERR_KEY_UNKNOWN, ERR_KEY_STATE where it is so already or destroyed, ERR_LEDGER_…
 * @example await compromiseKey({ keyring, ledger, key: 'key-file:2026q3', reason: 'INC-1234: on a lost laptop' })
 */
export async function compromiseKey(options: ChangeKeyOptions): Promise<KeyChange> {
  return change(options, 'compromise', () => 'compromised')
}

/**
 * Takes a disabled key back, as long as it is not destroyed: it opens again. To decrypt-only; to compromised where it ever was.
 *
 * @returns the change
 * @throws KeyfoldError ERR_KEY_UNKNOWN, ERR_KEY_STATE where it is not disabled, ERR_LEDGER_…
 * @example await enableKey({ keyring, ledger, key: 'key-file:2026q3', reason: 'a backup from May is needed' })
 */
export async function enableKey(options: ChangeKeyOptions): Promise<KeyChange> {
  return change(options, 'enable', (past) => (wasCompromised(past) ? 'compromised' : 'decrypt-only'))
}

async function change(options: ChangeKeyOptions, cause: 'compromise' | 'enable', to: (past: readonly KeyChange[]) => KeyState): Promise<KeyChange> {
  const { keyring, ledger, key } = options
  const who = { by: whoIs(options.by), reason: oneLine('reason', options.reason) }
  const states = await KeyStates.open(ledger, (await keysOf(keyring, ledger)).keyring)
  states.find(key)
  return states.change((draft) => {
    draft.move(key, to(draft.past(key)), cause, who)
    return draft.past(key).at(-1)!
  })
}
