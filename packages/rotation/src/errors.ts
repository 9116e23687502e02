import type { KeyfoldErrorOptions } from '@keyfold/core'
import { KeyfoldError } from '@keyfold/core'

/** Every code that the rotation adds to core's, with its hint. */
const HINTS = {
  ERR_PLAN_ALTERED: 'A plan is used exactly as `kms-rotate plan` wrote it. Make a new one with `kms-rotate plan --out FILE`.',
  ERR_PLAN_INVALID: 'Name the file that `kms-rotate plan --out FILE` wrote.',
  ERR_PLAN_EXPIRED: 'Make a new plan with `kms-rotate plan --out FILE`.',
  ERR_PLAN_STALE: 'The configuration, the keys or the columns changed since the plan was made. Look at what changed, then make a new plan.',
  ERR_LEDGER_INVALID:
    'Check the path of the ledger in the configuration, or restore it from a backup. Records are not affected: a run works out what is left to do.',
  ERR_LEDGER_VERSION: 'A newer release wrote this ledger. Update Keyfold; the file was left as it is.',
  ERR_LEDGER_BUSY: 'Another process holds the ledger. Wait for it to end, then try again.',
  ERR_LEDGER_ACCESS: 'Check the free space, the permissions and the health of the disk that holds the ledger.',
  ERR_LEASE_HELD:
    'Wait for it to end. One that was killed on this machine is in nobody’s way; one elsewhere is not after two minutes without a sign of life.',
  ERR_LEASE_LOST: 'Nothing is lost: rows that this run wrote are right, and the other run goes on with the rest.',
  ERR_ROTATION_MISSING: 'Nothing was done. `kms-rotate status` says what is left to do.',
  ERR_ROTATION_COMPROMISE:
    'Pause it instead. `--even-compromise` cancels it all the same: what it has not reached stays under data keys that may be known.',
  ERR_ROTATION_PAUSED: '`kms-rotate resume` lets it go on; then start the run again.',
  ERR_LEDGER_ALTERED:
    'Not kms-rotate wrote there. Restore it from a backup, and find out who did; or move it away: a new one starts from the configuration.',
  ERR_LEDGER_KEY:
    'Add the key that is named to keyring.decryptOnly, and run again. If it is lost, move the ledger away: a new one starts from the configuration.',
  ERR_KEY_STATE: 'docs/rotation.md lists the states of a key and what moves it from one to the other. Nothing was changed.',
  ERR_CLOCK:
    'Set the clock of this machine right, and try again. If it was wrong before and is right now, the ledger holds a time to come: move it away.',
  ERR_COOL_OFF: 'Until then it can be taken back: `kms-rotate keys enable KEY-ID`. policy.coolOffDays in the configuration says how long that is.',
  ERR_ROLLBACK_REFUSED: 'Nothing was changed. Make a new key and rotate to it; docs/rotation.md says when a rotation can be reversed.',
  ERR_KEY_NEEDED: 'Rotate first (`kms-rotate run`), then retire the key.',
  ERR_KEY_UNKNOWN: 'Name a key of the configuration or of the ledger by its id, such as `key-file:2026q3`; `kms-rotate keys list` shows them.',
  ERR_KEY_DISABLED: 'A key that was taken out of service does not come back. Make a new key and rotate to it.',
  ERR_ESCROW_EXISTS: 'An escrow is never overwritten. Name another file.',
  ERR_ESCROW_INVALID: 'Name the escrow of this very key; one that was wrapped under a second key is opened with --escrow-under KEY.',
  ERR_ESCROW_UNCONFIRMED: 'No key was made or changed. Start again when there is a place for the escrow that survives this machine.',
  ERR_STORE_UNSUITED: 'Remove what is named, or take the column out of the configuration. Nothing was written.',
  ERR_POLICY_UNSUPPORTED: 'This release cannot enforce that part of the policy. Remove it from the configuration, or wait for a release that can.',
  ERR_OUTPUT: 'What was printed is not complete, though what the command did is done. Make room or check the disk that stdout is written to.',
  ERR_INTERRUPTED: 'Nothing was changed. Start again when there is time to finish.',
} as const satisfies Record<string, string>

/** The codes that `@keyfold/rotation` adds. */
export type RotationErrorCode = keyof typeof HINTS

/**
 * @param fact what happened, without a key, a plaintext or a raw value of a record
 * @param options another hint than the code's, and the error underneath
 */
export function rotationError(code: RotationErrorCode, fact: string, options: KeyfoldErrorOptions = {}): KeyfoldError {
  return new KeyfoldError(code, fact, { hint: HINTS[code], ...options })
}
