/** What a mistyped name is taken to mean. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { nearest, suggestion } from '../src/nearest.ts'

test.each([
  ['emial', ['phone', 'email'], 'email'],
  ['meail', ['email'], 'email'],
  ['EMAIL', ['email'], 'email'],
  ['emai', ['email'], 'email'],
  ['emails', ['email'], 'email'],
  ['emall', ['email'], 'email'],
  ['a', ['b'], 'b'],
  ['ab', ['ba', 'ab'], 'ab'],
  ['q3', ['q4', 'q5'], 'q4'],
  // a third of its characters may differ, and no more
  ['colums', ['columns'], 'columns'],
  ['abcdef', ['abcdxy'], 'abcdxy'],
  ['abcdef', ['abcxyz'], undefined],
  ['phone', ['email'], undefined],
  ['phone', [], undefined],
])('%s among %j', (name, known, meant) => {
  expect(nearest(name, known)).toBe(meant)
})

test('of a name of any length the first 64 characters are looked at', () => {
  expect(nearest('x'.repeat(1_000_000), ['x'.repeat(64)])).toBe('x'.repeat(64))
})

test('a suggestion is a half sentence, or nothing', () => {
  expect(suggestion('emial', ['email'])).toBe('; did you mean "email"?')
  expect(suggestion('phone', ['email'])).toBe('')
})

/** One edit of a text: a character more, less, another one, or two neighbours swapped. */
const edited = fc.string({ minLength: 3, maxLength: 12, unit: fc.constantFrom(...'abcdefgh') }).chain((text) =>
  fc.record({ kind: fc.constantFrom('more', 'less', 'other', 'swap'), at: fc.nat(text.length - 2) }).map(({ kind, at }) => {
    const [head, one, two, tail] = [text.slice(0, at), text[at]!, text[at + 1]!, text.slice(at + 2)]
    const changed = { more: `${head}${one}z${two}${tail}`, less: head + two + tail, other: `${head}z${two}${tail}`, swap: head + two + one + tail }
    return [text, changed[kind]] as const
  }),
)

test('one edit is always near enough, and nothing is nearer than the name itself', () => {
  fc.assert(
    fc.property(edited, ([text, mistyped]) => {
      expect(nearest(mistyped, [text])).toBe(text)
      expect(nearest(text, [mistyped, text])).toBe(text)
    }),
  )
})
