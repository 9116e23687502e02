import type { ColumnCensus, ColumnRef, RecordChange, RecordOpening, RecordStore, StoredRecord, StoreProblem } from '@keyfold/core'
import { KeyfoldError } from '@keyfold/core'
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { sqliteError } from './errors.ts'
import type { OpenOptions } from './open-database.ts'
import type { SqliteStoreOptions, ThreadColumn } from './store.ts'
import { suggestColumn } from './store.ts'
import { checkOptionNames } from './table-options.ts'
import type { Answer, Opened, Request, ThreadCalls, ThreadStart } from './thread-messages.ts'
import { packChanges, packOpenings, unpackPage } from './thread-messages.ts'

export interface ThreadedStoreOptions extends SqliteStoreOptions, OpenOptions {}

/**
 * As `sqliteStore`, with the connection on a thread of its own: while it reads and writes, the caller's thread is free for key work. Keys never
 * cross; rows do. A rotation with such a store takes about as long as the slower of the two. It has neither `pick` nor `unregistered`, which look at
 * much and give back little. The process may end while the store is open.
 *
 * @param path an existing database; one in memory cannot be shared with a thread
 * @throws KeyfoldError as `openDatabase` and `sqliteStore`; ERR_SQLITE_FAILED from every call once the thread has ended
 * @example const store = await sqliteStoreOnThread('./app.db', { tables: [{ table: 'users', id: 'id', columns: ['ssn'] }] })
 */
export async function sqliteStoreOnThread(path: string, options: ThreadedStoreOptions): Promise<RecordStore> {
  checkOptionNames(options, ['tables', 'name', 'readonly', 'busyTimeout'])
  const { readonly, busyTimeout, ...store } = options
  const open = { ...(readonly !== undefined && { readonly }), ...(busyTimeout !== undefined && { busyTimeout }) }
  const thread = new Thread({ path, open, store })
  const { name, columns } = await thread.opened
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
    scrub: async (): Promise<string[]> => thread.call('scrub', []),
    close: async () => thread.close(),
  }
}

interface Waiting {
  readonly resolve: (value: never) => void
  readonly reject: (error: KeyfoldError) => void
}

/** A thread that answers calls in their order. */
class Thread {
  readonly opened: Promise<Opened>
  readonly #worker: Worker
  readonly #ended: Promise<void>
  readonly #waiting: Waiting[] = []
  #over = false

  constructor(start: ThreadStart) {
    // What the caller's program was started with is its own business; only where packages resolve to is the same.
    const execArgv = process.execArgv.filter((flag) => flag.startsWith('--conditions='))
    this.#worker = new Worker(new URL(`./store-thread${extname(import.meta.url)}`, import.meta.url), { workerData: start, execArgv })
    this.#worker.on('message', (answer: Answer) => this.#settle(answer))
    this.#ended = new Promise<void>((resolve) => {
      this.#worker.once('exit', () => resolve())
    }).then(() => this.#end('the thread of the store has ended'))
    this.#worker.once('error', (error) => this.#end(`the thread of the store failed (${error.name})`))
    this.opened = this.#answer()
  }

  call<C extends keyof ThreadCalls>(call: C, args: Parameters<ThreadCalls[C]>, transfer: ArrayBuffer[] = []): Promise<ReturnType<ThreadCalls[C]>> {
    const request: Request = { call, args }
    if (!this.#over) this.#worker.postMessage(request, transfer)
    return this.#answer()
  }

  /** The process waits for answers, not for the thread. */
  #answer<T>(): Promise<T> {
    if (this.#over) return Promise.reject(sqliteError('ERR_SQLITE_FAILED', 'the store is closed'))
    this.#worker.ref()
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }))
  }

  #settle(answer: Answer): void {
    const waiting = this.#waiting.shift()
    if (this.#waiting.length === 0) this.#worker.unref()
    if ('error' in answer) waiting?.reject(new KeyfoldError(answer.error.code, answer.error.message, { hint: answer.error.hint }))
    else waiting?.resolve(answer.value as never)
  }

  #end(fact: string): void {
    this.#over = true
    for (const { reject } of this.#waiting.splice(0)) reject(sqliteError('ERR_SQLITE_FAILED', fact))
  }

  async close(): Promise<void> {
    if (this.#over) return
    const closing = this.call('close', [])
    this.#over = true
    await closing
    this.#worker.ref()
    await this.#ended
  }
}
