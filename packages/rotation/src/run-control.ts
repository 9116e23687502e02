import { setTimeout as delay } from 'node:timers/promises'
import type { Ledger } from './ledger/types.ts'

/** So often a run looks whether something is asked of it. */
const LOOK_MS = 100
const PAUSED_LOOK_MS = 250

/** What a run asks between two batches: may it go on? A signal says no, or another terminal through the ledger, or the lease that was lost. */
export class RunControl {
  readonly #ledger: Ledger
  readonly #rotation: number
  readonly #signal: AbortSignal | undefined
  readonly #onPause: (paused: boolean) => void
  #looked = -Infinity
  /** Whether `cancel` is what ended the run. */
  cancelled = false

  constructor(ledger: Ledger, rotation: number, signal: AbortSignal | undefined, onPause: (paused: boolean) => void = () => undefined) {
    this.#ledger = ledger
    this.#rotation = rotation
    this.#signal = signal
    this.#onPause = onPause
  }

  /**
   * Waits while the run is paused, then says whether it ends here.
   *
   * @throws KeyfoldError ERR_LEASE_LOST
   */
  async stops(): Promise<boolean> {
    if (this.#aborted() || this.cancelled) return true
    if (performance.now() - this.#looked < LOOK_MS) return false
    let wish = this.#look()
    if (wish === 'pause') {
      this.#onPause(true)
      while (wish === 'pause' && !this.#aborted()) {
        await delay(PAUSED_LOOK_MS, undefined, { signal: this.#signal }).catch(() => undefined)
        wish = this.#look()
      }
      this.#onPause(false)
    }
    this.cancelled = wish === 'cancel'
    return this.cancelled || this.#aborted()
  }

  #aborted(): boolean {
    return this.#signal?.aborted === true
  }

  #look(): ReturnType<Ledger['rotations']['wish']> {
    this.#ledger.leases.check()
    this.#looked = performance.now()
    return this.#ledger.rotations.wish(this.#rotation)
  }
}
