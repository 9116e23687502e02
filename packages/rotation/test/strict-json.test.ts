/** The limits and the corners of the reader; what it says of a file that people write is in the tests of a config. */
import { isKeyfoldError } from '@keyfold/core'
import { expect, test } from 'vitest'
import { parseStrictJson } from '../src/strict-json.ts'

function read(text: string | Uint8Array, maxBytes?: number): unknown {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text
  try {
    return parseStrictJson(bytes, (fact) => { throw new Error(fact) }, ...(maxBytes === undefined ? [] : [maxBytes]))
  } catch (error) {
    if (isKeyfoldError(error, 'ERR_LIMIT')) return `${error.message} | ${error.hint}`
    return (error as Error).message
  }
}

const nested = (depth: number, [open, close]: readonly [string, string], within = ''): string => open.repeat(depth) + within + close.repeat(depth)
const HINT = 'Check that this is the right file.'
const TOO_DEEP = `the file has more than 64 levels, at most 64 levels are allowed | ${HINT}`

test('64 levels are read, and 65 are not', () => {
  for (const pair of [['[', ']'], ['{"a":', '}']] as const) {
    const within = pair[0] === '[' ? '' : '0'
    expect(read(nested(64, pair, within))).toEqual(JSON.parse(nested(64, pair, within)))
    expect(read(nested(65, pair, within))).toBe(TOO_DEEP)
  }
})

test('levels are those that nest: neighbours do not add up', () => {
  const wide = `[${Array.from({ length: 100 }, () => nested(63, ['[', ']'])).join()}]`
  expect(read(wide)).toHaveLength(100)
})

test('a file of exactly as many bytes as are allowed is read', () => {
  expect(read('"abc"', 5)).toBe('abc')
  expect(read('"abcd"', 5)).toBe(`the file has 6 bytes, at most 5 bytes are allowed | ${HINT}`)
  const most = 1024 * 1024
  expect(read(`"${'x'.repeat(most - 2)}"`)).toHaveLength(most - 2)
  expect(read(Buffer.alloc(most + 1, ' '))).toBe(`the file has ${most + 1} bytes, at most ${most} bytes are allowed | ${HINT}`)
})

const READ: ReadonlyArray<readonly [text: string, value: unknown]> = [
  ['null', null], ['true', true], ['false', false], ['-1.5e2', -150], ['""', ''], ['[]', []], ['{}', {}],
  [' \t\r\n[ 1 , "a" ]\n', [1, 'a']],
  ['{ "a" : { "b" : [ ] } , "c" : 0 }', { a: { b: [] }, c: 0 }],
  ['{"a":{"x":1},"b":{"x":2}}', { a: { x: 1 }, b: { x: 2 } }],
  [String.raw`"a\"b\\"`, String.raw`a"b${'\\'}`],
  [String.raw`["\\","x"]`, ['\\', 'x']],
  [String.raw`"\u00e9\n"`, 'é\n'],
  ['{"constructor":1,"toString":2}', { constructor: 1, toString: 2 }],
]

test.each(READ)('%s', (text, value) => {
  expect(read(text)).toEqual(value)
})

const REFUSED: ReadonlyArray<readonly [text: string, fact: string]> = [
  ['[1,2', 'line 1, column 5: a comma or a closing bracket belongs here'],
  ['[', 'line 1, column 2: the document ends too early'],
  ['[,]', 'line 1, column 2: a value belongs here'],
  ['{"a":', 'line 1, column 6: the document ends too early'],
  ['{"a":1', 'line 1, column 7: a comma or a closing brace belongs here'],
  ['{"a":1,}', 'line 1, column 8: a name in double quotes belongs here'],
  ['{"a"}', 'line 1, column 5: a colon belongs here'],
  ['{\n "a": 1,\n  "a": 2}', 'line 3, column 3: a key stands twice in one object'],
  [String.raw`{"a":1,"\u0061":2}`, 'line 1, column 8: a key stands twice in one object'],
  [String.raw`{"__proto\u005f_":1}`, 'line 1, column 2: the key __proto__ is not allowed'],
  ['"a\nb"', 'line 1, column 1: a text has a line break or an unknown escape'],
  [String.raw`"a\"`, 'line 1, column 1: a text begins here and never ends'],
  ['\n"', 'line 2, column 1: a text begins here and never ends'],
  ['NaN', 'line 1, column 1: a value belongs here'],
  ['+1', 'line 1, column 1: a value belongs here'],
  ['[-1e999]', 'line 1, column 2: a number is too large'],
  ['1 2', 'line 1, column 3: something follows the end of the document'],
  ['[1]]', 'line 1, column 4: something follows the end of the document'],
  ['\uFEFF{}', 'line 1, column 1: a value belongs here'],
  ['\u00A01', 'line 1, column 1: a value belongs here'],
  ['\f1', 'line 1, column 1: a value belongs here'],
  ['// {}', 'line 1, column 1: a value belongs here'],
]

test.each(REFUSED)('refused: %j', (text, fact) => {
  expect(read(text)).toBe(fact)
})
