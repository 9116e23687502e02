import { describe, expect, test } from 'vitest'
import { canonicalContext, inspect, openSync, toBytes, toText } from '../src/index.ts'
import { encode, parse } from '../src/format.ts'
import { codeOf } from './keys.ts'
import { hex, keyringOf, unhex, vectors } from './vectors.ts'

describe('valid vectors', () => {
  test.each(vectors.valid)('$name: opens, in bytes and in text', ({ keks, context, envelope, text, plaintext }) => {
    expect(hex(openSync(keyringOf(keks), unhex(envelope), context))).toBe(plaintext)
    expect(hex(openSync(keyringOf(keks), text, context))).toBe(plaintext)
  })

  test.each(vectors.valid)('$name: encodes to the same bytes and text again', ({ envelope, text }) => {
    expect(hex(encode(parse(unhex(envelope))))).toBe(envelope)
    expect(toText(unhex(envelope))).toBe(text)
    expect(hex(toBytes(text))).toBe(envelope)
  })

  test.each(vectors.valid)('$name: shows its key ids without a key', ({ envelope, keyIds, plaintext }) => {
    const shown = inspect(unhex(envelope))
    expect(shown.entries.map(({ keyId }) => keyId)).toEqual(keyIds)
    expect(shown.payloadBytes).toBe(plaintext.length / 2)
  })
})

describe('invalid vectors', () => {
  test.each(vectors.invalid)('$name: $error', ({ keks, context, envelope, text, error }) => {
    const value = text ?? unhex(envelope!)
    expect(codeOf(() => openSync(keyringOf(keks), value, context))).toBe(error)
  })
})

describe('contexts', () => {
  test.each(vectors.contexts)('$name', (one) => {
    if ('canonical' in one) expect(hex(canonicalContext(one.context).bytes)).toBe(one.canonical)
    else expect(codeOf(() => canonicalContext(one.context))).toBe(one.error)
  })
})
