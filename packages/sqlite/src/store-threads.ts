/** The threads of `sqliteStoreOnThread`, seen from the thread that calls. */
import { KeyfoldError } from '@keyfold/core'
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { sqliteError } from './errors.ts'
import type { Answer, Opened, Request, ThreadCalls, ThreadStart } from './thread-messages.ts'

/**
 * Threads whose stores are closed. They are kept for the next store: where threads come and go while others compile, V8 can lose count of its pages
 * of machine code and end the process (`Check failed: jit_page.has_value()`, seen with Node 24.21 about once in two thousand threads).
 */
const idle: Thread[] = []

/** What a call gives. */
type Given<C extends keyof ThreadCalls> = Awaited<ReturnType<ThreadCalls[C]>>

/** A thread for as long as one store is open on it. */
export class StoreThread {
  #thread: Thread | undefined

  private constructor(thread: Thread) {
    this.#thread = thread
  }

  static async open(start: ThreadStart): Promise<{ thread: StoreThread; opened: Opened }> {
    const thread = idleThread() ?? new Thread()
    try {
      return { opened: await thread.call('open', [start]), thread: new StoreThread(thread) }
    } catch (error) {
      release(thread)
      throw error
    }
  }

  call<C extends keyof ThreadCalls>(call: C, args: Parameters<ThreadCalls[C]>, transfer: ArrayBuffer[] = []): Promise<Given<C>> {
    return this.#thread?.call(call, args, transfer) ?? Promise.reject(sqliteError('ERR_SQLITE_FAILED', 'the store is closed'))
  }

  async close(): Promise<void> {
    const thread = this.#thread
    this.#thread = undefined
    if (thread === undefined || thread.ended) return
    await thread.call('close', [])
    release(thread)
  }
}

/** One that has not ended meanwhile. */
function idleThread(): Thread | undefined {
  let thread = idle.pop()
  while (thread?.ended === true) thread = idle.pop()
  return thread
}

function release(thread: Thread): void {
  if (!thread.ended) idle.push(thread)
}

interface Waiting {
  readonly resolve: (value: never) => void
  readonly reject: (error: KeyfoldError) => void
}

/** A thread that answers calls in their order. */
class Thread {
  readonly #worker: Worker
  readonly #waiting: Waiting[] = []
  #end: string | undefined

  constructor() {
    // What the caller's program was started with is its own business; only where packages resolve to is the same.
    const execArgv = process.execArgv.filter((flag) => flag.startsWith('--conditions='))
    this.#worker = new Worker(new URL(`./store-thread${extname(import.meta.url)}`, import.meta.url), { execArgv })
    this.#worker.on('message', (answer: Answer) => this.#settle(answer))
    this.#worker.once('error', (error) => this.#ended(`the thread of the store failed (${error.name})`))
    this.#worker.once('exit', () => this.#ended('the thread of the store has ended'))
  }

  get ended(): boolean {
    return this.#end !== undefined
  }

  call<C extends keyof ThreadCalls>(call: C, args: Parameters<ThreadCalls[C]>, transfer: ArrayBuffer[] = []): Promise<Given<C>> {
    if (this.#end !== undefined) return Promise.reject(sqliteError('ERR_SQLITE_FAILED', this.#end))
    const request: Request = { call, args }
    // The process waits for answers, not for the thread.
    this.#worker.ref()
    this.#worker.postMessage(request, transfer)
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }))
  }

  #settle(answer: Answer): void {
    const waiting = this.#waiting.shift()
    if (this.#waiting.length === 0) this.#worker.unref()
    if ('error' in answer) waiting?.reject(new KeyfoldError(answer.error.code, answer.error.message, { hint: answer.error.hint }))
    else waiting?.resolve(answer.value as never)
  }

  #ended(fact: string): void {
    this.#end ??= fact
    for (const { reject } of this.#waiting.splice(0)) reject(sqliteError('ERR_SQLITE_FAILED', fact))
  }
}
