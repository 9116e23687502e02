/** The thread behind `sqliteStoreOnThread`: a store of its own, whose calls come as messages and are carried out one after the other. */
import { isKeyfoldError } from '@keyfold/core'
import { parentPort, workerData } from 'node:worker_threads'
import { sqliteError } from './errors.ts'
import { openDatabase } from './open-database.ts'
import type { SqliteStore } from './store.ts'
import { storeWithLayouts } from './store.ts'
import type { Answer, Opened, PackedError, PackedPage, Request, ThreadCalls, ThreadStart } from './thread-messages.ts'
import { packPage, unpackChanges, unpackOpenings } from './thread-messages.ts'

const port = parentPort!

try {
  const { calls, opened } = await start(workerData as ThreadStart)
  port.on('message', ({ call, args }: Request) => {
    answer(() => (calls[call] as (...args: readonly unknown[]) => unknown)(...args))
    if (call === 'close') port.close()
  })
  answer(() => opened)
} catch (error) {
  post({ error: packed(error) })
}

async function start({ path, open, store: options }: ThreadStart): Promise<{ calls: ThreadCalls; opened: Opened }> {
  const db = await openDatabase(path, open)
  try {
    const { store, columns } = storeWithLayouts(db, options)
    return { calls: callsOf(store), opened: { name: store.name, columns } }
  } catch (error) {
    db.close()
    throw error
  }
}

function callsOf(store: SqliteStore): ThreadCalls {
  return {
    check: () => store.check(),
    census: (column) => store.census(column),
    censusAll: () => store.censusAll(),
    prepare: () => store.prepare(),
    read: (column, options) => packPage(store.read(column, options)),
    write: (column, changes) => store.write(column, unpackChanges(changes)),
    unseal: (column, openings) => store.unseal(column, unpackOpenings(openings)),
    scrub: () => store.scrub(),
    close: () => store.close(),
  }
}

function answer(work: () => unknown): void {
  let result: Answer
  try {
    result = { value: work() }
  } catch (error) {
    result = { error: packed(error) }
  }
  post(result)
}

function post(result: Answer): void {
  const page = 'value' in result ? (result.value as Partial<PackedPage> | undefined) : undefined
  port.postMessage(result, page?.bytes instanceof Uint8Array ? [page.bytes.buffer] : [])
}

function packed(error: unknown): PackedError {
  const { code, message, hint } = isKeyfoldError(error) ? error : sqliteError('ERR_SQLITE_FAILED', `the thread of the store met ${String(error)}`)
  return { code, message, hint }
}
