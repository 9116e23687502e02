/** One line of a branch key file: what is written is read, and nothing else is. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { LogLine } from '../../src/branch-key-log.ts'
import { decodeLine, encodeLine, isBlank, sealedWithin } from '../../src/branch-key-log.ts'

const keyId = Uint8Array.from({ length: 12 }, (_, i) => i * 20)
const inserted: LogLine = {
  id: '0123456789abcdef', keyId, change: 0, place: { partition: 'a', version: 1, createdAt: 7 }, sealed: Uint8Array.of(1, 2, 3, 4),
}
const replaced: LogLine = { ...inserted, change: 1, place: null }
const destroyed: LogLine = { ...replaced, change: 2, sealed: null }
const text = encodeLine(inserted)
const parsed = JSON.parse(text) as Record<string, unknown>

test('a line is one JSON object, whose last field is what is sealed', () => {
  expect(text).toBe(
    '{"format":"keyfold branch key 1","id":"0123456789abcdef","keyId":"0014283c5064788ca0b4c8dc","change":0,' +
      '"place":{"partition":"a","version":1,"createdAt":7},"sealed":"AQIDBA"}',
  )
  expect(encodeLine({ ...inserted, place: { createdAt: 7, version: 1, partition: 'a' } })).toBe(text)
  expect(encodeLine(destroyed)).toMatch(/"change":2,"place":null,"sealed":null\}$/)
})

test.each([inserted, replaced, destroyed])('what is written is read: change $change', (line) =>
  expect(decodeLine(encodeLine(line))).toEqual(line))

test('what is sealed stands where sealedWithin says', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 80 }), fc.string(), (sealed, partition) => {
      const line = { ...inserted, sealed, place: { partition, version: 1, createdAt: 7 } }
      const bytes = new TextEncoder().encode(encodeLine(line))
      const { from, length } = sealedWithin(bytes, line)!
      expect(Buffer.from(bytes.subarray(from, from + length)).toString()).toBe(Buffer.from(sealed).toString('base64url'))
    }),
  )
  expect(sealedWithin(new TextEncoder().encode(encodeLine(destroyed)), destroyed)).toBeUndefined()
})

test('blank is what holds zeros alone', () => {
  expect(isBlank(new Uint8Array(4))).toBe(true)
  expect(isBlank(Uint8Array.of(0, 0, 1))).toBe(false)
})

describe('a line is not read', () => {
  test.each(Object.keys(parsed))('without %s', (field) => {
    const { [field]: _, ...others } = parsed
    expect(decodeLine(JSON.stringify(others))).toBeUndefined()
  })

  test.each<[string, Record<string, unknown>]>([
    ['a field more', { more: 1 }],
    ['another format', { format: 'keyfold branch key 2' }],
    ['an id that is no text', { id: 1234567890123456 }],
    ['an id in a list', { id: ['0123456789abcdef'] }],
    ['a key id in a list', { keyId: [parsed['keyId']] }],
    ['a key id with something before it', { keyId: `x${'00'.repeat(12)}` }],
    ['a key id with something behind it', { keyId: `${'00'.repeat(12)}x` }],
    ['a time as text', { place: { partition: 'a', version: 1, createdAt: '7' } }],
    ['a change that is null', { change: null }],
    ['a place that is a number', { place: 7 }],
    ['no place at a change that is null', { change: null, place: null }],
    ['an id of 15 digits', { id: '0123456789abcde' }],
    ['an id of 17 digits', { id: '0123456789abcdef0' }],
    ['an id in capitals', { id: '0123456789ABCDEF' }],
    ['an id with something before it', { id: 'x0123456789abcdef' }],
    ['a key id that is no text', { keyId: 1 }],
    ['a key id of 11 bytes', { keyId: '00'.repeat(11) }],
    ['a key id of 13 bytes', { keyId: '00'.repeat(13) }],
    ['a key id with a letter', { keyId: `${'00'.repeat(11)}0g` }],
    ['a negative change', { change: -1 }],
    ['half a change', { change: 0.5 }],
    ['a change as text', { change: '0' }],
    ['a change too large to count', { change: 2 ** 53 }],
    ['a place with the wrong change', { change: 1 }],
    ['no place at change 0', { place: null }],
    ['a place that is a text', { place: 'a' }],
    ['a place that is a list', { place: ['a', 1, 7] }],
    ['a place without a time', { place: { partition: 'a', version: 1 } }],
    ['a place in another order', { place: { version: 1, partition: 'a', createdAt: 7 } }],
    ['a place with a field more', { place: { partition: 'a', version: 1, createdAt: 7, more: 1 } }],
    ['a partition that is no text', { place: { partition: 1, version: 1, createdAt: 7 } }],
    ['a version that is no number', { place: { partition: 'a', version: '1', createdAt: 7 } }],
    ['a negative version', { place: { partition: 'a', version: -1, createdAt: 7 } }],
    ['a time that is no whole number', { place: { partition: 'a', version: 1, createdAt: 0.5 } }],
    ['a sealed key with padding', { sealed: 'AQIDBA==' }],
    ['a sealed key that is a number', { sealed: 1 }],
    ['a sealed key that is false', { sealed: false }],
  ])('with %s', (_name, change) => expect(decodeLine(JSON.stringify({ ...parsed, ...change }))).toBeUndefined())

  test('of which the fields stand in another order', () =>
    expect(decodeLine(JSON.stringify(Object.fromEntries(Object.entries(parsed).toReversed())))).toBeUndefined())

  test.each(['', 'null', '1', '"a"', '[]', '{}', text.slice(0, -1), `${text}}`, `[${text}]`])('of the text %j', (other) =>
    expect(decodeLine(other)).toBeUndefined())
})
