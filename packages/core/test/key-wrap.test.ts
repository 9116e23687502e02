/** The key wrap of every backend: one and the same, whoever does the arithmetic. */
import { createCipheriv } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as bun from '../src/backend-bun.ts'
import * as noble from '../src/backend-noble.ts'
import * as node from '../src/backend-node.ts'
import { codeOf } from './keys.ts'
import { hex } from './vectors.ts'

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })

test('every backend gives the same wraps and opens those of the others', () => {
  fc.assert(
    fc.property(bytes(32), fc.array(bytes(32), { minLength: 1, maxLength: 5 }), (kek, secrets) => {
      const wraps = [node, noble, bun].map((backend) => backend.aesKwp(kek))
      for (const secret of secrets) {
        const before = hex(secret)
        const [expected, ...others] = wraps.map((kwp) => hex(kwp.wrap(secret)))
        expect(others).toEqual([expected, expected])
        for (const kwp of wraps) expect(hex(kwp.unwrap(Buffer.from(expected!, 'hex'))!)).toBe(before)
        expect(hex(secret)).toBe(before)
      }
    }),
    { numRuns: 200 },
  )
})

describe.each([
  ['node:crypto', node],
  ['@noble', noble],
  ['Bun', bun],
] as const)('%s', (_name, backend) => {
  const kek = Uint8Array.from({ length: 32 }, (_, i) => i)
  const secret = Uint8Array.from({ length: 32 }, (_, i) => 200 - i)

  test('abuse 1: a wrap with any bit flipped is refused, and the next good one opens', () => {
    const kwp = backend.aesKwp(kek)
    const wrapped = kwp.wrap(secret)
    for (let bit = 0; bit < wrapped.length * 8; bit++) {
      const altered = Uint8Array.from(wrapped)
      altered[bit >> 3]! ^= 1 << (bit & 7)
      expect(kwp.unwrap(altered)).toBeUndefined()
    }
    expect(hex(kwp.unwrap(wrapped)!)).toBe(hex(secret))
  })

  test('a batch is what one by one gives, a bad wrap in its place; a wrong size in it is refused', () => {
    const kwp = backend.aesKwp(kek)
    for (const count of [0, 1, 2, 20]) {
      const secrets = Array.from({ length: count }, (_, i) => secret.with(0, i))
      const wraps = kwp.wrapMany(secrets)
      expect(wraps.map(hex)).toEqual(secrets.map((one) => hex(kwp.wrap(one))))
      expect(kwp.unwrapMany(wraps).map((one) => hex(one!))).toEqual(secrets.map(hex))
      const bad = kwp.unwrapMany([...wraps, new Uint8Array(40), ...wraps])
      expect(bad.map((one) => one === undefined)).toEqual([...wraps.map(() => false), true, ...wraps.map(() => false)])
      expect(codeOf(() => kwp.wrapMany([...secrets, new Uint8Array(31)]))).toBe('ERR_ARGUMENT')
      expect(codeOf(() => kwp.unwrapMany([...wraps, new Uint8Array(48)]))).toBe('ERR_ARGUMENT')
    }
  })

  test('a wrap of fewer bytes, padded to the same length, is refused', () => {
    for (const length of [25, 31]) {
      const cipher = createCipheriv('id-aes256-wrap-pad', kek, Buffer.from('a65959a6', 'hex'))
      const padded = cipher.update(secret.subarray(0, length))
      expect(padded).toHaveLength(40)
      expect(backend.aesKwp(kek).unwrap(padded)).toBeUndefined()
    }
  })

  test('the key is copied: wiping it afterwards changes nothing', () => {
    const mine = kek.slice()
    const kwp = backend.aesKwp(mine)
    mine.fill(0)
    expect(hex(kwp.wrap(secret))).toBe(hex(backend.aesKwp(kek).wrap(secret)))
  })
})
