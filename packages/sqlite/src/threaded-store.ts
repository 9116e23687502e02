import type { ColumnCensus, ColumnRef, RecordChange, RecordOpening, RecordStore, StoredRecord, StoreProblem } from '@keyfold/core'
import type { OpenOptions } from './open-database.ts'
import type { SqliteStoreOptions, ThreadColumn } from './store.ts'
import { suggestColumn } from './store.ts'
import { StoreThread } from './store-threads.ts'
import { checkOptionNames } from './table-options.ts'
import { packChanges, packOpenings, unpackPage } from './thread-messages.ts'

export interface ThreadedStoreOptions extends SqliteStoreOptions, OpenOptions {}

/**
 * As `sqliteStore`, with the connection on a thread of its own: while it reads and writes, the caller's thread is free for key work. Keys never
 * cross; rows do. A rotation with such a store takes about as long as the slower of the two. It has neither `pick` nor `unregistered`, which look at
 * much and give back little. The process may end while the store is open. The thread outlives its store, for the next one.
 *
 * @param path an existing database; one in memory cannot be shared with a thread
 * @throws KeyfoldError as `openDatabase` and `sqliteStore`; ERR_SQLITE_FAILED from every call once the thread has ended
 * @example const store = await sqliteStoreOnThread('./app.db', { tables: [{ table: 'users', id: 'id', columns: ['ssn'] }] })
 */
export async function sqliteStoreOnThread(path: string, options: ThreadedStoreOptions): Promise<RecordStore> {
  checkOptionNames(options, ['tables', 'name', 'readonly', 'busyTimeout'])
  const { readonly, busyTimeout, ...store } = options
  const open = { ...(readonly !== undefined && { readonly }), ...(busyTimeout !== undefined && { busyTimeout }) }
  const { thread, opened } = await StoreThread.open({ path, open, store })
  const { name, columns } = opened
  const find = (ref: ColumnRef): ThreadColumn =>
    columns.find((one) => one.table === ref.table && one.column === ref.column) ?? suggestColumn(columns, ref)
  return {
    name,
    columns: columns.map(({ table, column }) => ({ table, column })),
    concurrent: true,
    check: async (): Promise<StoreProblem[]> => thread.call('check', []),
    census: async (ref): Promise<ColumnCensus> => thread.call('census', [find(ref)]),
    censusAll: async (): Promise<readonly ColumnCensus[]> => thread.call('censusAll', []),
    prepare: async () => thread.call('prepare', []),
    read: async (ref, readOptions): Promise<StoredRecord[]> => {
      const column = find(ref)
      return unpackPage(await thread.call('read', [column, readOptions]), column)
    },
    write: async (ref, changes: readonly RecordChange[]): Promise<number> => {
      const packed = packChanges(changes)
      return thread.call('write', [find(ref), packed], [packed.bytes.buffer])
    },
    unseal: async (ref, openings: readonly RecordOpening[]): Promise<number> => {
      const packed = packOpenings(openings)
      return thread.call('unseal', [find(ref), packed], [packed.bytes.buffer])
    },
    sync: async (): Promise<void> => thread.call('sync', []),
    othersWrote: async (): Promise<boolean> => thread.call('othersWrote', []),
    scrub: async (): Promise<string[]> => thread.call('scrub', []),
    close: async () => thread.close(),
  }
}
