import { isKeyfoldError } from '@keyfold/core'
import { fuzzRuns } from '@keyfold/test-support'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodePlan, parsePlan, plan } from '../../src/index.ts'
import { bench, names } from './fixtures.ts'
import { MemoryStore } from './memory-store.ts'

const PIECES = [
  '"',
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '0',
  '-1',
  '1e999',
  'null',
  '\\u0000',
  '\ud800',
  '"__proto__": {},',
  '"sha256": "00",',
  ' ',
  '\n',
  '\ufeff',
]

/** One edit of a text: some bytes taken out at a place, others put in. */
const edit = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  remove: fc.nat(40),
  insert: fc.oneof(fc.constantFrom(...PIECES), fc.string({ maxLength: 8 }), fc.constant('')),
})

function edited(text: string, edits: readonly { at: number; remove: number; insert: string }[]): string {
  let result = text
  for (const { at, remove, insert } of edits) {
    const place = Math.floor(at * result.length)
    result = result.slice(0, place) + insert + result.slice(place + remove)
  }
  return result
}

test('a mutated plan is refused with a code of its own, or is the plan itself', async () => {
  const { keyring, ledger } = await bench()
  const store = new MemoryStore('app.db', ['email', 'phone']).fill('email', names(3))
  const text = encodePlan(await plan({ stores: [store], keyring: keyring('q4', 'q3'), ledger, config: {} }))
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
      const bytes = Buffer.from(edited(text, edits))
      try {
        expect(encodePlan(parsePlan(bytes))).toBe(text)
        expect(bytes.toString()).toBe(text)
      } catch (error) {
        if (!isKeyfoldError(error, 'ERR_PLAN_ALTERED', 'ERR_PLAN_INVALID')) throw error
      }
    }),
    { numRuns: fuzzRuns() },
  )
})

test('bytes that are no plan at all are refused with a code', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array({ maxLength: 300 }),
        fc.json().map((json) => Buffer.from(json)),
      ),
      (bytes) => {
        expect(() => parsePlan(bytes)).toThrow(expect.objectContaining({ name: 'KeyfoldError', code: 'ERR_PLAN_INVALID' }))
      },
    ),
    { numRuns: fuzzRuns() },
  )
})
