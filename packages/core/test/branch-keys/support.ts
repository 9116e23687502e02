import type { BranchKeysOptions, BranchKeyStore, KeyWrapper } from '../../src/index.ts'
import { createBranchKeys, createKeyring, memoryBranchKeyStore } from '../../src/index.ts'
import { insecureWrapper } from '../keys.ts'

/** A wrapper that is reached by promises alone, as a key service is, and that counts its calls. */
export interface CountingWrapper extends KeyWrapper {
  readonly calls: { wrap: number; unwrap: number }
  /** Set, it refuses with this error. */
  fault: Error | undefined
}

export function countingWrapper(name: string): CountingWrapper {
  const { id, keyId, wrap, unwrap } = insecureWrapper(name)
  const calls = { wrap: 0, unwrap: 0 }
  const counting: CountingWrapper = {
    id, keyId, calls, fault: undefined,
    wrap: async (dek, context) => {
      calls.wrap++
      await Promise.resolve()
      if (counting.fault !== undefined) throw counting.fault
      return wrap(dek, context)
    },
    unwrap: async (wrapped, context) => {
      calls.unwrap++
      await Promise.resolve()
      if (counting.fault !== undefined) throw counting.fault
      return unwrap(wrapped, context)
    },
  }
  return counting
}

/** A root key, a store, and as many processes on them as are asked for. */
export function setting(store: BranchKeyStore = memoryBranchKeyStore()) {
  const root = countingWrapper('root')
  const open = (options: Partial<BranchKeysOptions> = {}) =>
    createBranchKeys({ keyring: createKeyring({ active: root }), store, partition: { by: 'tenant' }, ...options })
  return { root, store, open }
}

export const record = (tenant: string, id = '1') => ({ tenant, table: 'notes', id })

/** A store that does all as `of()` does at that moment, but for the methods that are named here. */
export function storeLike(of: () => BranchKeyStore, methods: Partial<BranchKeyStore> = {}): BranchKeyStore {
  return {
    name: 'like another',
    versions: (partition) => of().versions(partition),
    find: (keyId) => of().find(keyId),
    insert: (key) => of().insert(key),
    replace: (key, sealed) => of().replace(key, sealed),
    list: (options) => of().list(options),
    ...methods,
  }
}
