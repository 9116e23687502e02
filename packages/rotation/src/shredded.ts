import type { KeyWrapper, StoredRecord } from '@keyfold/core'
import { createKeyring, inspect, KEY_ID_LENGTH, open, SQL_OFFSETS } from '@keyfold/core'
import { recordFault } from './failures.ts'

/**
 * Whether a record that claims a destroyed branch key opens under a master key all the same. The list of an envelope's keys is not authenticated:
 * with a key id edited, a record would look shredded while it needs the master key.
 *
 * @throws KeyfoldError where the master key is out of reach
 */
export async function opensUnder(master: KeyWrapper, { value, context }: StoredRecord): Promise<boolean> {
  const keyring = createKeyring({ active: master })
  for (const place of inspect(value).entries.keys()) {
    const renamed = Uint8Array.from(value)
    renamed.set(master.keyId, SQL_OFFSETS.blob.keyId - 1 + place * KEY_ID_LENGTH)
    try {
      ;(await open(keyring, renamed, context)).fill(0)
      return true
    } catch (error) {
      recordFault(error)
    }
  }
  return false
}
