import type { RecordStore } from '@keyfold/core'
import { byMaster, countAll } from './census.ts'
import type { KeyStates } from './key-states.ts'
import type { ColumnPlace } from './ledger/types.ts'
import type { RotationKeys } from './rotation-keys.ts'

/** Records that claim a key. */
export interface Needed extends ColumnPlace {
  readonly records: number
}

/** Everything that claims a key at one moment. */
export interface References {
  /** The columns in which records claim it. */
  readonly needed: readonly Needed[]
  /** Live branch keys that it wraps, or that are too damaged to tell. */
  readonly branchKeys: number
  /** Whether the ledger's own key is under it. */
  readonly ledgerKey: boolean
  /** All that was counted, whatever key it claims. */
  readonly counted: { readonly columns: number; readonly records: number; readonly branchKeys: number }
}

/** Counts what claims a key (24 hex digits), each store at one moment where it can. */
export async function referencesTo(keyId: string, stores: readonly RecordStore[], keys: RotationKeys, states: KeyStates): Promise<References> {
  const counts = await countAll(stores)
  const { branchKeys } = keys
  return {
    needed: counts.flatMap((count) => {
      const records = byMaster(count, keys).get(keyId) ?? 0
      return records === 0 ? [] : [{ store: count.store, table: count.table, column: count.column, records }]
    }),
    branchKeys: branchKeys === undefined ? 0 : (branchKeys.byMaster.get(keyId) ?? 0) + branchKeys.malformed,
    ledgerKey: states.isUnder(keyId),
    counted: {
      columns: counts.length,
      records: counts.reduce((sum, count) => sum + count.total - count.null, 0),
      branchKeys: branchKeys === undefined ? 0 : branchKeys.live + branchKeys.malformed,
    },
  }
}

export function isReferenced({ needed, branchKeys, ledgerKey }: References): boolean {
  return needed.length > 0 || branchKeys > 0 || ledgerKey
}
