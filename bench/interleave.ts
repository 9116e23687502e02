/** Times candidates against each other on a noisy machine: in turn, round by round, in one process, and compares medians. */

/** A piece of work, done once per call. */
export type Work = () => unknown

export interface Timing {
  /** Microseconds per call, the median over the rounds. */
  readonly us: number
  /** The smallest and the largest round, for a reader who wants to know how noisy the machine was. */
  readonly range: readonly [least: number, most: number]
}

const ROUNDS = 15
/** One round of one candidate: long enough for the clock, short enough that a busy neighbour hits all candidates alike. */
const ROUND_MS = 20

/** Runs all candidates in every round; the order turns from round to round, so that none always follows the same one. */
export function interleave<Name extends string>(candidates: Readonly<Record<Name, Work>>, rounds = ROUNDS): Record<Name, Timing> {
  const names = Object.keys(candidates) as Name[]
  const calls = new Map(names.map((name) => [name, callsPerRound(candidates[name])]))
  const samples = new Map<Name, number[]>(names.map((name) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < names.length; i++) {
      const name = names[(i + round) % names.length]!
      samples.get(name)!.push(timeCalls(candidates[name], calls.get(name)!))
    }
  }
  return Object.fromEntries(names.map((name) => [name, summary(samples.get(name)!)])) as Record<Name, Timing>
}

/** As `interleave`, for work that waits and is long enough for the clock by itself: one call a round, after one to warm up. */
export async function interleaveLong<Name extends string>(
  candidates: Readonly<Record<Name, () => Promise<unknown>>>,
  rounds = ROUNDS,
): Promise<Record<Name, Timing>> {
  const names = Object.keys(candidates) as Name[]
  const samples = new Map<Name, number[]>(names.map((name) => [name, []]))
  for (let round = -1; round < rounds; round++) {
    for (let i = 0; i < names.length; i++) {
      const name = names[(i + round + 1) % names.length]!
      const start = process.hrtime.bigint()
      await candidates[name]()
      if (round >= 0) samples.get(name)!.push(Number(process.hrtime.bigint() - start) / 1000)
    }
  }
  return Object.fromEntries(names.map((name) => [name, summary(samples.get(name)!)])) as Record<Name, Timing>
}

/** Warms the candidate up while it finds out how many calls fill a round. */
function callsPerRound(work: Work): number {
  let calls = 8
  for (;;) {
    const us = timeCalls(work, calls)
    if (us * calls > ROUND_MS * 1000) return calls
    calls = Math.ceil(Math.max(calls * 1.5, (ROUND_MS * 1000) / Math.max(us, 0.01)))
  }
}

function timeCalls(work: Work, calls: number): number {
  const start = process.hrtime.bigint()
  for (let i = 0; i < calls; i++) work()
  return Number(process.hrtime.bigint() - start) / 1000 / calls
}

function summary(samples: readonly number[]): Timing {
  const sorted = samples.toSorted((a, b) => a - b)
  return { us: median(sorted), range: [sorted[0]!, sorted.at(-1)!] }
}

/** The middle of sorted numbers. */
export function median(sorted: readonly number[]): number {
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
