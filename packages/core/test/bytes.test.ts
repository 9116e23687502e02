import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { concat, equalBytes, fromUtf8, readUint16, readUint32, toHex, toUtf8, wipe, writeUint16, writeUint32, writeUtf8 } from '../src/bytes.ts'
import { codeOf } from './keys.ts'

const ofBytes = (...bytes: number[]): Uint8Array => Uint8Array.from(bytes)

test('concat joins in order', () => {
  expect(concat()).toEqual(ofBytes())
  expect(concat(ofBytes(1, 2), ofBytes(), ofBytes(3))).toEqual(ofBytes(1, 2, 3))
})

test('wipe leaves zeros in every buffer', () => {
  const secrets = [ofBytes(1, 2), ofBytes(3)]
  wipe(...secrets)
  expect(secrets).toEqual([ofBytes(0, 0), ofBytes(0)])
})

describe('equalBytes', () => {
  test.each([
    [[], [], true],
    [[1, 2], [1, 2], true],
    [[1, 2], [1, 3], false],
    [[0, 2], [1, 2], false],
    // one is the beginning of the other
    [[1, 2], [1, 2, 3], false],
    [[1, 2, 3], [1, 2], false],
  ])('%j and %j: %s', (a, b, equal) => expect(equalBytes(ofBytes(...a), ofBytes(...b))).toBe(equal))
})

describe('UTF-8', () => {
  test('is what the encoder gives, in the middle of a buffer too, and nothing beside it is touched', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.nat({ max: 5 }), (text, at) => {
        const expected = new TextEncoder().encode(text)
        expect(toUtf8(text, 'a text')).toEqual(expected)
        const out = new Uint8Array(at + expected.length + 4).fill(0xee)
        expect(writeUtf8(out, at, text)).toBe(expected.length)
        expect(out).toEqual(concat(new Uint8Array(at).fill(0xee), expected, new Uint8Array(4).fill(0xee)))
      }),
    )
  })

  test.each(['\u007f', '\u0080', 'a\u0080', '\u0080a', 'é'])('the border of ASCII: %j', (text) => {
    const out = new Uint8Array(8)
    expect(out.subarray(0, writeUtf8(out, 0, text))).toEqual(new TextEncoder().encode(text))
  })

  test('of a lone surrogate is refused, in the name of what was to be encoded', () => {
    expect(codeOf(() => toUtf8('\ud800', 'the name'))).toBe('ERR_ARGUMENT')
    expect(() => toUtf8('\ud800', 'the name')).toThrow(
      expect.objectContaining({
        message: 'the name has a lone surrogate, which UTF-8 cannot hold',
        hint: expect.stringContaining('pass bytes') as string,
      }),
    )
  })

  test('that is none is refused with its length alone', () => {
    expect(fromUtf8(ofBytes(0xef, 0xbb, 0xbf, 0x61))).toBe('\ufeffa')
    expect(codeOf(() => fromUtf8(ofBytes(0x61, 0xff)))).toBe('ERR_NOT_TEXT')
    expect(() => fromUtf8(ofBytes(0x61, 0xff))).toThrow('the 2 bytes of plaintext are not valid UTF-8')
  })
})

test('hex has two lowercase digits a byte', () => expect(toHex(ofBytes(0, 0x0a, 0xff))).toBe('000aff'))

test('integers stand in network order', () => {
  const out = new Uint8Array(8).fill(0xee)
  writeUint16(out, 1, 0x0102)
  writeUint32(out, 3, 0xfffefdfc)
  expect(out).toEqual(ofBytes(0xee, 1, 2, 0xff, 0xfe, 0xfd, 0xfc, 0xee))
  expect([readUint16(out, 1), readUint32(out, 3)]).toEqual([0x0102, 0xfffefdfc])
  writeUint32(out, 0, 0x01020304)
  expect([...out.subarray(0, 4)]).toEqual([1, 2, 3, 4])
})
