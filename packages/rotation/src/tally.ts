import type { Action } from './key-batches.ts'
import type { ColumnPlace, Ledger } from './ledger/types.ts'

/** How far a run is, after each batch. */
export interface RotationProgress extends ColumnPlace {
  /** The pass over all columns; later ones pick up what was written meanwhile. */
  readonly pass: number
  /** Cells that were dealt with, of those that were pending when the run began. */
  readonly done: number
  readonly total: number
  readonly sealed: number
  readonly rewrapped: number
  readonly reencrypted: number
  readonly unsealed: number
  readonly conflicts: number
  readonly quarantined: number
  /** Waits since `pause` was asked for, until `resume` is. */
  readonly paused: boolean
  /** What holds the run up at the moment: a slow database makes batches smaller, a key service that throttles makes calls wait. */
  readonly slowedBy: 'database' | 'key-service' | null
}

/** The names of the counts. */
export const COUNTED_AS = {
  seal: 'sealed', rewrap: 'rewrapped', reencrypt: 'reencrypted', unseal: 'unsealed',
} as const satisfies Record<Action, string>

/** The counts of one run. */
export class Tally {
  readonly #report: (progress: RotationProgress) => void
  readonly #total: number
  readonly #slowedBy: () => RotationProgress['slowedBy']
  readonly #scrubs = new Set<string>()
  readonly counts = { sealed: 0, rewrapped: 0, reencrypted: 0, unsealed: 0, conflicts: 0 }
  #last: RotationProgress | undefined
  pass = 0
  quarantined = 0

  constructor(total: number, slowedBy: () => RotationProgress['slowedBy'], report: (progress: RotationProgress) => void) {
    this.#total = total
    this.#slowedBy = slowedBy
    this.#report = report
  }

  startPass(pass: number): void {
    this.pass = pass
    this.quarantined = 0
  }

  count(action: Action, written: number, conflicts: number): void {
    this.counts[COUNTED_AS[action]] += written
    this.counts.conflicts += conflicts
  }

  requireScrub(ledger: Ledger, store: string): void {
    if (this.#scrubs.has(store)) return
    ledger.scrubs.require(store)
    this.#scrubs.add(store)
  }

  progress({ store, table, column }: ColumnPlace, quarantined: number): void {
    this.quarantined += quarantined
    const { sealed, rewrapped, reencrypted, unsealed } = this.counts
    const done = sealed + rewrapped + reencrypted + unsealed + this.quarantined
    const total = Math.max(this.#total, done)
    const counts = { ...this.counts, quarantined: this.quarantined }
    this.#say({ store, table, column, pass: this.pass, done, total, ...counts, paused: false, slowedBy: this.#slowedBy() })
  }

  /** Says the same again, since what holds the run up has changed. */
  again(paused = false): void {
    if (this.#last !== undefined) this.#say({ ...this.#last, paused, slowedBy: this.#slowedBy() })
  }

  #say(progress: RotationProgress): void {
    this.#last = progress
    this.#report(progress)
  }
}
