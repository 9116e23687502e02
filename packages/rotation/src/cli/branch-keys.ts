import { createBranchKeys } from '@keyfold/core'
import type { BranchKeys, Keyring } from '@keyfold/core'
import type { SqliteBranchKeyStore } from '@keyfold/sqlite'
import type { LoadedConfig } from './load-config.ts'
import { loadSqlite, named } from './stores.ts'
import type { StoreAccess } from './stores.ts'

/** The branch keys of a config, open. */
export interface OpenedBranchKeys {
  readonly keys: BranchKeys
  readonly store: SqliteBranchKeyStore
}

/** As many as a batch of records may need at once, and more. */
const MAX_KEYS = 100_000

/**
 * Opens the store of branch keys that a config names; undefined where it names none. Only a run makes the table.
 *
 * @throws KeyfoldError ERR_ADAPTER_MISSING, ERR_BRANCH_KEY_TABLE, ERR_SQLITE_…
 */
export async function openBranchKeys({ config, path }: LoadedConfig, keyring: Keyring, access: StoreAccess): Promise<OpenedBranchKeys | undefined> {
  if (config.branchKeys === undefined) return undefined
  const { path: file, table, partition, ttlMs } = config.branchKeys
  return named(file, async () => {
    const { openDatabase, sqliteBranchKeyStore } = await loadSqlite()
    const db = await openDatabase(path(file), { readonly: access.readonly })
    try {
      const store = sqliteBranchKeyStore(db, { name: file, ...(table !== undefined && { table }) })
      return { store, keys: createBranchKeys({ keyring, store, partition, maxKeys: MAX_KEYS, ...(ttlMs !== undefined && { ttlMs }) }) }
    } catch (error) {
      db.close()
      throw error
    }
  })
}
