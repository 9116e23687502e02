import { expect, test } from 'vitest'
import { figureLine, percent } from '../figure.ts'
import { isOfPart, parsePart, uncertainty } from '../mutation/part.ts'
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

test('a part is K/N, and nothing else', () => {
  expect(parsePart('2/4')).toEqual({ part: 2, of: 4 })
  expect(parsePart('1/1')).toEqual({ part: 1, of: 1 })
  for (const text of ['', '0/4', '5/4', '1/0', '1', '1/4x', '-1/4', '1/100']) expect(parsePart(text)).toBeUndefined()
})

test('every mutant is of exactly one part, on every machine, and the parts are about as large', () => {
  const location = (line: number) => ({ start: { line, column: 1 }, end: { line, column: 9 } })
  const mutant = (line: number, folder = '/a') => ({
    fileName: `${folder}/packages/core/src/a.ts`, location: location(line), mutatorName: 'StringLiteral', replacement: '""',
  })
  const sizes = [1, 2, 3, 4].map((part) => Array.from({ length: 1000 }, (_, i) => isOfPart({ part, of: 4 }, mutant(i))).filter(Boolean).length)
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(1000)
  expect(Math.min(...sizes)).toBeGreaterThan(200)
  for (let i = 0; i < 50; i++) expect(isOfPart({ part: 1, of: 4 }, mutant(i))).toBe(isOfPart({ part: 1, of: 4 }, mutant(i, 'C:\\b\\.tmp')))
})

test('a mutant is of the same part in whatever order its place is written', () => {
  const mutant = { fileName: 'packages/core/src/a.ts', mutatorName: 'StringLiteral', replacement: '""' }
  for (let line = 1; line < 50; line++) {
    const one = { ...mutant, location: { start: { line, column: 1 }, end: { line, column: 9 } } }
    const other = { ...mutant, location: { end: { column: 9, line }, start: { column: 1, line } } }
    expect(isOfPart({ part: 1, of: 4 }, other)).toBe(isOfPart({ part: 1, of: 4 }, one))
  }
})

test('a part says how far it may be from the whole', () => {
  expect(uncertainty(90, 400, 1_000_000)).toBeCloseTo(2.94, 2)
  expect(uncertainty(90, 400, 400)).toBe(0)
})
