/** What is read of vitest's JSON report. */
export interface Report {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numPendingTests: number
  readonly numTodoTests: number
}

export interface Totals {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

/** A run that ended badly without a failed test (a file that did not load, an error between the tests, no test at all) is one failure. */
export function totalsOf(report: Report | undefined, status: number | null): Totals {
  const { numPassedTests: passed = 0, numFailedTests = 0, numPendingTests = 0, numTodoTests = 0 } = report ?? {}
  const broken = status !== 0 || passed === 0
  return { passed, failed: broken ? Math.max(1, numFailedTests) : numFailedTests, skipped: numPendingTests + numTodoTests }
}

export function totalsLine(name: string, { passed, failed, skipped }: Totals): string {
  return `${name}: ${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
}
