import { KeyfoldError } from '@keyfold/core'

/** How fast a run goes, and what ends it early. */
export interface RunLimits {
  /** The most records in a transaction: 1 to 10000, 500 where it is left out. Fewer where the database is slow or values are large. */
  readonly batch?: number
  /** Batches of at most 50 with pauses of 50 ms, so that an application beside it hardly notices: some hundred records a second. */
  readonly gentle?: boolean
  /** How many records are with key services at once, each with one call at a time: 1 to 256, 16 where it is left out. Nothing to local keys. */
  readonly concurrency?: number
  /**
   * Calls of key services in a second, all keys together: 0.1 to 100000, no limit where it is left out. Calls that are made anew count too; those
   * that a wrapper makes by itself do not, so give it one attempt (`awsKms(arn, { attempts: 1 })`).
   */
  readonly kmsRps?: number
  /** Milliseconds after which the run ends with its batch, 1 to 2147483647; the outcome is then `max-duration`. */
  readonly maxDuration?: number
  /** Ends the run once so many records were set aside, 1 or more; the outcome is then `max-errors`. */
  readonly maxErrors?: number
}

/** The limits with their defaults. */
export type CheckedLimits = Required<Pick<RunLimits, 'batch' | 'gentle' | 'concurrency'>> &
  Readonly<Record<'kmsRps' | 'maxDuration' | 'maxErrors', number | undefined>>

/** Of each number: the least, the most, whether it is whole, and what it is. */
const RANGES = {
  batch: [1, 10_000, true, 'a batch has'],
  concurrency: [1, 256, true, 'concurrency is'],
  kmsRps: [0.1, 100_000, false, 'kmsRps is'],
  maxDuration: [1, 0x7fff_ffff, false, 'maxDuration is'],
  maxErrors: [1, Number.MAX_SAFE_INTEGER, true, 'maxErrors is'],
} as const

/** ERR_ARGUMENT for what is out of range. */
export function checkedLimits(given: RunLimits): CheckedLimits {
  const { gentle = false, batch = 500, concurrency = 16, kmsRps, maxDuration, maxErrors } = given
  const limits = { gentle, batch, concurrency, kmsRps, maxDuration, maxErrors }
  for (const [name, [least, most, whole, what]] of Object.entries(RANGES)) {
    const value = limits[name as keyof typeof RANGES]
    if (value === undefined || (value >= least && value <= most && (!whole || Number.isInteger(value)))) continue
    throw new KeyfoldError('ERR_ARGUMENT', `${what} ${least} to ${most}${name === 'batch' ? ' records' : ''}${whole ? ', a whole number' : ''}`)
  }
  return limits
}
