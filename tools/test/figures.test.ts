import { expect, test } from 'vitest'
import { figureLine, percent } from '../figure.ts'
import { countsOf, detailLine, scoreOf } from '../mutation/score.ts'

test('a share below its bar never reads as if it held', () => {
  expect(percent(96_999, 100_000)).toBe(96.9)
  expect(percent(97, 100)).toBe(97)
  expect(percent(1, 3)).toBe(33.3)
  expect(figureLine('coverage', 'core', percent(96_999, 100_000), 'lines', 97)).toBe('coverage: core 96.9 % of lines (bar 97 %)')
})

test('nothing measured is no success', () => {
  expect(percent(0, 0)).toBe(0)
  expect(scoreOf(countsOf([]))).toBe(0)
})

test('code that no test runs counts as survived; what was ignored or does not load counts neither way', () => {
  const statuses = ['Killed', 'Killed', 'Timeout', 'Survived', 'NoCoverage', 'Ignored', 'RuntimeError', 'CompileError'] as const
  const counts = countsOf(statuses.map((status) => ({ status })))
  expect(scoreOf(counts)).toBe(60)
  expect(detailLine(counts)).toBe('3 killed (1 by time), 1 survived, 1 in code that no test runs; 1 ignored, 2 did not load')
})

test('a mutant that was never tried counts as survived', () => {
  expect(scoreOf(countsOf([{ status: 'Pending' }, { status: 'Killed' }]))).toBe(50)
})
