import { readFileSync } from 'node:fs'
import { corpus } from '@keyfold/test-support'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalContext } from '../src/index.ts'
import type { EncryptionContext } from '../src/index.ts'
import { codeOf } from './keys.ts'
import { hex } from './vectors.ts'

const encoded = (context: unknown): string => hex(canonicalContext(context as EncryptionContext).bytes)
const refused = (context: unknown): string | undefined => codeOf(() => canonicalContext(context as EncryptionContext))

describe('abuse 11: what is not a context is refused', () => {
  const long = (length: number): string => 'k'.repeat(length)
  test.each([
    ['null', null, 'it is not an object'],
    ['undefined', undefined, 'it is not an object'],
    ['a string', 'table=users', 'it is not an object'],
    ['a number', 42, 'it is not an object'],
    ['a Map', new Map([['a', 'b']]), 'it is not a plain object'],
    ['a Date', new Date(), 'it is not a plain object'],
    [
      'a class instance',
      new (class {
        table = 'users'
      })(),
      'it is not a plain object',
    ],
    ['a number as a value', { id: 42 }, 'it has a key or value that is not a string'],
    ['a number as a key', [[42, 'id']], 'it has a key or value that is not a string'],
    ['undefined as a value', { id: undefined }, 'it has a key or value that is not a string'],
    ['a nested object', { id: { toString: () => '42' } }, 'it has a key or value that is not a string'],
    ['a symbol as a key', { [Symbol('id')]: '42' }, 'it has a symbol as a key'],
    ['an entry of three', [['a', 'b', 'c']], 'it has an entry that is not a pair'],
    ['an entry of one', [['a']], 'it has an entry that is not a pair'],
    ['an entry that is a string', ['ab'], 'it has an entry that is not a pair'],
    ['an entry that is null', [null], 'it has an entry that is not a pair'],
    ['an empty key', { '': 'x' }, 'it has an empty key'],
    ['__proto__ from a parser', JSON.parse('{"__proto__":"x"}'), 'it has the key __proto__'],
    ['__proto__ as a pair', [['__proto__', 'x']], 'it has the key __proto__'],
    [
      'a key twice',
      [
        ['a', '1'],
        ['b', '2'],
        ['a', '1'],
      ],
      'it has a key twice',
    ],
    ['a lone surrogate in a key', { '\ud800': 'x' }, 'it has a lone surrogate'],
    ['a lone surrogate in a value', { x: 'a\udfff' }, 'it has a lone surrogate'],
    ['65 pairs', Array.from({ length: 65 }, (_, i) => [`k${i}`, '']), 'it has 65 pairs, 64 are allowed'],
    ['a key of 256 bytes', { [long(256)]: '' }, 'a key has over 255 bytes'],
    ['a key of 128 characters and 256 bytes', { ['é'.repeat(128)]: '' }, 'a key has over 255 bytes'],
    ['a value of 65,536 bytes', { id: long(65_536) }, 'a value has over 65535 bytes'],
    ['a value of 32,768 characters and 65,536 bytes', { id: 'é'.repeat(32_768) }, 'a value has over 65535 bytes'],
  ])('abuse 11: %s', (_name, context, fact) => {
    expect(refused(context)).toBe('ERR_CONTEXT_INVALID')
    expect(() => canonicalContext(context as EncryptionContext)).toThrow(`the encryption context cannot be used: ${fact}`)
  })

  test.each([
    ['no pair', {}],
    ['64 pairs', Array.from({ length: 64 }, (_, i) => [`k${i}`, ''])],
    ['a key of 255 bytes', { [long(255)]: '' }],
    ['a key of 255 bytes in 85 characters', { ['€'.repeat(85)]: '' }],
    ['a value of 65,535 bytes', { id: long(65_535) }],
    ['a value of 65,535 bytes in 21,845 characters', { id: '€'.repeat(21_845) }],
    ['an object without a prototype', Object.assign(Object.create(null), { id: '42' })],
  ])('%s is within the limits', (_name, context) => expect(refused(context)).toBeUndefined())

  test('abuse 11: the error does not show the value', () => {
    const secret = 'a\ud800secret'
    try {
      canonicalContext({ ssn: secret })
      expect.fail('not refused')
    } catch (error) {
      expect(JSON.stringify([(error as Error).message, (error as { hint?: string }).hint])).not.toContain('secret')
    }
  })

  test('keys that name members of Object.prototype are ordinary keys', () => {
    const context = { constructor: 'a', toString: 'b', hasOwnProperty: 'c' }
    expect(encoded(context)).toBe(encoded(Object.entries(context)))
  })
})

describe('abuse 12: one canonical order', () => {
  test('abuse 12: keys beyond U+FFFF stand behind U+FF61, as their bytes do', () => {
    const bytes = encoded({ '\u{10000}': '', '\uff61': '' })
    expect(bytes).toBe(['02', '030000', 'efbda1', '040000', 'f0908080'].join(''))
  })

  test.each([
    ['\ud7ff', '\ue000'],
    ['\ue000', '\uffff'],
    ['\uffff', '\u{10000}'],
    ['\ud7ff', '\u{10ffff}'],
    ['\u{10000}', '\u{10400}'],
    ['a', 'ab'],
    ['ab', 'b'],
  ])('abuse 12: %j stands before %j, as its bytes do', (one, other) => {
    const inOrder = [one, other].map((key) => [key, ''])
    expect(canonicalContext(inOrder.toReversed() as never).pairs).toEqual(inOrder)
    expect(Buffer.compare(Buffer.from(one), Buffer.from(other))).toBe(-1)
  })

  test('abuse 12: any order of the pairs gives the same bytes', () => {
    const pairs = fc.uniqueArray(fc.tuple(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }), fc.string({ unit: 'grapheme' })), {
      selector: ([key]) => key,
      maxLength: 12,
    })
    fc.assert(
      fc.property(pairs, fc.infiniteStream(fc.nat()), (list, order) => {
        const shuffled = list
          .map((pair) => ({ pair, rank: order.next().value as number }))
          .toSorted((a, b) => a.rank - b.rank)
          .map(({ pair }) => pair)
        fc.pre(!list.some(([key]) => key === '__proto__'))
        expect(encoded(shuffled)).toBe(encoded(list))
        expect(encoded(Object.fromEntries(list))).toBe(encoded(list))
      }),
    )
  })

  test('two contexts that differ never have the same bytes', () => {
    const dictionary = fc.dictionary(fc.constantFrom('a', 'b', 'ab', 'ba'), fc.constantFrom('', 'a', 'b', 'ab'), {
      maxKeys: 4,
      noNullPrototype: true,
    })
    fc.assert(
      fc.property(dictionary, dictionary, (one, other) => {
        const sorted = (value: object): string => JSON.stringify(Object.entries(value).toSorted())
        expect(encoded(one) === encoded(other)).toBe(sorted(one) === sorted(other))
      }),
      { numRuns: 2000 },
    )
  })
})

test('every naughty string is a good value, and a good key unless it is empty or too long', (context) => {
  const strings = JSON.parse(readFileSync(corpus(context, 'naughty-strings', 'blns.json'), 'utf8')) as string[]
  expect(strings.length).toBeGreaterThan(500)
  for (const text of strings) {
    expect(refused({ id: text })).toBeUndefined()
    const length = new TextEncoder().encode(text).length
    expect(refused([[text, 'v']])).toBe(length === 0 || length > 255 || text === '__proto__' ? 'ERR_CONTEXT_INVALID' : undefined)
  }
})

test("a change to the caller's object afterwards changes nothing", () => {
  const mutable = { id: '1' }
  const canonical = canonicalContext(mutable)
  const before = hex(canonical.bytes)
  mutable.id = '2'
  expect(hex(canonical.bytes)).toBe(before)
  expect(canonical.pairs).toEqual([['id', '1']])
  expect(Object.isFrozen(canonical)).toBe(true)
})
