import { describe, expect, test } from 'vitest'
import type { Entry, Envelope, Header } from '../src/format.ts'
import {
  encode,
  encodeHeader,
  isSealed,
  KEY_ID_LENGTH,
  LIMITS,
  MATERIAL_ID_LENGTH,
  parse,
  parseStreamHeader,
  streamHeaderNeeds,
  SUITE_AES_256_GCM,
  SUITE_STREAM,
} from '../src/format.ts'
import { SQL_OFFSETS } from '../src/sql-offsets.ts'
import { toBytes, toText } from '../src/text-form.ts'
import { codeOf } from './keys.ts'

function entry(seed: number, length = 40): Entry {
  return {
    keyId: new Uint8Array(KEY_ID_LENGTH).fill(seed),
    materialId: new Uint8Array(MATERIAL_ID_LENGTH).fill(seed + 1),
    wrapped: new Uint8Array(length).fill(seed + 2),
  }
}

const body = { commitment: new Uint8Array(32).fill(0xc0), ciphertext: Uint8Array.of(1, 2, 3), tag: new Uint8Array(16).fill(0xaa) }
const envelopeOf = (entries: readonly Entry[]): Envelope => ({ suite: SUITE_AES_256_GCM, entries, body })
const headerOf = (entries: readonly Entry[]): Header => ({ suite: SUITE_STREAM, entries, body })
/** With entries of 40 and 184 bytes: header 6, slots 36, wraps 2 + 40 and 2 + 184, commitment 32, length 4, ciphertext 3, tag 16. */
const bytes = encode(envelopeOf([entry(1), entry(7, 184)]))
/** All that was parsed, to be compared: the parts of a body are cut out where they are asked for. */
const partsOf = ({ suite, entries, body: { commitment, ciphertext, tag } }: Envelope): Envelope => ({
  suite, entries, body: { commitment, ciphertext, tag },
})
const many = (count: number): Entry[] => Array.from({ length: count }, (_, i) => entry(i))

/** Code and fact of the error of a call. */
function errorOf(call: () => unknown): string {
  const code = codeOf(call)
  try {
    call()
    return 'no error'
  } catch (error) {
    return `${code}: ${(error as Error).message.replace('the envelope cannot be read: ', '')}`
  }
}

function altered(at: number, ...values: number[]): Uint8Array {
  const copy = Uint8Array.from(bytes)
  copy.set(values, at)
  return copy
}

const shortWrap = encode(envelopeOf([entry(1, 1)]))
const emptyWrap = Uint8Array.from([...shortWrap.subarray(0, 24), 0, 0, ...shortWrap.subarray(27)])

describe('an envelope', () => {
  test('parses to what was encoded', () => {
    expect(bytes).toHaveLength(6 + 36 + 42 + 186 + 32 + 4 + 3 + 16)
    expect(partsOf(parse(bytes))).toEqual(envelopeOf([entry(1), entry(7, 184)]))
    expect(encode(parse(bytes))).toEqual(bytes)
    expect(encode(partsOf(parse(bytes)))).toEqual(bytes)
  })

  test('what was parsed stays as it was, whatever is parsed after it', () => {
    const [one, other] = [parse(bytes), parse(encode(envelopeOf([entry(2)])))]
    parse(bytes)
    expect(one.entries).toEqual([entry(1), entry(7, 184)])
    expect(other.entries).toEqual([entry(2)])
  })

  test.each([
    [3, 'ERR_ENVELOPE_MALFORMED: it ends within its header'],
    [5, 'ERR_ENVELOPE_MALFORMED: it ends within its header'],
    [6, 'ERR_ENVELOPE_MALFORMED: it ends within its key ids'],
    [41, 'ERR_ENVELOPE_MALFORMED: it ends within its key ids'],
    [42, 'ERR_ENVELOPE_MALFORMED: it ends within its wrapped keys'],
    [43, 'ERR_ENVELOPE_MALFORMED: it ends within its wrapped keys'],
    [44, 'ERR_ENVELOPE_MALFORMED: it ends within its wrapped keys'],
    [269, 'ERR_ENVELOPE_MALFORMED: it ends within its wrapped keys'],
    [270, 'ERR_ENVELOPE_MALFORMED: it ends within its body'],
    [321, 'ERR_ENVELOPE_MALFORMED: it ends within its body'],
    [322, 'ERR_ENVELOPE_MALFORMED: 3 bytes are missing'],
    [324, 'ERR_ENVELOPE_MALFORMED: 1 bytes are missing'],
  ])('abuse 2: cut to %d bytes says where it ends', (length, error) =>
    expect(errorOf(() => parse(bytes.subarray(0, length)))).toBe(error))

  test('abuse 3: says how many bytes trail', () =>
    expect(errorOf(() => parse(Uint8Array.from([...bytes, 0, 0])))).toBe('ERR_ENVELOPE_MALFORMED: 2 bytes trail'))

  test.each([
    ['abuse 6: version 2', altered(2, 2), 'ERR_ENVELOPE_VERSION: the envelope is of version 2, this release reads version 1'],
    ['abuse 6: suite 9', altered(3, 9), 'ERR_ENVELOPE_SUITE: the envelope is of suite 9, which is unknown'],
    ['abuse 6: a stream', altered(3, SUITE_STREAM), 'ERR_ENVELOPE_SUITE: the envelope is a stream (suite 2), not one record'],
    ['abuse 6: flag 4', altered(4, 4), 'ERR_ENVELOPE_FLAGS: the envelope has flags 4, none is known'],
    ['no entry', altered(5, 0), 'ERR_ENVELOPE_MALFORMED: it has no wrapped key'],
    ['17 entries', altered(5, 17), 'ERR_LIMIT: the envelope has 17 wrapped keys, at most 16 are allowed'],
    ['an empty wrap', emptyWrap, 'ERR_ENVELOPE_MALFORMED: a wrapped key is empty'],
    ['a wrap of 6145 bytes', altered(42, 0x18, 1), 'ERR_LIMIT: the envelope has 6145 bytes of a wrapped key, at most 6144 are allowed'],
    ['a wrap of 6144 bytes that are not there', altered(42, 0x18, 0), 'ERR_ENVELOPE_MALFORMED: it ends within its wrapped keys'],
    ['a key twice', altered(24, ...new Uint8Array(12).fill(1)), 'ERR_ENVELOPE_MALFORMED: it names a key twice'],
    [
      'abuse 5: a payload of 1 GiB and a byte',
      altered(302, 0x40, 0, 0, 1),
      'ERR_LIMIT: the envelope has 1073741825 bytes of payload, at most 1073741824 are allowed',
    ],
    ['abuse 5: a payload of 1 GiB that is not there', altered(302, 0x40, 0, 0, 0), 'ERR_ENVELOPE_MALFORMED: 1073741821 bytes are missing'],
    ['plaintext', new TextEncoder().encode('KF plaintext'), 'ERR_NOT_SEALED: the value does not begin as an envelope does'],
  ])('%s is refused for what it is', (_name, value, error) => expect(errorOf(() => parse(value))).toBe(error))

  test.each([
    ['no entry', [], 'ERR_ENVELOPE_MALFORMED: it has no wrapped key'],
    ['17 entries', many(17), 'ERR_LIMIT: the envelope has 17 wrapped keys, at most 16 are allowed'],
    ['an empty wrap', [entry(1, 0)], 'ERR_ENVELOPE_MALFORMED: a wrapped key is empty'],
    ['a wrap of 6145 bytes', [entry(1, 6145)], 'ERR_LIMIT: the envelope has 6145 bytes of a wrapped key, at most 6144 are allowed'],
    ['a key id of 11 bytes', [{ ...entry(1), keyId: new Uint8Array(11) }], 'ERR_ENVELOPE_MALFORMED: a key id has the wrong length'],
    ['a material id of 7 bytes', [{ ...entry(1), materialId: new Uint8Array(7) }], 'ERR_ENVELOPE_MALFORMED: a key id has the wrong length'],
    ['a key twice, not side by side', [entry(1), entry(2), entry(1)], 'ERR_ENVELOPE_MALFORMED: it names a key twice'],
  ])('nothing is written that cannot be read: %s', (_name, entries, error) => {
    expect(errorOf(() => encode(envelopeOf(entries)))).toBe(error)
    expect(errorOf(() => encodeHeader(headerOf(entries)))).toBe(error)
  })

  test('a payload over 1 GiB is not written', () => {
    const ciphertext = { length: LIMITS.payloadBytes + 1 } as Uint8Array
    expect(codeOf(() => encode({ suite: SUITE_AES_256_GCM, entries: [entry(1)], body: { ...body, ciphertext } }))).toBe('ERR_LIMIT')
  })

  test('has its limits: 16 entries, wraps of 1 and 6144 bytes', () => {
    const largest = envelopeOf([...many(15), entry(15, 6144)])
    expect(partsOf(parse(encode(largest)))).toEqual(largest)
    expect(partsOf(parse(encode(envelopeOf([entry(1, 1)]))))).toEqual(envelopeOf([entry(1, 1)]))
  })
})

describe('the beginning of a stream', () => {
  const header = headerOf([entry(1), entry(7, 184)])
  const start = encodeHeader(header)

  test('parses to what was encoded, whatever stands behind it', () => {
    expect(start).toHaveLength(6 + 36 + 42 + 186 + 32)
    const parsed = { header: { ...header, body: { commitment: body.commitment } }, length: start.length }
    expect(parseStreamHeader(start)).toEqual(parsed)
    expect(parseStreamHeader(Uint8Array.from([...start, 1, 2, 3]))).toEqual(parsed)
    expect(errorOf(() => parseStreamHeader(start.subarray(0, -1)))).toBe('ERR_ENVELOPE_MALFORMED: it ends within its commitment')
  })

  test.each([
    [0, 6],
    [5, 6],
    [6, 44],
    [43, 44],
    [44, 86],
    [85, 86],
    [86, 302],
    [301, 302],
    [302, 302],
    [400, 302],
  ])('of %d bytes, %d are needed to go on', (there, needed) => {
    expect(streamHeaderNeeds(Uint8Array.from([...start, ...new Uint8Array(98)]).subarray(0, there))).toBe(needed)
  })

  test('what no further byte can mend is refused as soon as it shows', () => {
    const from = (at: number, ...values: number[]): Uint8Array => {
      const copy = Uint8Array.from(start)
      copy.set(values, at)
      return copy.subarray(0, Math.max(6, at + values.length))
    }
    expect(codeOf(() => streamHeaderNeeds(from(0, 0x50)))).toBe('ERR_NOT_SEALED')
    expect(codeOf(() => streamHeaderNeeds(from(2, 2)))).toBe('ERR_ENVELOPE_VERSION')
    expect(codeOf(() => streamHeaderNeeds(from(4, 1)))).toBe('ERR_ENVELOPE_FLAGS')
    expect(codeOf(() => streamHeaderNeeds(from(5, 17)))).toBe('ERR_LIMIT')
    expect(codeOf(() => streamHeaderNeeds(from(42, 0x18, 1)))).toBe('ERR_LIMIT')
    expect(streamHeaderNeeds(from(42, 0x18, 0))).toBe(44 + 6144 + 2)
  })

  test('is no record, and a record is no stream; the hint names the call that opens it', () => {
    expect(() => parse(Uint8Array.from([...start, ...new Uint8Array(40)]))).toThrow(
      expect.objectContaining({ code: 'ERR_ENVELOPE_SUITE', hint: expect.stringContaining('openStream') as string }),
    )
    expect(() => parseStreamHeader(bytes)).toThrow(
      expect.objectContaining({
        code: 'ERR_ENVELOPE_SUITE',
        message: 'the envelope is one record (suite 1), not a stream',
        hint: expect.stringMatching(/with open\.$/) as string,
      }),
    )
  })
})

describe('what SQL looks for', () => {
  const { blob, text } = SQL_OFFSETS
  const one = encode(envelopeOf([entry(1)]))
  const substr = (value: Uint8Array, from: number, length: number): Uint8Array => value.subarray(from - 1, from - 1 + length)

  test('stands in the bytes', () => {
    expect(one.subarray(0, blob.prefix.length)).toEqual(blob.prefix)
    expect(substr(one, blob.keyId, blob.keyIdLength)).toEqual(entry(1).keyId)
    expect(substr(one, blob.count, 1)).toEqual(blob.one)
    expect(substr(bytes, blob.count, 1)).not.toEqual(blob.one)
  })

  test('stands in the text', () => {
    const [single, double] = [toText(one), toText(bytes)]
    expect(single.startsWith(text.prefix)).toBe(true)
    expect(single.slice(text.keyId - 1, text.keyId - 1 + text.keyIdLength)).toBe(Buffer.from(entry(1).keyId).toString('base64url'))
    expect(single.charAt(text.count - 1)).toBe(text.one)
    expect(double.charAt(text.count - 1)).not.toBe(text.one)
  })
})

describe('isSealed', () => {
  test.each([
    [[0x4b, 0x46], false],
    [[0x4b, 0x46, 0], false],
    [[0x4b, 0x46, 1], true],
    [[0x4b, 0x46, 0x1f], true],
    [[0x4b, 0x46, 0x20], false],
    [[0x4b, 0x47, 1], false],
    [[0x4c, 0x46, 1], false],
  ])('of the bytes %j: %s', (value, sealed) => expect(isSealed(Uint8Array.from(value))).toBe(sealed))

  test.each([
    ['kf1.', true],
    ['kf99.x', true],
    ['kf0.', false],
    ['kf01.', false],
    ['kf100.', false],
    ['kf1', false],
    ['kf.', false],
    ['kfx.', false],
    [' kf1.', false],
    ['KF1.', false],
  ])('of the text %j: %s', (value, sealed) => expect(isSealed(value)).toBe(sealed))

  test.each([[[0x4b, 0x46, 1]], [{ 0: 0x4b, 1: 0x46, 2: 1, length: 3 }], [null], [undefined], [1]])('of %j: false', (value) =>
    expect(isSealed(value)).toBe(false))
})

describe('the text form', () => {
  test('gives the bytes back, and bytes are what they are', () => {
    expect(toBytes(toText(bytes))).toEqual(bytes)
    expect(toBytes(bytes)).toBe(bytes)
  })

  test.each([
    ['another version', 'kf2.AAAA', 'ERR_ENVELOPE_VERSION: the envelope is of version 2, this release reads version 1'],
    ['a version of two digits', 'kf12.AAAA', 'ERR_ENVELOPE_VERSION: the envelope is of version 12, this release reads version 1'],
    ['plaintext', 'kf is short for Keyfold', 'ERR_NOT_SEALED: the text does not begin as an envelope does'],
    ['padding', 'kf1.S0YBAQ==', 'ERR_ENVELOPE_MALFORMED: its text is not strict base64url'],
    ['one character too many', 'kf1.S0YBA', 'ERR_ENVELOPE_MALFORMED: its text is not strict base64url'],
    ['two versions', 'kf1.S0YCAQAB', 'ERR_ENVELOPE_MALFORMED: its text and its bytes name different versions'],
    ['a number', 42 as unknown as string, 'ERR_ARGUMENT: an envelope is a Uint8Array or its text form, not number'],
  ])('%s is refused for what it is', (_name, value, error) => expect(errorOf(() => toBytes(value))).toBe(error))

  test('of over 256 MiB is refused before it is decoded', () => {
    const huge = `kf1.${'A'.repeat(Math.ceil(((LIMITS.textBytes + 1) * 4) / 3))}`
    expect(errorOf(() => toBytes(huge))).toBe('ERR_LIMIT: the envelope has 268435457 bytes in its text form, at most 268435456 are allowed')
  })

  test('an envelope over 256 MiB has none', () => {
    const huge = new Uint8Array(LIMITS.textBytes + 1)
    expect(errorOf(() => toText(huge))).toBe('ERR_LIMIT: the envelope has 268435457 bytes for the text form, at most 268435456 are allowed')
  })
})
