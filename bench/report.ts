/** What a benchmark found, and how it is shown in a terminal. */
import type { Timing } from './interleave.ts'
import { ratioOfMedians } from './statistics.ts'

/** One line of a benchmark: what it took, and what the least that could do the same work took in the same run. */
export interface Result {
  readonly name: string
  /** Microseconds per call or row, the median. */
  readonly us: number
  readonly floorUs: number
  /** floorUs / us: 1 is as fast as the floor. */
  readonly ofFloor: number
  /** In which `ofFloor` lies with a confidence of 95 %; left out where there were too few rounds to tell. */
  readonly interval?: readonly [low: number, high: number]
  /** Where another library did the work: what the same work took Keyfold in the same rounds, and what this library leaves undone. */
  readonly peer?: { readonly library: string; readonly timesKeyfold: number; readonly lacks: string }
}

/** What is no matter of time: bytes, MB/s. */
export interface Figure {
  readonly name: string
  readonly value: number
  readonly unit: string
}

/** What stands below one heading. */
export interface Section {
  readonly title: string
  /** What the floor of its results is. */
  readonly floor: string
  readonly results: readonly Result[]
  readonly figures?: readonly Figure[]
  /** Sentences below the table: what could not be measured and why. */
  readonly notes?: readonly string[]
}

const FEWEST_ROUNDS = 5

export function result(name: string, us: number, floorUs: number): Result {
  return { name, us: round(us), floorUs: round(floorUs), ofFloor: round(floorUs / us) }
}

/** As `result`, from what `interleave` gave, for `per` records a call. */
export function compared(name: string, timing: Timing, floor: Timing, per = 1): Result {
  const plain = result(name, timing.us / per, floor.us / per)
  if (timing.samples.length < FEWEST_ROUNDS) return plain
  const { low, high } = ratioOfMedians(floor.samples, timing.samples)
  return { ...plain, interval: [round(low), round(high)] }
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000
}

/** A section as a table for people. */
export function table({ title, floor, results, figures = [], notes = [] }: Section): string {
  const names = [...results, ...figures].map(({ name }) => name.length)
  const width = Math.max(0, ...names)
  const head = [''.padEnd(width), 'us'.padStart(9), 'floor us'.padStart(9), 'of floor'.padStart(9), 'interval'.padStart(11)].join('  ')
  return [
    results.length > 0 ? `${title} (floor: ${floor})` : title,
    ...(results.length > 0 ? [head] : []),
    ...results.map((one) => resultLine(one, width)),
    ...figures.map(({ name, value, unit }) => `${name.padEnd(width)}  ${shown(value).padStart(9)}  ${unit}`),
    ...notes,
  ].join('\n')
}

function resultLine({ name, us, floorUs, ofFloor, interval, peer }: Result, width: number): string {
  const cells = [name.padEnd(width), shown(us).padStart(9), shown(floorUs).padStart(9), percent(ofFloor).padStart(9)]
  cells.push((interval === undefined ? '' : `${percent(interval[0])}-${percent(interval[1])}`.replace(' %-', '-')).padStart(11))
  if (peer !== undefined) cells.push(`${peer.timesKeyfold} x Keyfold${peer.lacks === '' ? '' : `; ${peer.lacks}`}`)
  return cells.join('  ').trimEnd()
}

/** A share as people read it. */
export function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`
}

/** A number of microseconds, bytes or the like with three digits or so. */
export function shown(value: number): string {
  return Number.isInteger(value) || value >= 100 ? value.toFixed(0) : value.toFixed(2)
}
