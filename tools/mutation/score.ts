import type { MutantResult } from '@stryker-mutator/api/core'
import { percent } from '../figure.ts'

export interface Counts {
  /** Mutants that count: all but the ignored ones and those that do not run. */
  readonly valid: number
  /** Noticed: a test failed, or did not come to its end. */
  readonly killed: number
  readonly timedOut: number
  readonly survived: number
  /** No test runs the code at all; counts as survived. */
  readonly uncovered: number
  readonly ignored: number
  /** Code that does not load, which says nothing about the tests. */
  readonly broken: number
}

export function countsOf(results: ReadonlyArray<Pick<MutantResult, 'status'>>): Counts {
  const count = (...statuses: ReadonlyArray<MutantResult['status']>): number => results.filter(({ status }) => statuses.includes(status)).length
  return {
    valid: count('Killed', 'Timeout', 'Survived', 'NoCoverage', 'Pending'),
    killed: count('Killed', 'Timeout'),
    timedOut: count('Timeout'),
    survived: count('Survived'),
    uncovered: count('NoCoverage'),
    ignored: count('Ignored'),
    broken: count('CompileError', 'RuntimeError'),
  }
}

/** Per cent of the valid mutants; none at all is no success. */
export function scoreOf({ killed, valid }: Counts): number {
  return percent(killed, valid)
}

export function detailLine({ killed, timedOut, survived, uncovered, ignored, broken }: Counts): string {
  const alive = `${survived} survived, ${uncovered} in code that no test runs`
  return `${killed} killed (${timedOut} by time), ${alive}; ${ignored} ignored, ${broken} did not load`
}
