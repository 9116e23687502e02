/** The thread behind `sqliteStoreOnThread`: one store at a time, whose calls come as messages and are carried out one after the other. */
import { isKeyfoldError } from '@keyfold/core'
import { parentPort } from 'node:worker_threads'
import { sqliteError } from './errors.ts'
import { openDatabase } from './open-database.ts'
import type { SqliteStore } from './store.ts'
import { storeWithLayouts } from './store.ts'
import type { Answer, Opened, PackedError, PackedPage, Request, ThreadCalls, ThreadStart } from './thread-messages.ts'
import { packPage, unpackChanges, unpackOpenings } from './thread-messages.ts'

/** A store reads rows once and in their order: half of better-sqlite3's 16 MB serve it as well, where a second heap is in memory already. */
const CACHE_KIB = 8000

const port = parentPort!
let calls: Partial<ThreadCalls> = {}

/** Answers come in the order of the calls. */
let last = Promise.resolve()
port.on('message', ({ call, args }: Request) => {
  last = last.then(() => answer(call, args))
})

async function answer(call: Request['call'], args: readonly unknown[]): Promise<void> {
  let result: Answer
  try {
    result = { value: await (call === 'open' ? open(args[0] as ThreadStart) : (calls[call] as (...args: readonly unknown[]) => unknown)(...args)) }
  } catch (error) {
    result = { error: packed(error) }
  }
  post(result)
}

async function open({ path, open: options, store: storeOptions }: ThreadStart): Promise<Opened> {
  const db = await openDatabase(path, options)
  try {
    db.exec(`PRAGMA main.cache_size = -${CACHE_KIB}`)
    const { store, columns } = storeWithLayouts(db, storeOptions)
    calls = callsOf(store)
    return { name: store.name, columns }
  } catch (error) {
    db.close()
    throw error
  }
}

function callsOf(store: SqliteStore): Partial<ThreadCalls> {
  return {
    check: () => store.check(),
    census: (column) => store.census(column),
    censusAll: () => store.censusAll(),
    prepare: () => store.prepare(),
    read: (column, options) => packPage(store.read(column, options)),
    write: (column, changes) => store.write(column, unpackChanges(changes)),
    unseal: (column, openings) => store.unseal(column, unpackOpenings(openings)),
    sync: async () => store.sync(),
    othersWrote: () => store.othersWrote(),
    scrub: () => store.scrub(),
    close: () => store.close(),
  }
}

function post(result: Answer): void {
  const page = 'value' in result ? (result.value as Partial<PackedPage> | undefined) : undefined
  port.postMessage(result, page?.bytes instanceof Uint8Array ? [page.bytes.buffer] : [])
}

function packed(error: unknown): PackedError {
  const { code, message, hint } = isKeyfoldError(error) ? error : sqliteError('ERR_SQLITE_FAILED', `the thread of the store met ${String(error)}`)
  return { code, message, hint }
}
