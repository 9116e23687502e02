/** How a run goes about the database: at full speed, or so that an application beside it hardly notices. */
interface Manner {
  /** Milliseconds after each batch. */
  readonly pause: number
  /** A write of more milliseconds is slow: whoever else writes waits as long. */
  readonly slow: number
  /** A batch does not get smaller: where each commit takes long, the same work would only take more of them. */
  readonly least: number
  readonly most: number
}

const FULL_SPEED: Manner = { pause: 0, slow: 250, least: 100, most: Infinity }
/** Measured beside a writer: docs/rotation.md, "Beside the application". */
const GENTLE: Manner = { pause: 50, slow: 20, least: 10, most: 50 }
/** The longest pause that a slow write is answered with. */
const LONGEST_PAUSE = 1000

/**
 * How many records the next batch has, and the pause before it. They follow the database: a slow write halves the batch, and a pause as long as the
 * write gives others their turn; while writes are quick it grows again, up to what was asked for.
 */
export class BatchSize {
  readonly #manner: Manner
  readonly #most: number
  #records: number
  #pause = 0
  #slowed = false

  constructor(batch: number, gentle: boolean) {
    this.#manner = gentle ? GENTLE : FULL_SPEED
    this.#most = Math.min(batch, this.#manner.most)
    this.#records = this.#most
  }

  get records(): number {
    return this.#records
  }

  /** Whether the database was found slow, and has not recovered yet. */
  get slowed(): boolean {
    return this.#slowed
  }

  /** Whether there is a pause after each batch, so that reading ahead would gain nothing. */
  get pauses(): boolean {
    return this.#manner.pause > 0
  }

  /** @param milliseconds what the write of a batch took, the wait for its lock included */
  wrote(milliseconds: number): void {
    const { slow, pause, least } = this.#manner
    const isSlow = milliseconds > slow
    if (isSlow) this.#records = Math.max(Math.min(least, this.#most), Math.floor(this.#records / 2))
    else if (milliseconds < slow / 2) this.#records = Math.min(this.#most, Math.ceil(this.#records * 1.25))
    this.#pause = Math.max(pause, isSlow ? Math.min(LONGEST_PAUSE, milliseconds) : 0)
    this.#slowed = this.#records < this.#most
  }

  /** Milliseconds to wait before the next batch; once for each write. */
  takePause(): number {
    const pause = this.#pause
    this.#pause = 0
    return pause
  }
}
