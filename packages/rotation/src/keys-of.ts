import type { BranchKeys, Keyring } from '@keyfold/core'
import { BranchedKeys } from './branched-keys.ts'
import type { Ledger } from './ledger/types.ts'
import { MasterKeys } from './master-keys.ts'
import type { RotationKeys } from './rotation-keys.ts'

/** What `keyring` of every call of this package takes. Of branch keys a copy is used: what the application has at hand stays as it is. */
export type GivenKeys = Keyring | BranchKeys

/** The keys of a rotation; for branch keys their store is read. */
export async function keysOf(given: GivenKeys, ledger?: Ledger): Promise<RotationKeys> {
  return 'store' in given ? BranchedKeys.of(given, ledger?.rotations.exposed() ?? new Set()) : new MasterKeys(given)
}
