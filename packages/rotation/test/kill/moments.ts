import type { Random } from './random.ts'
import type { Death, Moment } from './victim.ts'

/** What a cycle is about. */
export type Mode = 'seal' | 'rewrap' | 'compromise'

/** How many threads a run has: the first does the key work, a second one that of the database. */
export type Threads = 1 | 2

/** In turn, from cycle to cycle; two databases that are worked on at once are out of step. */
export function threadsIn(database: number, cycle: number): Threads {
  return (database + cycle) % 2 === 0 ? 1 : 2
}

/** A guess until the first run of a mode has ended: milliseconds of work a row. */
const GUESS_MS: Readonly<Record<Mode, number>> = { seal: 0.05, rewrap: 0.05, compromise: 0.09 }
/** So much of a start passes before the command touches a file. */
const BOOT = 0.7
/** How the time that a start takes is corrected by a death before the work, and by one within: in balance where one in five dies too early. */
const LATER = 1.25
const SOONER = 0.94
const LONGEST_START_MS = 10_000
const LONG = 0.06
const SHORTEST_WINDOW_MS = 40

/**
 * Draws the moments at which runs die: uniform over the work of a cycle, which so many kills cut into pieces; at times uniform over all that is left
 * of it; and where strace is, as the run makes its n-th writing call, small n as likely as large ones.
 */
export class Moments {
  readonly #random: Random
  readonly #rows: number
  readonly #traced: number
  readonly #work = new Map<Mode, number>()
  #startup: number

    /**
   * @param traced the share of deaths at a call, from 0 to 1
   * @param startup milliseconds that a start takes, more or less
   */
  constructor(random: Random, rows: number, traced: number, startup: number) {
    this.#startup = startup
    this.#random = random
    this.#rows = rows
    this.#traced = traced
  }

  /** Milliseconds of work in a whole cycle. */
  workOf(mode: Mode): number {
    return this.#work.get(mode) ?? this.#rows * GUESS_MS[mode] + 100
  }

  draw(mode: Mode, kills: number, worked: number): Moment {
    if (this.#random.chance(this.#traced)) return { call: this.#random.logarithmic(this.#random.pick([60, 3000])) }
    const work = this.workOf(mode)
    const rest = Math.max(SHORTEST_WINDOW_MS, work - worked)
    const window = this.#random.chance(LONG) ? rest : Math.max(SHORTEST_WINDOW_MS, Math.min(rest, (2 * work) / kills))
    return { milliseconds: this.#startup * BOOT + this.#random.next() * (this.#startup * (1 - BOOT) + window) }
  }

  /** A busy machine starts slowly: whoever dies before the work says so. */
  learnDeath(moment: Moment, early: boolean): void {
    if (moment === 'never' || 'call' in moment) return
    this.#startup = Math.min(LONGEST_START_MS, this.#startup * (early ? LATER : SOONER))
  }

  /** What a run that ended says of the time that a start takes. @param working milliseconds of the run itself, by its own report */
  learnStart({ milliseconds }: Death, working: number): void {
    this.#startup += (Math.max(50, milliseconds - working) - this.#startup) * 0.3
  }

  /** How long the dead and the last run of a cycle worked, their starts left out. */
  worked({ milliseconds }: Death): number {
    return Math.max(0, milliseconds - this.#startup)
  }

  learnWork(mode: Mode, milliseconds: number): void {
    this.#work.set(mode, this.workOf(mode) * 0.5 + milliseconds * 0.5)
  }
}
