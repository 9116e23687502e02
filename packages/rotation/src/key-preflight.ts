import type { CanonicalContext, KeyUse, KeyWrapper, RecordStore, StoredRecord } from '@keyfold/core'
import { canonicalContext, isPreflightKeyWrapper } from '@keyfold/core'
import { callsAhead } from './key-calls.ts'
import type { WorkAhead } from './work-ahead.ts'

/**
 * Asks the key services, before anything is touched, whether they would do what a run needs: for the context of one of the records, since a policy
 * may depend on it; or for that of a branch key. Keys that nothing needs are not asked for, and none where nothing is to be done.
 *
 * @returns the keys that were asked, once for each call that it took
 * @throws KeyfoldError what the first of them says: ERR_KEY_DENIED, ERR_KEY_DISABLED, ERR_KEY_UNAVAILABLE, …
 */
export async function checkKeys(ahead: WorkAhead): Promise<KeyWrapper[]> {
  const uses = usesOf(ahead).flatMap(([wrapper, use]) => (isPreflightKeyWrapper(wrapper) ? [[wrapper, use] as const] : []))
  if (uses.length === 0) return []
  const context = ahead.keys.branchKeys === undefined ? await someContext(ahead.stores) : BRANCH_KEY
  if (context === undefined) return []
  for (const [wrapper, use] of uses) await wrapper.preflight(use, context)
  return uses.map(([wrapper]) => wrapper)
}

/** As core seals branch keys (docs/branch-keys.md). */
const BRANCH_KEY = canonicalContext({ keyfold: 'branch key', partition: 'preflight', version: '1', created: '0' })

function usesOf(ahead: WorkAhead): ReadonlyArray<readonly [KeyWrapper, KeyUse]> {
  const { sealing } = ahead.keys.keyring
  const calls = [...callsAhead(ahead)]
  return [
    ...calls.flatMap(([wrapper, { moves }]) => (moves === 0 ? [] : sealing.map((target) => [wrapper, { rewrapTo: target }] as const))),
    ...calls.flatMap(([wrapper, { unwraps }]) => (unwraps === 0 ? [] : [[wrapper, 'unwrap'] as const])),
    ...calls.flatMap(([wrapper, { wraps }]) => (wraps === 0 ? [] : [[wrapper, 'wrap'] as const])),
  ]
}

const LOOKED_AT = 20

/** Of a record that has one in canonical form: what has none is dealt with record by record. */
async function someContext(stores: readonly RecordStore[]): Promise<CanonicalContext | undefined> {
  for (const store of stores) {
    for (const column of store.columns) {
      for (const record of await store.read(column, { limit: LOOKED_AT, maxBytes: 0x10_0000 })) {
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
