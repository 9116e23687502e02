/** Every number and name that a caller gives, on both sides of its bounds, and what is said of one beyond. Nothing was touched before that. */
import { isKeyfoldError } from '@keyfold/core'
import { expect, test } from 'vitest'
import { checkedLimits } from '../../src/run-options.ts'
import type { RunLimits } from '../../src/run-options.ts'
import { plan, rollback, verify, watchStatus } from '../../src/index.ts'
import { whoIs } from '../../src/who.ts'
import { bench } from './fixtures.ts'
import { MemoryStore } from './memory-store.ts'

/** What a call is refused with, or undefined where it is taken. */
async function refusal(call: () => unknown): Promise<string | undefined> {
  try {
    await call()
    return undefined
  } catch (error) {
    if (isKeyfoldError(error, 'ERR_ARGUMENT')) return error.message
    throw error
  }
}

const LIMITS: ReadonlyArray<readonly [name: keyof RunLimits, taken: readonly number[], refused: readonly number[], text: string]> = [
  ['batch', [1, 10_000], [0, 10_001, 1.5, Number.NaN], 'a batch has 1 to 10000 records, a whole number'],
  ['concurrency', [1, 256], [0, 257, 1.5, Number.NaN], 'concurrency is 1 to 256, a whole number'],
  ['kmsRps', [0.1, 1.5, 100_000], [0.09, 0, -1, 100_001, Number.NaN], 'kmsRps is 0.1 to 100000'],
  ['maxDuration', [1, 1.5, 2_147_483_647], [0, 0.5, 2_147_483_648, Number.NaN], 'maxDuration is 1 to 2147483647'],
  ['maxErrors', [1, Number.MAX_SAFE_INTEGER], [0, 1.5, Infinity, Number.NaN], 'maxErrors is 1 to 9007199254740991, a whole number'],
]

test.each(LIMITS)('a run: %s', async (name, taken, refused, text) => {
  for (const value of taken) expect(checkedLimits({ [name]: value })).toMatchObject({ [name]: value })
  for (const value of refused) expect(await refusal(() => checkedLimits({ [name]: value }))).toBe(text)
})

test('a run that nothing is said of goes on until it is through, 500 records and 16 key calls at a time', () => {
  const unbounded = { kmsRps: undefined, maxDuration: undefined, maxErrors: undefined }
  expect(checkedLimits({})).toEqual({ gentle: false, batch: 500, concurrency: 16, ...unbounded })
})

/** A call for each argument, on a bench where everything else is right. */
async function calls() {
  const { keyring, ledger } = await bench()
  const options = { stores: [new MemoryStore('a.db', ['email'])], keyring: keyring('q3') }
  const once = async (intervalMs: number): Promise<void> => {
    for await (const _ of watchStatus({ ...options, intervalMs })) break
  }
  return {
    plan: (expiresInDays: number) => plan({ ...options, expiresInDays }),
    // a ledger that knows no key refuses it next, with another code
    rollback: (rollbackDays: number) => rollback({ ...options, ledger, why: 'none', rollbackDays }).catch((error: unknown) => {
      if (!isKeyfoldError(error, 'ERR_ROLLBACK_REFUSED')) throw error
    }),
    sample: (sample: number) => verify({ ...options, sample }),
    margin: (margin: number) => verify({ ...options, margin }),
    confidence: (confidence: number) => verify({ ...options, confidence }),
    both: (margin: number) => verify({ ...options, margin, sample: 5 }),
    watch: once,
  }
}

const SHARES = 'confidence and margin are shares above 0 and below 1'
const NUMBERS: ReadonlyArray<
  readonly [name: keyof Awaited<ReturnType<typeof calls>>, taken: readonly number[], refused: readonly number[], text: string]
> = [
  ['plan', [1, 365], [0, 366, 1.5, Number.NaN], 'a plan expires after 1 to 365 days'],
  ['rollback', [0, 3650], [-1, 3651, 1.5, Number.NaN], 'a rotation can be reversed for 0 to 3650 days'],
  ['sample', [1, Number.MAX_SAFE_INTEGER], [0, -1, 1.5, 2 ** 53], 'a sample has at least one record'],
  ['margin', [0.001, 0.999], [0, 1, -0.1, Number.NaN], SHARES],
  ['confidence', [0.001, 0.999], [0, 1, -0.1, Number.NaN], SHARES],
  ['both', [], [0.1], 'the margin says how large the sample is: give one of them'],
  ['watch', [100, 60_000], [99.9, 0, Infinity, Number.NaN], 'an interval has at least 100 milliseconds'],
]

test.each(NUMBERS)('%s', async (name, taken, refused, text) => {
  const call = (await calls())[name]
  for (const value of taken) expect(await refusal(() => call(value))).toBeUndefined()
  for (const value of refused) expect(await refusal(() => call(value))).toBe(text)
})

test.each(['ana', 'Ana Sá <ana@example.org>', 'x'.repeat(200), ' ana', '~'])('a name: %j', (name) => {
  expect(whoIs(name)).toBe(name)
})

test.each([
  ['nothing', ''],
  ['spaces alone', '   '],
  ['more than 200 characters', 'x'.repeat(201)],
  ['two lines', 'ana\nbob'],
  ['a tab', 'a\tb'],
  ['the last control character before the space', 'a\u001Fb'],
  ['a delete', 'a\u007Fb'],
  ['half a character', 'a\uD800'],
])('no name: %s', async (_, name) => {
  expect(await refusal(() => whoIs(name))).toBe('by is one line of 1 to 200 characters')
})
