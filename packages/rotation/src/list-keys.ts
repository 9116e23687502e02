import type { Keyring } from '@keyfold/core'
import type { LedgerKeyStatus } from './inspect-states.ts'
import { inspectStates } from './inspect-states.ts'
import type { KeyChange } from './ledger/key-changes.ts'
import type { Ledger, LedgerKey } from './ledger/types.ts'

/** What a ledger knows of keys. */
export interface KeyListing {
  readonly keys: readonly LedgerKey[]
  /** Every change of a state, the oldest first. */
  readonly history: readonly KeyChange[]
  /** Null where the ledger has no key of its own yet: nothing authenticates its states then. */
  readonly ledgerKey: LedgerKeyStatus | null
}

/**
 * The keys of a ledger, their states and how they came to them. Changes nothing.
 *
 * @param keyring what opens the ledger's own key; with keys missing the states may be unverified, which `ledgerKey` says
 * @throws KeyfoldError ERR_LEDGER_ALTERED
 * @example const { history } = await listKeys({ ledger, keyring })
 */
export async function listKeys({ ledger, keyring }: { readonly ledger: Ledger; readonly keyring?: Keyring | undefined }): Promise<KeyListing> {
  const ledgerKey = await inspectStates(ledger, keyring)
  return { keys: ledger.keys.all(), history: ledger.keys.changes(), ledgerKey }
}
