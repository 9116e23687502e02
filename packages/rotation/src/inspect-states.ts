/** Whether the states of a ledger's keys are what was written, for those who change none. */
import type { Keyring } from '@keyfold/core'
import { isKeyfoldError } from '@keyfold/core'
import { keyNames } from './key-names.ts'
import { refuseStripped } from './key-states.ts'
import { keysUnder, openLedgerKey } from './ledger-key.ts'
import type { Ledger, LedgerKey } from './ledger/types.ts'

/** What is known of the ledger's own key, and of whether the states of keys are what was written. */
export interface LedgerKeyStatus {
  /** The keys that it is sealed under, by id: each of them is needed as long as that is so. */
  readonly keys: readonly string[]
  /** False where its keys are out of reach, so that nothing is known about the states. */
  readonly verified: boolean
  /** The code of the error that opening it ended with. */
  readonly problem: string | null
}

/**
 * Checks the states of a ledger that is only read; null where it has none to check: no ledger, one of an older release, one without a key.
 *
 * @param keyring whatever keys could be opened; undefined where none could
 * @throws KeyfoldError ERR_LEDGER_ALTERED
 */
export async function inspectStates(ledger: Ledger | undefined, keyring: Keyring | undefined): Promise<LedgerKeyStatus | null> {
  const found = ledger?.keys.seal()
  if (ledger === undefined || found === undefined) return strippedOrNull(ledger)
  const known = ledger.keys.all()
  const nameOf = keyring === undefined ? (keyId: string) => nameIn(known, keyId) : keyNames(keyring, known)
  const keys = keysUnder(found.sealed).map(nameOf)
  if (keyring === undefined) return { keys, verified: false, problem: 'ERR_LEDGER_KEY' }
  try {
    ledger.keys.verify(await openLedgerKey(keyring, found, known))
    return { keys, verified: true, problem: null }
  } catch (error) {
    // out of reach is one thing, altered another
    if (isKeyfoldError(error) && /^ERR_(?:KEY|LEDGER_KEY)/.test(error.code)) return { keys, verified: false, problem: error.code }
    throw error
  }
}

/**
 * The same for who cannot go on without: what a run would end with, ends this.
 *
 * @throws KeyfoldError ERR_LEDGER_ALTERED, ERR_LEDGER_KEY, and what a key of the keyring throws
 */
export async function verifyStates(ledger: Ledger | undefined, keyring: Keyring): Promise<void> {
  const found = ledger?.keys.seal()
  if (ledger === undefined || found === undefined) strippedOrNull(ledger)
  else ledger.keys.verify(await openLedgerKey(keyring, found, ledger.keys.all()))
}

function strippedOrNull(ledger: Ledger | undefined): null {
  if (ledger !== undefined) refuseStripped(ledger.keys)
  return null
}

function nameIn(known: readonly LedgerKey[], keyId: string): string {
  return known.find((key) => key.keyId === keyId)?.id ?? `unknown:${keyId}`
}
