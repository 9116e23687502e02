/** An application beside a rotation: what bench/rotation-load.ts measures, as a suite. */
import type { Figure } from '../report.ts'
import { benchRotationLoad } from '../rotation-load.ts'
import type { Suite } from '../suite.ts'

const QUICK_ROWS = 2000

export const rotationLoad: Suite = {
  name: 'rotation-load',
  async run({ rows, quick }) {
    const figures = (await benchRotationLoad(quick ? QUICK_ROWS : rows)).flatMap(({ name, read, write, rowsPerSecond }): Figure[] => [
      { name: `${name}, read p50`, value: hundredths(read.p50), unit: 'ms' },
      { name: `${name}, read p99`, value: hundredths(read.p99), unit: 'ms' },
      { name: `${name}, write p50`, value: hundredths(write.p50), unit: 'ms' },
      { name: `${name}, write p99`, value: hundredths(write.p99), unit: 'ms' },
      { name: `${name}, rotated meanwhile`, value: rowsPerSecond, unit: 'rows/s' },
    ])
    return { title: 'An application beside a rotation: 200 reads and 100 writes a second', floor: '', results: [], figures }
  },
}

function hundredths(milliseconds: number): number {
  return Math.round(milliseconds * 100) / 100
}
