/** The text of a plan: one for each value, on every machine (RFC 8785). */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Json } from '../src/canonical-json.ts'
import { canonicalJson, prettyJson } from '../src/canonical-json.ts'

const value = { b: [1, 'two', null, true, [], {}], a: { ü: -1, é: 0, z: '"\n' }, gone: undefined, '€': 2 ** 53 - 1 }

test('keys in the order of their UTF-16 units, no white space, nothing that is undefined', () => {
  expect(canonicalJson(value)).toBe('{"a":{"z":"\\"\\n","é":0,"ü":-1},"b":[1,"two",null,true,[],{}],"€":9007199254740991}')
})

test('the same for people: indented, with a line end', () => {
  expect(prettyJson({ b: [1, []], a: { c: {} } })).toBe('{\n  "a": {\n    "c": {}\n  },\n  "b": [\n    1,\n    []\n  ]\n}\n')
})

test.each([[0.5], [2 ** 53], [Number.NaN], [Infinity], [-(2 ** 53)]])('%s is refused, at any depth', (number) => {
  expect(() => canonicalJson([{ a: number }])).toThrow('canonical JSON holds whole numbers alone')
})

test('a lone surrogate is refused, as a value and as a key', () => {
  for (const bad of ['\uD800', { '\uD800': 1 }]) expect(() => canonicalJson([bad])).toThrow('canonical JSON holds no lone surrogate')
})

const json = fc.letrec<{ any: Json }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 4 },
    fc.maxSafeInteger().map((number) => (Object.is(number, -0) ? 0 : number)),
    fc.string({ unit: 'grapheme' }),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('any'), { maxLength: 4 }),
    fc.dictionary(fc.string({ unit: 'grapheme' }).filter((key) => key !== '__proto__'), tie('any'), { maxKeys: 4, noNullPrototype: true }),
  ),
})).any

test('both texts hold the value, and the order in which members were made does not show', () => {
  const reversed = (of: Json): Json => {
    if (Array.isArray(of)) return of.map(reversed)
    if (of === null || typeof of !== 'object') return of
    return Object.fromEntries(Object.entries(of).toReversed().map(([key, item]) => [key, reversed(item as Json)]))
  }
  fc.assert(
    fc.property(json, (any) => {
      expect(JSON.parse(canonicalJson(any))).toEqual(any)
      expect(JSON.parse(prettyJson(any))).toEqual(any)
      expect(canonicalJson(reversed(any))).toBe(canonicalJson(any))
    }),
  )
})
