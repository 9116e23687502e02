import type { ContextCase, ValidCase } from './case.ts'
import { hex, insecureKey, localEntry, opaqueEntry, validCase } from './case.ts'
import { canonicalContext } from '../../packages/core/src/context.ts'

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
const first = insecureKey('KEK 1')
const second = insecureKey('KEK 2')
const row = [
  ['table', 'users'],
  ['column', 'ssn'],
  ['id', '42'],
] as const
const astral = [
  ['\u{10000}', 'after'],
  ['\uff61', 'before'],
] as const

/** The case of the worked example in docs/format.md. */
export const EXAMPLE = 'one local key'

export function validCases(): ValidCase[] {
  const ssn = utf8('078-05-1120')
  const many = Array.from({ length: 16 }, (_, i) => insecureKey(`KEK ${i + 1}`))
  return [
    validCase({ name: EXAMPLE, keks: [first], context: row, plaintext: ssn }),
    validCase({ name: 'empty payload, empty context', keks: [first], context: [], plaintext: new Uint8Array() }),
    validCase({ name: 'payload of 256 bytes', keks: [first], context: row, plaintext: Uint8Array.from({ length: 256 }, (_, i) => i) }),
    validCase({ name: 'payload of 1024 bytes', keks: [first], context: row, plaintext: new Uint8Array(1024) }),
    validCase({ name: 'context in the order of bytes, not of UTF-16 units', keks: [first], context: astral, plaintext: ssn }),
    validCase({ name: 'context with an empty value', keks: [first], context: [['tenant', '']], plaintext: ssn }),
    validCase({ name: 'two local keys', keks: [first, second], context: row, plaintext: ssn }),
    validCase({
      name: 'two local keys, the reader holds the second',
      keks: [second],
      context: row,
      plaintext: ssn,
      entries: (dek) => [localEntry(first, dek), localEntry(second, dek)],
    }),
    validCase({
      name: 'a wrap of 184 bytes by a key service, then a local key',
      keks: [first],
      context: row,
      plaintext: ssn,
      entries: (dek) => [opaqueEntry('service', 184), localEntry(first, dek)],
    }),
    validCase({
      name: 'a wrap of 6144 bytes, then a local key',
      keks: [first],
      context: row,
      plaintext: ssn,
      entries: (dek) => [opaqueEntry('large', 6144), localEntry(first, dek)],
    }),
    validCase({ name: 'sixteen local keys, the reader holds all', keks: many, context: row, plaintext: ssn }),
    validCase({
      name: 'the first entry is altered, the second opens',
      keks: [first, second],
      context: row,
      plaintext: ssn,
      entries: (dek) => [{ ...localEntry(first, dek), wrapped: new Uint8Array(40) }, localEntry(second, dek)],
    }),
    validCase({
      name: 'the first entry holds the data key of another record, the second opens',
      keks: [first, second],
      context: row,
      plaintext: ssn,
      entries: (dek) => [localEntry(first, insecureKey('another DEK')), localEntry(second, dek)],
    }),
  ]
}

export function contextCases(): ContextCase[] {
  const good = (name: string, context: ContextCase['context']): ContextCase => ({
    name,
    context,
    canonical: hex(canonicalContext(context).bytes),
  })
  const bad = (name: string, context: ContextCase['context']): ContextCase => ({ name, context, error: 'ERR_CONTEXT_INVALID' })
  return [
    good('empty', []),
    good('three pairs', row),
    good('three pairs in another order', row.toReversed()),
    good('beyond U+FFFF', astral),
    good('one key begins with the other', [
      ['ab', '1'],
      ['a', '2'],
    ]),
    good('composed and decomposed letters are two keys', [
      ['\u00e9', '1'],
      ['e\u0301', '2'],
    ]),
    good('line ends, quotes, zero character', [['a\n"', '\0']]),
    good('longest key and value', [['k'.repeat(255), 'v'.repeat(65_535)]]),
    good(
      '64 pairs',
      Array.from({ length: 64 }, (_, i) => [`k${i}`, ''] as const),
    ),
    bad(
      '65 pairs',
      Array.from({ length: 65 }, (_, i) => [`k${i}`, ''] as const),
    ),
    bad('key of 256 bytes', [['k'.repeat(256), '']]),
    bad('value of 65536 bytes', [['k', 'v'.repeat(65_536)]]),
    bad('empty key', [['', 'v']]),
    bad('a key twice', [
      ['a', '1'],
      ['a', '2'],
    ]),
    bad('the key __proto__', [['__proto__', 'v']]),
    bad('a lone surrogate in a key', [['\ud800', 'v']]),
    bad('a lone surrogate in a value', [['k', '\udc00']]),
  ]
}
