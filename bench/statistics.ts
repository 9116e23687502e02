/** Medians, and how sure one may be of the ratio of two of them. */

/** The middle of sorted numbers. */
export function median(sorted: readonly number[]): number {
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** The middle of numbers in any order. */
export function medianOf(samples: readonly number[]): number {
  return median(samples.toSorted((a, b) => a - b))
}

/** A ratio and the interval in which it lies with a confidence of 95 %. */
export interface Ratio {
  readonly ratio: number
  readonly low: number
  readonly high: number
}

const RESAMPLES = 2000
const CONFIDENCE = 0.95

/**
 * The ratio of two medians, with a percentile bootstrap (Efron and Tibshirani, chapter 13). Samples are paired by their round: a round that a busy
 * neighbour disturbed is drawn, or not, for both sides. The same samples give the same interval.
 */
export function ratioOfMedians(over: readonly number[], under: readonly number[]): Ratio {
  return ratioOverProcesses([[{ over, under }]])
}

/** The rounds of one process. */
export interface Rounds {
  readonly over: readonly number[]
  readonly under: readonly number[]
}

/**
 * The geometric mean of what each process finds, where processes of several kinds are biased in opposite ways: the mean takes that out. The
 * bootstrap draws processes within each kind, and rounds within each process.
 */
export function ratioOverProcesses(kinds: ReadonlyArray<readonly Rounds[]>): Ratio {
  for (const { over, under } of kinds.flat()) {
    if (over.length !== under.length || over.length === 0) throw new Error('a ratio needs as many samples above as below, and at least one')
  }
  const random = generator(kinds.flat().length)
  const drawn = <T>(from: readonly T[]): T[] => from.map(() => from[Math.floor(random() * from.length)]!)
  const ratios = Array.from({ length: RESAMPLES }, () => {
    const processes = kinds.flatMap(drawn)
    return geometricMean(processes.map(({ over, under }) => {
      const rounds = drawn([...over.keys()])
      return medianOf(rounds.map((round) => over[round]!)) / medianOf(rounds.map((round) => under[round]!))
    }))
  }).toSorted((a, b) => a - b)
  const tail = Math.floor((RESAMPLES * (1 - CONFIDENCE)) / 2)
  const ratio = geometricMean(kinds.flat().map(({ over, under }) => medianOf(over) / medianOf(under)))
  return { ratio, low: ratios[tail]!, high: ratios[RESAMPLES - 1 - tail]! }
}

function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length)
}

/** mulberry32: numbers from 0 to 1, the same for the same seed. Not for secrets. */
function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
