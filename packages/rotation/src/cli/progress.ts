import cliProgress from 'cli-progress'
import type { Output } from './output.ts'
import { movesCursor } from './output.ts'
import { count, plural } from './table.ts'

/** One state of long work. */
interface Step {
  readonly store: string
  readonly table: string
  readonly column: string
  readonly done: number
  /** As counted or estimated at the start. */
  readonly total: number
  /** Waits for `resume`. */
  readonly paused?: boolean
  /** What holds the work up, where something does. */
  readonly slowedBy?: 'database' | 'key-service' | null
}

/** What shows the steps of long work. `end` leaves the last state on the screen. */
export interface ProgressView {
  step(step: Step): void
  end(): void
}

const LINE_INTERVAL_MS = 10_000

/**
 * A bar on a terminal; in a pipe or CI a line every ten seconds and one at the end; with `--json` the same as NDJSON on stdout.
 *
 * @param verb what is done to the records: `rotated`, `opened`
 */
export function progressView(output: Output, verb: string): ProgressView {
  const meter = new Meter(verb)
  if (output.json) return new Lines((step) => output.event('progress', { ...step, ...meter.rateOf(step) }))
  return movesCursor(process.stderr) ? new Bar(meter) : new Lines((step) => output.message(meter.describe(step)))
}

/** Lets through one state in ten seconds, the first one after as long: short work says nothing. */
export function everyTenSeconds<T>(write: (state: T) => void): (state: T) => void {
  let next = performance.now() + LINE_INTERVAL_MS
  return (state) => {
    if (performance.now() < next) return
    next = performance.now() + LINE_INTERVAL_MS
    write(state)
  }
}

/** Tells how fast work goes and how long it still takes. */
class Meter {
  readonly #verb: string
  readonly #started = performance.now()

  constructor(verb: string) {
    this.#verb = verb
  }

  rateOf({ done, total }: Step): { recordsPerSecond: number; secondsLeft: number | null } {
    const seconds = Math.max(0.001, (performance.now() - this.#started) / 1000)
    const left = done === 0 ? null : Math.max(0, Math.ceil(((total - done) * seconds) / done))
    return { recordsPerSecond: Math.round(done / seconds), secondsLeft: left }
  }

  describe(step: Step): string {
    const { done, table, column } = step
    const total = Math.max(step.total, done)
    const { recordsPerSecond, secondsLeft } = this.rateOf(step)
    if (step.paused === true) return `paused at ${count(done)} of ${plural(total, 'record')}; kms-rotate resume lets it go on (${table}.${column})`
    const left = secondsLeft === null || done >= total ? '' : `, ${duration(secondsLeft)} left`
    const waiting = step.slowedBy === 'key-service' ? ', waiting: the key service throttles' : ''
    return `${this.#verb} ${count(done)} of ${plural(total, 'record')}, ${count(recordsPerSecond)}/s${left} (${table}.${column})${waiting}`
  }
}

/** `40 s`, `12 min`, `3 h 5 min`. */
export function duration(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`
  const minutes = Math.round(seconds / 60)
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

class Lines implements ProgressView {
  readonly #write: (step: Step) => void
  #next = performance.now() + LINE_INTERVAL_MS
  #pending: Step | undefined

  constructor(write: (step: Step) => void) {
    this.#write = write
  }

  step(step: Step): void {
    this.#pending = step
    if (performance.now() >= this.#next) this.end()
  }

  end(): void {
    if (this.#pending === undefined) return
    this.#write(this.#pending)
    this.#pending = undefined
    this.#next = performance.now() + LINE_INTERVAL_MS
  }
}

class Bar implements ProgressView {
  readonly #meter: Meter
  readonly #bar = new cliProgress.SingleBar({
    stream: process.stderr,
    hideCursor: true,
    // our own handler of signals lets the batch end first
    gracefulExit: false,
    format: '{bar} {percentage}%  {text}',
    barCompleteChar: '█',
    barIncompleteChar: '░',
    barsize: 20,
    fps: 8,
  })
  #started = false

  constructor(meter: Meter) {
    this.#meter = meter
  }

  step(step: Step): void {
    const text = this.#meter.describe(step)
    if (!this.#started) this.#bar.start(Math.max(step.total, 1), step.done, { text })
    this.#started = true
    this.#bar.setTotal(Math.max(step.total, 1))
    this.#bar.update(step.done, { text })
  }

  end(): void {
    if (this.#started) this.#bar.stop()
    this.#started = false
  }
}
