import { KeyfoldError } from '@keyfold/core'
import type { RecordStore } from '@keyfold/core'
import type * as Sqlite from '@keyfold/sqlite'
import type { Config } from '../config-schema.ts'
import type { LoadedConfig } from './load-config.ts'

type StoreConfig = Config['stores'][number]

/** What commands do with a store: only those that write open it for writing. */
export interface StoreAccess {
  readonly readonly: boolean
  /** 2: each database is on a thread of its own. 1 where it is left out. */
  readonly threads?: number
}

type Adapter = (config: StoreConfig, path: string, access: StoreAccess) => Promise<RecordStore>

/** Every adapter, by the name that a config may use. Nothing is loaded by a name out of a file. */
const ADAPTERS: Readonly<Record<StoreConfig['type'], Adapter>> = { sqlite: openSqlite }

/**
 * Opens the stores of a config. When one cannot be opened, those opened before it are closed.
 *
 * @throws KeyfoldError ERR_ADAPTER_MISSING, and what the adapter throws
 */
export async function openStores({ config, path }: LoadedConfig, access: StoreAccess): Promise<RecordStore[]> {
  const stores: RecordStore[] = []
  try {
    for (const store of config.stores) stores.push(await openOne(store, path, access))
    return stores
  } catch (error) {
    await closeStores(stores)
    throw error
  }
}

/** An error says which store it is about: a config may have several. */
async function openOne(store: StoreConfig, path: LoadedConfig['path'], access: StoreAccess): Promise<RecordStore> {
  return named(store.path, async () => ADAPTERS[store.type](store, path(store.path), access))
}

/** Puts the configured name before what goes wrong. */
export async function named<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof KeyfoldError)) throw error
    throw new KeyfoldError(error.code, `${name}: ${error.message}`, { hint: error.hint, cause: error })
  }
}

/** Closes all of them, whatever one of them says. */
export async function closeStores(stores: readonly RecordStore[]): Promise<void> {
  await Promise.allSettled(stores.map(async (store) => store.close()))
}

async function openSqlite({ path: name, tables }: StoreConfig, path: string, { readonly, threads }: StoreAccess): Promise<RecordStore> {
  const { openDatabase, sqliteStore, sqliteStoreOnThread } = await loadSqlite()
  if (threads === 2) return sqliteStoreOnThread(path, { readonly, name, tables })
  const db = await openDatabase(path, { readonly })
  try {
    return sqliteStore(db, { name, tables })
  } catch (error) {
    db.close()
    throw error
  }
}

/** The adapter for SQLite, which is installed by those who have SQLite. ERR_ADAPTER_MISSING where it is not. */
export async function loadSqlite(): Promise<typeof Sqlite> {
  try {
    return await import('@keyfold/sqlite')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new KeyfoldError('ERR_ADAPTER_MISSING', 'the config names a store of type sqlite, and @keyfold/sqlite is not installed', {
      hint: 'npm install @keyfold/sqlite better-sqlite3',
      cause: error,
    })
  }
}
