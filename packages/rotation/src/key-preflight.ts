import type { CanonicalContext, Keyring, KeyUse, KeyWrapper, RecordStore, StoredRecord } from '@keyfold/core'
import { canonicalContext, isPreflightKeyWrapper, isRewrapKeyWrapper } from '@keyfold/core'
import type { PlacedCensus } from './census.ts'
import { sealedUnder } from './census.ts'
import { hexOf } from './key-names.ts'
import type { Reason } from './ledger/types.ts'

/** What a run is about to do with its keys. */
export interface KeyWorkAhead {
  readonly stores: readonly RecordStore[]
  readonly keyring: Keyring
  readonly counts: readonly PlacedCensus[]
  readonly reason: Reason
  readonly within: boolean
}

/**
 * Asks the key services, before anything is touched, whether they would do what a run needs: for the context of one of the records, since a policy
 * may depend on it. Keys that no record needs are not asked for, and none where nothing is to be done.
 *
 * @throws KeyfoldError what the first of them says: ERR_KEY_DENIED, ERR_KEY_DISABLED, ERR_KEY_UNAVAILABLE, …
 */
export async function checkKeys(ahead: KeyWorkAhead): Promise<void> {
  const uses = usesOf(ahead)
  if (!uses.some(([wrapper]) => isPreflightKeyWrapper(wrapper))) return
  const context = await someContext(ahead.stores)
  if (context === undefined) return
  for (const [wrapper, use] of uses) if (isPreflightKeyWrapper(wrapper)) await wrapper.preflight(use, context)
}

/** The keys whose records a run moves. */
export function sources(keyring: Keyring, reason: Reason): readonly KeyWrapper[] {
  return keyring.wrappers.filter((wrapper) => reason === 'compromise' || !keyring.sealing.includes(wrapper))
}

/** Whether the service of a key can move its records to every sealing key; a compromise asks for new data keys. */
export function movesItself(source: KeyWrapper, { sealing }: Keyring, reason: Reason): boolean {
  return reason === 'rotation' && isRewrapKeyWrapper(source) && sealing.every((target) => source.canRewrapTo(target))
}

function usesOf({ keyring, counts, reason, within }: KeyWorkAhead): ReadonlyArray<readonly [KeyWrapper, KeyUse]> {
  const uses: Array<readonly [KeyWrapper, KeyUse]> = []
  let wraps = counts.some(({ plaintext }) => plaintext > 0)
  for (const source of sources(keyring, reason)) {
    if (!counts.some((count) => sealedUnder(count, hexOf(source.keyId)) > 0)) continue
    if (within && movesItself(source, keyring, reason)) uses.push(...keyring.sealing.map((target) => [source, { rewrapTo: target }] as const))
    else {
      uses.push([source, 'unwrap'])
      wraps = true
    }
  }
  if (wraps) uses.push(...keyring.sealing.map((wrapper) => [wrapper, 'wrap'] as const))
  return uses
}

const LOOKED_AT = 20

/** Of a record that has one in canonical form: what has none is dealt with record by record. */
async function someContext(stores: readonly RecordStore[]): Promise<CanonicalContext | undefined> {
  for (const store of stores) {
    for (const column of store.columns) {
      for (const record of await store.read(column, { limit: LOOKED_AT })) {
        const context = contextOf(record)
        if (context !== undefined) return context
      }
    }
  }
  return undefined
}

function contextOf({ context }: StoredRecord): CanonicalContext | undefined {
  try {
    return canonicalContext(context)
  } catch {
    return undefined
  }
}
