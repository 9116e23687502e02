import type { Keyring, KeyWrapper } from '@keyfold/core'
import { isCurrent } from '@keyfold/core'
import { keysUnder } from './ledger-key.ts'
import type { Ledger, Reason } from './ledger/types.ts'

/**
 * The master keys that a run calls for the ledger's own key, once for each time that it is listed: made under the sealing keys where there is none;
 * else opened, and sealed anew where it is not under these, or after a compromise. However many records there are.
 */
export function ledgerKeyCalls(ledger: Ledger | undefined, keyring: Keyring, reason: Reason): readonly KeyWrapper[] {
  const found = ledger?.keys.seal()
  if (found === undefined) return keyring.sealing
  const held = keysUnder(found.sealed).map((keyId) => keyring.find(Buffer.from(keyId, 'hex')))
  const stays = reason === 'rotation' && isCurrent(keyring, found.sealed)
  return [held.find((wrapper) => wrapper !== undefined) ?? [], stays ? [] : keyring.sealing].flat()
}
