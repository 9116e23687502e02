import { setImmediate as breathe, setTimeout as sleep } from 'node:timers/promises'
import type { BatchSize } from './batch-size.ts'
import type { RunControl } from './run-control.ts'

/** Why a run ends before it is through; all that was done is saved, and a later run goes on, or begins anew where it was cancelled. */
export type Stop = 'interrupted' | 'cancelled' | 'max-duration' | 'max-errors'

/** What bounds a run. */
export interface Bounds {
  readonly signal: AbortSignal | undefined
  /** Milliseconds from `started` on. */
  readonly maxDuration: number | undefined
  /** So many records set aside end the run. */
  readonly maxErrors: number | undefined
  /** As `performance.now` told it. */
  readonly started: number
}

/** What is asked of a run from elsewhere: see `RunControl`. */
type Control = Pick<RunControl, 'look' | 'cancelled'>

/** What happens between two batches: whether the run goes on, stops, or waits first. The one place that decides it. */
export class BetweenBatches {
  readonly size: BatchSize
  /** Aborted when the run is to stop, for work that goes on for long by itself. */
  readonly signal: AbortSignal
  readonly #bounds: Bounds
  readonly #control: Control
  readonly #setAside: () => number
  readonly #timeIsUp: AbortSignal | undefined

  /** @param setAside how many records were set aside so far */
  constructor(bounds: Bounds, size: BatchSize, control: Control, setAside: () => number) {
    const { signal, maxDuration, started } = bounds
    this.#bounds = bounds
    this.size = size
    this.#control = control
    this.#setAside = setAside
    this.#timeIsUp = maxDuration === undefined ? undefined : AbortSignal.timeout(Math.max(0, Math.ceil(started + maxDuration - performance.now())))
    this.signal = AbortSignal.any([signal, this.#timeIsUp].filter((one) => one !== undefined))
  }

  /**
   * Waits where it has to, also while the run is paused; what ends the run, or undefined where it goes on.
   *
   * @throws KeyfoldError ERR_LEASE_LOST
   */
  async next(): Promise<Stop | undefined> {
    await breathe() // signals and timers get their turn
    const pause = this.stop() === undefined ? this.size.takePause() : 0
    // A stop ends the pause; what it rejects with says nothing more.
    if (pause > 0) await sleep(pause, undefined, { signal: this.signal }).catch(() => undefined)
    if (this.stop() === undefined) await this.#control.look(this.signal)
    return this.stop()
  }

  /** What ends the run now. */
  stop(): Stop | undefined {
    const { signal, maxErrors = Infinity } = this.#bounds
    if (signal?.aborted === true) return 'interrupted'
    if (this.#control.cancelled) return 'cancelled'
    if (this.#setAside() >= maxErrors) return 'max-errors'
    return this.#timeIsUp?.aborted === true ? 'max-duration' : undefined
  }
}
