import { expect, test } from 'vitest'
import { totalsLine, totalsOf } from '../totals.ts'

const report = { numPassedTests: 12, numFailedTests: 0, numPendingTests: 1, numTodoTests: 0 }

test('the line tells what ran, failed and was skipped', () => {
  expect(totalsLine('test', totalsOf(report, 0))).toBe('test: 12 passed, 0 failed, 1 skipped')
  expect(totalsLine('test', totalsOf({ ...report, numFailedTests: 3, numPendingTests: 0 }, 1))).toBe('test: 12 passed, 3 failed')
})

test('a run that broke without a failed test is not taken for a success', () => {
  expect(totalsOf(report, 1).failed).toBe(1)
  expect(totalsOf(report, null).failed).toBe(1)
  expect(totalsOf(undefined, 0).failed).toBe(1)
  expect(totalsOf({ ...report, numPassedTests: 0 }, 0).failed).toBe(1)
})
