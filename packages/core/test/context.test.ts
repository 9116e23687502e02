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
  test.each([
    ['null', null],
    ['undefined', undefined],
    ['a string', 'table=users'],
    ['a number', 42],
    ['a Map', new Map([['a', 'b']])],
    ['a Date', new Date()],
    [
      'a class instance',
      new (class {
        table = 'users'
      })(),
    ],
    ['a number as a value', { id: 42 }],
    ['undefined as a value', { id: undefined }],
    ['a nested object', { id: { toString: () => '42' } }],
    ['a symbol as a key', { [Symbol('id')]: '42' }],
    ['an entry of three', [['a', 'b', 'c']]],
    ['an entry that is a string', ['ab']],
    ['__proto__ from a parser', JSON.parse('{"__proto__":"x"}')],
    ['__proto__ as a pair', [['__proto__', 'x']]],
    [
      'a key twice',
      [
        ['a', '1'],
        ['b', '2'],
        ['a', '1'],
      ],
    ],
    ['a lone surrogate in a key', { '\ud800': 'x' }],
    ['a lone surrogate in a value', { x: 'a\udfff' }],
  ])('abuse 11: %s', (_name, context) => expect(refused(context)).toBe('ERR_CONTEXT_INVALID'))

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
