/** What stands before the first chunk: read as it comes in, and refused as soon as it can be. */
import { describe, expect, test } from 'vitest'
import { encodeHeader, LIMITS, parse, parseStreamHeader, SUITE_STREAM } from '../src/format.ts'
import { HeadCollector, MAX_HEAD_LENGTH, parseStreamHead, streamHeadNeeds } from '../src/stream-head.ts'
import { codeOf } from './keys.ts'
import { cutInto } from './streams.ts'
import { hex } from './vectors.ts'

/** A head with `count` entries of `wrapped` bytes each; nothing in it is true but its form. */
function headOf(count: number, wrapped: number): Uint8Array {
  const entries = Array.from({ length: count }, (_, i) => ({
    keyId: new Uint8Array(12).fill(i + 1),
    materialId: new Uint8Array(6),
    wrapped: new Uint8Array(wrapped).fill(3),
  }))
  const header = encodeHeader({ suite: SUITE_STREAM, entries, body: { commitment: new Uint8Array(32).fill(4) } })
  return Uint8Array.from([...header, ...new Uint8Array(56).fill(5)])
}

/** Collects a head from pieces; how many bytes it took, and how many it needed. */
function collect(pieces: Iterable<Uint8Array>): { collector: HeadCollector; taken: number } {
  const collector = new HeadCollector()
  let taken = 0
  for (const piece of pieces) taken += collector.take(piece)
  return { collector, taken }
}

describe.each([
  ['one local key', headOf(1, 40)],
  ['sixteen keys of a service', headOf(16, 184)],
  ['the longest that the limits allow', headOf(16, 6144)],
])('the head of %s', (_name, head) => {
  test.each([1, 7, 5000, 1_000_000])('is taken from pieces of %d bytes, and nothing behind it', (size) => {
    const { collector, taken } = collect(cutInto(Uint8Array.from([...head, 1, 2, 3]), size))
    expect(taken).toBe(head.length)
    expect(collector.complete).toBe(true)
    expect(hex(collector.bytes)).toBe(hex(head))
  })

  test('is not complete without its last byte', () => {
    const { collector } = collect([head.subarray(0, -1)])
    expect(collector.complete).toBe(false)
    expect(codeOf(() => parseStreamHead(collector.bytes))).toBe('ERR_ENVELOPE_MALFORMED')
  })

  test('tells how long it is, and encodes to the same bytes', () => {
    expect(streamHeadNeeds(head)).toBe(head.length)
    const { header, prefix, length } = parseStreamHead(Uint8Array.from([...head, 9]))
    expect(length).toBe(head.length)
    expect(hex(prefix)).toBe('05'.repeat(56))
    expect(hex(encodeHeader(header))).toBe(hex(head.subarray(0, -56)))
    expect(parseStreamHeader(head).length).toBe(head.length - 56)
  })
})

test('the longest head is as long as the limits say', () => {
  expect(MAX_HEAD_LENGTH).toBe(headOf(LIMITS.entries, LIMITS.wrappedBytes).length)
  expect(MAX_HEAD_LENGTH).toBe(98_718)
})

describe('abuse 40: a head over a limit is refused at that field, before the rest is sent', () => {
  const code = (bytes: Uint8Array): string | undefined => codeOf(() => collect([bytes]))
  const head = headOf(1, 40)

  test('16 entries are allowed, 17 are not', () => {
    expect(code(head.with(5, 16))).toBeUndefined()
    expect(code(head.with(5, 17).subarray(0, 6))).toBe('ERR_LIMIT')
    expect(code(head.with(5, 255).subarray(0, 6))).toBe('ERR_LIMIT')
  })

  test('a wrapped key of 6144 bytes is allowed, one of 6145 is not', () => {
    expect(code(head.with(24, 0x18).with(25, 0).subarray(0, 26))).toBeUndefined()
    expect(code(head.with(24, 0x18).with(25, 1).subarray(0, 26))).toBe('ERR_LIMIT')
    expect(code(head.with(24, 0xff).with(25, 0xff).subarray(0, 26))).toBe('ERR_LIMIT')
  })

  test('the same for the second entry', () => {
    const two = headOf(2, 40)
    expect(code(two.with(84, 0x18).with(85, 0).subarray(0, 86))).toBeUndefined()
    expect(code(two.with(84, 0x18).with(85, 1).subarray(0, 86))).toBe('ERR_LIMIT')
  })

  test('what is no stream is refused with its first bytes', () => {
    expect(code(new TextEncoder().encode('A text'))).toBe('ERR_NOT_SEALED')
    for (const bytes of [head.with(2, 2), head.with(3, 1), head.with(3, 3), head.with(4, 1)]) expect(code(bytes.subarray(0, 5))).toBeUndefined()
    expect(code(head.with(2, 2).subarray(0, 6))).toBe('ERR_ENVELOPE_VERSION')
    expect(code(head.with(3, 1).subarray(0, 6))).toBe('ERR_ENVELOPE_SUITE')
    expect(code(head.with(3, 3).subarray(0, 6))).toBe('ERR_ENVELOPE_SUITE')
    expect(code(head.with(4, 1).subarray(0, 6))).toBe('ERR_ENVELOPE_FLAGS')
  })
})

test('what only the whole head shows is refused with it', () => {
  const two = headOf(2, 40)
  expect(codeOf(() => parseStreamHead(two.with(5, 0)))).toBe('ERR_ENVELOPE_MALFORMED')
  expect(codeOf(() => parseStreamHead(Uint8Array.from([...two.subarray(0, 24), ...two.subarray(6, 18), ...two.subarray(36)])))).toBe(
    'ERR_ENVELOPE_MALFORMED',
  )
  expect(codeOf(() => parseStreamHead(headOf(1, 40).with(25, 0)))).toBe('ERR_ENVELOPE_MALFORMED')
})

test('a head cut at any offset is refused', () => {
  const head = headOf(2, 40)
  for (let length = 0; length < head.length; length++) {
    const code = codeOf(() => parseStreamHead(head.subarray(0, length)))
    expect(code, `${length} bytes`).toBe(length < 3 ? 'ERR_NOT_SEALED' : 'ERR_ENVELOPE_MALFORMED')
  }
})

test('a header cut within its commitment is refused', () => {
  const head = headOf(1, 40)
  expect(parseStreamHeader(head.subarray(0, 98)).length).toBe(98)
  expect(codeOf(() => parseStreamHeader(head.subarray(0, 97)))).toBe('ERR_ENVELOPE_MALFORMED')
})

test('a stream is no record', () => {
  expect(codeOf(() => parse(headOf(1, 40)))).toBe('ERR_ENVELOPE_SUITE')
})
