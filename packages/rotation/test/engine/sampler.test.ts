/** Which records a sample takes. */
import { expect, test } from 'vitest'
import { freshSeed, sampler, wantedOf } from '../../src/sample.ts'

const PLACE = { store: 's', table: 't', column: 'c' }
const positions = Array.from({ length: 1000 }, (_, i) => `["integer:${i}"]`)
const picked = (seed: string, wanted: number, place = PLACE): string[] => positions.filter(sampler(seed, place, wanted, positions.length))

test('the same by seed; another one by another seed, store, table or column', () => {
  const first = picked('a', 200)
  expect(picked('a', 200)).toEqual(first)
  const others = [
    picked('b', 200),
    ...[{ store: 'x' }, { table: 'x' }, { column: 'x' }].map((change) => picked('a', 200, { ...PLACE, ...change })),
    // names that are the same when they are put together
    picked('a', 200, { store: 'st', table: '', column: 'c' }),
  ]
  expect(new Set([first, ...others].map((sample) => sample.join())).size).toBe(6)
})

test('a larger sample has the smaller one in it', () => {
  const large = new Set(picked('a', 500))
  expect(picked('a', 50).filter((position) => !large.has(position))).toEqual([])
})

test('about as many as are wanted', () => {
  for (const wanted of [100, 500, 900]) {
    const { length } = picked('a', wanted)
    expect(Math.abs(length - wanted)).toBeLessThan(5 * Math.sqrt(wanted * (1 - wanted / 1000)))
  }
})

test('all of them where no fewer are wanted', () => {
  for (const wanted of [1000, 1001, Infinity]) expect(picked('a', wanted)).toEqual(positions)
})

test('said to be sparse where less than a quarter is taken', () => {
  const sparse = (wanted: number): unknown => sampler('a', PLACE, wanted, 1000).sparse
  expect([1, 249, 250, 999, 1000, 2000].map(sparse)).toEqual([true, true, undefined, undefined, undefined, undefined])
})

test('a statement gets somewhat more than it takes, and never more than there are', () => {
  expect(wantedOf(1_000_000, { records: 7 })).toBe(7)
  // 459 records, and four standard deviations of their number
  expect(wantedOf(100_000_000, { confidence: 0.99, margin: 0.01 })).toBe(459 + 86)
  expect(wantedOf(200, { confidence: 0.99, margin: 0.01 })).toBe(200)
  expect(wantedOf(0, { confidence: 0.99, margin: 0.01 })).toBe(0)
})

test('a seed is fresh, and short enough to be told on', () => {
  const seeds = Array.from({ length: 100 }, freshSeed)
  expect(new Set(seeds).size).toBe(100)
  for (const seed of seeds) expect(seed).toMatch(/^[0-9a-f]{16}$/)
})
