import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'

/** One line of a benchmark: what it took, and what the least that could do the same work took in the same run. */
export interface Result {
  readonly name: string
  /** Microseconds per call or row, the median. */
  readonly us: number
  readonly floorUs: number
  /** floorUs / us: 1 is as fast as the floor. */
  readonly ofFloor: number
}

export function result(name: string, us: number, floorUs: number): Result {
  return { name, us: round(us), floorUs: round(floorUs), ofFloor: round(floorUs / us) }
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000
}

/** The results as JSON, schema `keyfold-bench/1`. */
export function writeJson(file: string, results: readonly Result[]): void {
  const machine = { node: process.version, cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length }
  writeFileSync(file, `${JSON.stringify({ schema: 'keyfold-bench/1', machine, results }, null, 2)}\n`)
}

/** The results as a table for people. */
export function table(title: string, floor: string, results: readonly Result[]): string {
  const width = Math.max(...results.map(({ name }) => name.length))
  const rows = results.map(({ name, us, floorUs, ofFloor }) =>
    [name.padEnd(width), number(us), number(floorUs), `${(ofFloor * 100).toFixed(0)} %`.padStart(9)].join('  '),
  )
  const head = [''.padEnd(width), 'us'.padStart(9), 'floor us'.padStart(9), 'of floor'.padStart(9)].join('  ')
  return [`${title} (floor: ${floor})`, head, ...rows].join('\n')
}

function number(us: number): string {
  return us.toFixed(us < 100 ? 2 : 0).padStart(9)
}
