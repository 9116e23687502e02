import { setTimeout as delay } from 'node:timers/promises'
import type { Ledger, Wish } from './ledger/types.ts'

/** So often a run looks whether something is asked of it. */
const LOOK_MS = 100
const PAUSED_LOOK_MS = 250

/** What another terminal asks of a run through the ledger, and whether its lease is still its own. */
export class RunControl {
  readonly #ledger: Ledger
  readonly #rotation: number
  readonly #onPause: (paused: boolean) => void
  #looked = -Infinity
  /** Whether `cancel` was asked for. */
  cancelled = false

  constructor(ledger: Ledger, rotation: number, onPause: (paused: boolean) => void) {
    this.#ledger = ledger
    this.#rotation = rotation
    this.#onPause = onPause
  }

  /**
   * Looks, not more often than makes sense, and waits while the run is paused.
   *
   * @param signal ends the waiting
   * @throws KeyfoldError ERR_LEASE_LOST
   */
  async look(signal: AbortSignal): Promise<void> {
    if (performance.now() - this.#looked < LOOK_MS) return
    let wish = this.#wish()
    if (wish === 'pause') {
      this.#onPause(true)
      while (wish === 'pause' && !signal.aborted) {
        // what ends the waiting says nothing more
        await delay(PAUSED_LOOK_MS, undefined, { signal }).catch(() => undefined)
        wish = this.#wish()
      }
      this.#onPause(false)
    }
    this.cancelled = wish === 'cancel'
  }

  #wish(): Wish | undefined {
    this.#ledger.leases.check()
    this.#looked = performance.now()
    return this.#ledger.rotations.wish(this.#rotation)
  }
}
