import type { RecordStore } from '@keyfold/core'
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * For so many times as long as a batch held the write lock, it is then left alone. Who finds it taken asks again after 1, 2, 5, 10, 15 ms and so on
 * (SQLite's busy handler): were it held for two thirds of the time, one writer in twenty would wait for 80 ms.
 */
const REST = 2
/** Others are looked for so often, in milliseconds, and one that wrote is reckoned with for so long. */
const LOOK_EVERY = 100
const REMEMBERED = 10_000

/** Leaves the write lock of a database to others, where others write to it. Alone, a run takes it whenever it can. */
export class LockShare {
  readonly #store: Pick<RecordStore, 'othersWrote'>
  #looked = -Infinity
  #seen = -Infinity
  #freeAt = -Infinity

  constructor(store: Pick<RecordStore, 'othersWrote'>) {
    this.#store = store
  }

  /** Waits until the lock was free for long enough. */
  async beforeWrite(signal: AbortSignal): Promise<void> {
    await this.#look()
    const now = performance.now()
    const rest = now - this.#seen < REMEMBERED ? Math.round(this.#freeAt - now) : 0
    // A stop ends the wait; what it rejects with says nothing more.
    if (rest > 0) await sleep(rest, undefined, { signal }).catch(() => undefined)
  }

  /** @param milliseconds for which the lock was held, up to now */
  held(milliseconds: number): void {
    this.#freeAt = performance.now() + REST * milliseconds
  }

  async #look(): Promise<void> {
    const now = performance.now()
    if (now - this.#looked < LOOK_EVERY) return
    this.#looked = now
    if ((await this.#store.othersWrote?.()) === true) this.#seen = now
  }
}
