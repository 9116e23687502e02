/** Times candidates against each other on a noisy machine: in turn, round by round, in one process, and compares medians. */
import { medianOf } from './statistics.ts'

export { median } from './statistics.ts'

/** A piece of work, done once per call; one that gives a promise is waited for. */
export type Work = () => unknown

export interface Timing {
  /** Microseconds per call, the median over the rounds. */
  readonly us: number
  /** Microseconds per call of each round. The same place in the samples of two candidates is the same round. */
  readonly samples: readonly number[]
}

/** How long to measure. */
export interface Effort {
  /** The most rounds, and the fewest, between which `budgetMs` decides. */
  readonly rounds: number
  readonly fewest: number
  /** What all candidates together may take, where that allows for the fewest rounds. */
  readonly budgetMs: number
  /**
   * One round of one candidate: long enough for the clock, shorter than the time that the system gives to a neighbour at once, so that most rounds
   * are undisturbed. Work that takes longer is done once a round.
   */
  readonly roundMs: number
  /** So long every candidate runs before it is measured, so that it is compiled by then. */
  readonly warmMs: number
}

export const FULL: Effort = { rounds: 61, fewest: 11, budgetMs: 4000, roundMs: 4, warmMs: 300 }
/** Shows that a suite runs; its figures are rough. */
export const QUICK: Effort = { rounds: 5, fewest: 5, budgetMs: 1000, roundMs: 4, warmMs: 30 }

interface Candidate {
  readonly work: Work
  readonly waits: boolean
  readonly calls: number
  /** Of one round. */
  readonly ms: number
  readonly samples: number[]
}

/** Runs all candidates in every round; the order turns from round to round, so that none always follows the same one. */
export async function interleave<Name extends string>(
  candidates: Readonly<Record<Name, Work>>,
  effort: Effort = FULL,
): Promise<Record<Name, Timing>> {
  const names = Object.keys(candidates) as Name[]
  const turns: Candidate[] = []
  for (const name of names) turns.push(await warmedUp(candidates[name], effort))
  const roundMs = turns.reduce((sum, { ms }) => sum + ms, 0)
  const rounds = Math.max(effort.fewest, Math.min(effort.rounds, Math.floor(effort.budgetMs / roundMs)))
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < turns.length; i++) {
      const { work, waits, calls, samples } = turns[(i + round) % turns.length]!
      samples.push(waits ? await timeWaiting(work, calls) : timeCalls(work, calls))
    }
  }
  const timings = names.map((name, i) => [name, { us: medianOf(turns[i]!.samples), samples: turns[i]!.samples }])
  return Object.fromEntries(timings) as Record<Name, Timing>
}

/** No neighbour takes a processor for so long. */
const SURELY_LONG_MS = 100

/**
 * Finds out whether the work waits, and how many calls fill a round. Work that fills one in a single call is long: if it does so twice, since a
 * neighbour may have had the processor meanwhile. Short work that is taken for long is called once a round, cold, and looks several times slower.
 */
async function warmedUp(work: Work, { roundMs, warmMs }: Effort): Promise<Candidate> {
  const first = work()
  const waits = first instanceof Promise
  await first
  let calls = 1
  for (let spentMs = 0, long = 0; ; ) {
    const us = waits ? await timeWaiting(work, calls) : timeCalls(work, calls)
    const ms = (us * calls) / 1000
    spentMs += ms
    if (calls === 1 && ms >= roundMs) long++
    const enough = calls === 1 ? long === 2 || ms >= SURELY_LONG_MS : spentMs >= warmMs
    if (ms >= roundMs && enough) return { work, waits, calls, ms, samples: [] }
    calls = Math.max(calls, Math.min(calls * 4, Math.ceil((roundMs * 1050) / Math.max(us, 0.01))))
  }
}

function timeCalls(work: Work, calls: number): number {
  const start = process.hrtime.bigint()
  for (let i = 0; i < calls; i++) work()
  return Number(process.hrtime.bigint() - start) / 1000 / calls
}

async function timeWaiting(work: Work, calls: number): Promise<number> {
  const start = process.hrtime.bigint()
  for (let i = 0; i < calls; i++) await work()
  return Number(process.hrtime.bigint() - start) / 1000 / calls
}
