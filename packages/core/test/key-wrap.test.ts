/** The key wrap of every backend: one and the same, whoever does the arithmetic. */
import { createCipheriv } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as bun from '../src/backend-bun.ts'
import * as noble from '../src/backend-noble.ts'
import * as node from '../src/backend-node.ts'
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
