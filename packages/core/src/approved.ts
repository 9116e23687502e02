/** Approved algorithms alone, where a program has bound itself to them (`requireFips` in fips.ts). It cannot be undone, and holds for its thread. */
import { KeyfoldError } from './errors.ts'

/** A suite, or what does the arithmetic. */
export interface Algorithm {
  readonly name: string
  /** Uses only algorithms that FIPS 140 approves. */
  readonly fips: boolean
}

/** Tells whether FIPS mode is still on; undefined where nobody asked for it. */
let isFipsOn: (() => boolean) | undefined

/** From now on `assertApproved` refuses, unless FIPS mode is on, as `isOn` tells each time. */
export function requireApproved(isOn: () => boolean): void {
  isFipsOn = isOn
}

/** Whether this program has bound itself. */
export function isBound(): boolean {
  return isFipsOn !== undefined
}

/** ERR_FIPS for what is not approved, and for anything once FIPS mode was switched off, in a program that has bound itself. */
export function assertApproved({ name, fips }: Algorithm): void {
  if (isFipsOn === undefined) return
  if (!fips) throw new KeyfoldError('ERR_FIPS', `${name} is not approved`)
  if (!isFipsOn()) throw new KeyfoldError('ERR_FIPS', 'FIPS mode was switched off')
}
