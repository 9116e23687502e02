import { expect, test } from 'vitest'
import { median, medianOf, ratioOfMedians, ratioOverProcesses } from '../statistics.ts'

test('a median of an even number of samples lies between the two in the middle', () => {
  expect(median([1, 2, 3])).toBe(2)
  expect(medianOf([4, 1, 3, 2])).toBe(2.5)
})

test('samples that do not vary give an interval without width', () => {
  expect(ratioOfMedians([6, 6, 6], [3, 3, 3])).toEqual({ ratio: 2, low: 2, high: 2 })
})

test('the interval holds the ratio, and is the same for the same samples', () => {
  const over = [10, 11, 9, 10, 30, 10, 12, 9, 10, 11, 10]
  const under = [5, 5.5, 4.8, 5, 5, 14, 5.1, 4.9, 5, 5.2, 5]
  const first = ratioOfMedians(over, under)
  expect(first).toEqual(ratioOfMedians(over, under))
  expect(first.low).toBeLessThanOrEqual(first.ratio)
  expect(first.high).toBeGreaterThanOrEqual(first.ratio)
  expect(first.ratio).toBe(2)
})

test('a round that disturbs one side in five does not move the ratio', () => {
  const calm = Array.from({ length: 20 }, (_, i) => 10 + (i % 3) * 0.1)
  const disturbed = calm.map((sample, i) => (i % 5 === 0 ? sample * 8 : sample))
  expect(ratioOfMedians(disturbed, calm).low).toBeLessThan(1.02)
})

test('what is biased one way in half of the processes and the other way in the rest comes out even', () => {
  const rounds = (over: number, under: number) => ({ over: [over, over, over], under: [under, under, under] })
  const { ratio, low, high } = ratioOverProcesses([[rounds(12, 10), rounds(12, 10)], [rounds(10, 12), rounds(10, 12)]])
  for (const value of [ratio, low, high]) expect(value).toBeCloseTo(1, 10)
})

test('sides of different lengths are no pairs', () => {
  expect(() => ratioOfMedians([1, 2], [1])).toThrow(/as many/)
  expect(() => ratioOfMedians([], [])).toThrow(/at least one/)
})
