/** Batches of AES-KWP against the key wrap of OpenSSL, and against vectors that others made. */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as noble from '../src/backend-noble.ts'
import * as node from '../src/backend-node.ts'
import type { BlockCipher } from '../src/kwp-batch.ts'
import { unwrapBatch, wrapBatch } from '../src/kwp-batch.ts'
import { codeOf } from './keys.ts'
import type { Case } from './published.ts'
import { nist, wycheproof } from './published.ts'
import { hex, unhex } from './vectors.ts'

const KWP_IV = unhex('a65959a6')
/** RFC 3394, section 2.2.3.1: the initial value of KW, whose steps KWP shares. */
const KW_IV = [...unhex('a6a6a6a6a6a6a6a6')]

function opensslWrap(kek: Uint8Array, secret: Uint8Array): string {
  return createCipheriv('id-aes256-wrap-pad', kek, KWP_IV).update(secret).toString('hex')
}

function opensslUnwrap(kek: Uint8Array, wrapped: Uint8Array): string | undefined {
  try {
    return createDecipheriv('id-aes256-wrap-pad', kek, KWP_IV).update(wrapped).toString('hex')
  } catch {
    return undefined
  }
}

function ecb(kek: Uint8Array): Record<'encrypt' | 'decrypt', BlockCipher> {
  const encryptor = createCipheriv('aes-256-ecb', kek, null).setAutoPadding(false)
  const decryptor = createDecipheriv('aes-256-ecb', kek, null).setAutoPadding(false)
  return { encrypt: (blocks) => encryptor.update(blocks), decrypt: (blocks) => decryptor.update(blocks) }
}

const secrets = (count: number): Uint8Array[] => Array.from({ length: count }, () => Uint8Array.from(randomBytes(32)))
const optionalHex = (bytes: Uint8Array | undefined): string | undefined => (bytes === undefined ? undefined : hex(bytes))
const flipped = (bytes: Uint8Array, bit: number): Uint8Array => bytes.map((byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte))

describe.each([
  ['node:crypto', node],
  ['@noble', noble],
])('%s', (_, { aesKwp }) => {
  test('a batch gives the bytes that OpenSSL’s own key wrap gives, for each in its place', () => {
    const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 })
    fc.assert(
      fc.property(bytes32, fc.array(bytes32, { maxLength: 40 }), (kek, batch) => {
        const kwp = aesKwp(kek)
        const wraps = kwp.wrapMany(batch)
        expect(wraps.map(hex)).toEqual(batch.map((secret) => opensslWrap(kek, secret)))
        expect(kwp.unwrapMany(wraps).map(optionalHex)).toEqual(batch.map(hex))
      }),
    )
  })

  test('what is altered is refused in its place, as one by one, and all else opens', () => {
    const kek = randomBytes(32)
    const kwp = aesKwp(kek)
    const batch = secrets(60)
    const bit = fc.option(fc.integer({ min: 0, max: 40 * 8 - 1 }))
    fc.assert(
      fc.property(fc.array(bit, { minLength: 60, maxLength: 60 }), (bits) => {
        const wraps = batch.map((secret, i) => (bits[i] === null ? kwp.wrap(secret) : flipped(kwp.wrap(secret), bits[i]!)))
        const opened = kwp.unwrapMany(wraps).map(optionalHex)
        expect(opened).toEqual(wraps.map((wrapped) => opensslUnwrap(kek, wrapped)))
        expect(opened).toEqual(batch.map((secret, i) => (bits[i] === null ? hex(secret) : undefined)))
      }),
      { numRuns: 20 },
    )
  })

  test('Wycheproof: the cases of our size, all in one batch', (context) => {
    for (const { keySize, tests } of wycheproof<Case>(context, 'aes_kwp_test.json')) {
      const ours = keySize === 256 ? tests.filter(({ ct }) => ct.length === 80) : []
      for (const key of new Set(ours.map((one) => one.key))) {
        const cases = ours.filter((one) => one.key === key)
        // repeated, so that the batch is one that goes abreast
        const batch = [...cases, ...cases, ...cases, ...cases, ...cases, ...cases, ...cases, ...cases]
        const kwp = aesKwp(unhex(key))
        const isGood = ({ result, msg }: Case): boolean => result === 'valid' && msg.length === 64
        const wanted = batch.map((one) => (isGood(one) ? one.msg : undefined))
        expect(kwp.unwrapMany(batch.map(({ ct }) => unhex(ct))).map(optionalHex)).toEqual(wanted)
        const good = batch.filter(isGood)
        expect(kwp.wrapMany(good.map(({ msg }) => unhex(msg))).map(hex)).toEqual(good.map(({ ct }) => ct))
      }
    }
  })

  test('a key of another size in a batch is refused by type, before anything is wrapped', () => {
    const kwp = aesKwp(randomBytes(32))
    for (const count of [1, 7, 8, 30]) {
      for (const length of [0, 31, 33]) {
        expect(codeOf(() => kwp.wrapMany([...secrets(count), new Uint8Array(length)]))).toBe('ERR_ARGUMENT')
        expect(codeOf(() => kwp.unwrapMany([...kwp.wrapMany(secrets(count)), new Uint8Array(length)]))).toBe('ERR_ARGUMENT')
      }
    }
  })

  test('neither what goes in is changed, nor does one result share its bytes with another', () => {
    const kwp = aesKwp(randomBytes(32))
    const batch = secrets(20)
    const before = batch.map(hex)
    const wraps = kwp.wrapMany(batch)
    const wrapsBefore = wraps.map(hex)
    const opened = kwp.unwrapMany(wraps)
    opened[3]!.fill(0)
    wraps[5]!.fill(0)
    expect(batch.map(hex)).toEqual(before)
    expect(opened.map(optionalHex)).toEqual(before.map((secret, i) => (i === 3 ? '00'.repeat(32) : secret)))
    expect(wraps.map(hex)).toEqual(wrapsBefore.map((wrap, i) => (i === 5 ? '00'.repeat(40) : wrap)))
  })
})

test('NIST KW: the 200 cases of 32 bytes show the steps, which KWP shares', (context) => {
  const ours = (file: string) => nist(context, file).filter((one) => one['PLAINTEXT LENGTH'] === '256')
  const [encrypt, decrypt] = [ours('KW_AE_256.txt'), ours('KW_AD_256.txt')]
  expect([encrypt.length, decrypt.length]).toEqual([100, 100])
  for (const one of encrypt) {
    const made = wrapBatch([unhex(one['P']!), unhex(one['P']!)], ecb(unhex(one['K']!)).encrypt, KW_IV)
    expect(made.map(hex)).toEqual([one['C'], one['C']])
  }
  for (const one of decrypt) {
    const made = unwrapBatch([unhex(one['C']!)], ecb(unhex(one['K']!)).decrypt, KW_IV)
    expect(made.map(optionalHex)).toEqual(['FAIL' in one ? undefined : one['P']])
  }
})

describe('a large batch', () => {
  test.each([1023, 1024, 1025, 2049])('%i keys go through AES 24 times for each 1024, in their order', (count) => {
    const kek = randomBytes(32)
    const { encrypt, decrypt } = ecb(kek)
    const sizes: number[] = []
    const counted =
      (aes: BlockCipher): BlockCipher =>
      (blocks) => (sizes.push(blocks.length), aes(blocks))
    const batch = secrets(count)
    const wraps = wrapBatch(batch, counted(encrypt))
    expect(sizes).toHaveLength(24 * Math.ceil(count / 1024))
    expect(Math.max(...sizes)).toBe(16 * Math.min(count, 1024))
    expect(unwrapBatch(wraps, counted(decrypt)).map(optionalHex)).toEqual(batch.map(hex))
    expect(sizes).toHaveLength(48 * Math.ceil(count / 1024))
    for (const i of [0, 1022, count - 1]) expect(hex(wraps[i]!)).toBe(opensslWrap(kek, batch[i]!))
  })

  test('none at all is none', () => {
    const never: BlockCipher = () => expect.unreachable()
    expect([wrapBatch([], never), unwrapBatch([], never)]).toEqual([[], []])
  })
})

test('each of the eight bytes of the integrity value counts', () => {
  // With an AES that changes nothing, the steps change the last byte of A alone: by 1 XOR 2 XOR … XOR 24 = 24.
  const nothing: BlockCipher = (blocks) => Uint8Array.from(blocks)
  const intact = Uint8Array.of(0xa6, 0x59, 0x59, 0xa6, 0, 0, 0, 32 ^ 24, ...new Uint8Array(32).fill(7))
  const altered = Array.from({ length: 8 }, (_, at) => flipped(intact, at * 8))
  expect(unwrapBatch([intact, ...altered], nothing).map(optionalHex)).toEqual(['07'.repeat(32), ...altered.map(() => undefined)])
  expect(wrapBatch([new Uint8Array(32).fill(7)], nothing).map(hex)).toEqual([hex(intact)])
})

describe('what is left behind', () => {
  const { encrypt, decrypt } = ecb(randomBytes(32))
  const seen: Uint8Array[] = []
  const watched =
    (aes: BlockCipher): BlockCipher =>
    (blocks) => {
      const out = aes(blocks)
      seen.push(blocks, out)
      return out
    }
  const zeroBytes = (): boolean => seen.every((bytes) => bytes.every((byte) => byte === 0))

  test('every block that AES gave or took is cleared', () => {
    const wraps = wrapBatch(secrets(10), watched(encrypt))
    unwrapBatch(wraps, watched(decrypt))
    expect(seen).toHaveLength(96)
    expect(zeroBytes()).toBe(true)
  })

  test('and so it is where AES fails in the middle', () => {
    const failing = (aes: BlockCipher): BlockCipher => {
      let calls = 0
      return (blocks) => {
        if (++calls === 20) throw new Error('no more')
        return watched(aes)(blocks)
      }
    }
    seen.length = 0
    expect(() => wrapBatch(secrets(10), failing(encrypt))).toThrow('no more')
    expect(() => unwrapBatch(wrapBatch(secrets(10), encrypt), failing(decrypt))).toThrow('no more')
    expect(seen).toHaveLength(76)
    expect(zeroBytes()).toBe(true)
  })

  test('the secret of a wrap that is not intact is cleared, and not given out', () => {
    const [wrapped] = wrapBatch(secrets(1), encrypt)
    // the intact one shares memory with the other
    const [, good] = unwrapBatch([flipped(wrapped!, 77), wrapped!], decrypt)
    expect(new Uint8Array(good!.buffer).subarray(8, 40).every((byte) => byte === 0)).toBe(true)
  })
})
