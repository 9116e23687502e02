import { describe, expect, test } from 'vitest'
import type { ValidCase } from '../../../tools/vectors/case.ts'
import { openSync } from '../src/index.ts'
import { codeOf } from './keys.ts'
import { keyringOf, unhex } from './vectors.ts'

/** The two that a fast test puts through every alteration. The others have a file of their own: they take seconds. */
export const isForFastTest = ({ name }: ValidCase): boolean => name === 'one local key' || name === 'two local keys'

export function withBitFlipped(bytes: Uint8Array, bit: number): Uint8Array {
  const out = Uint8Array.from(bytes)
  out[bit >> 3]! ^= 1 << (bit & 7)
  return out
}

/** Abuse 1 and 2 for these vectors: every bit flipped, cut at every offset. */
export function declareAlterations(cases: readonly ValidCase[]): void {
  const oneEntry = cases.filter(({ keyIds }) => keyIds.length === 1)
  const severalEntries = cases.filter(({ keyIds }) => keyIds.length > 1)

  describe('abuse 1: a flipped bit', () => {
    test.each(oneEntry)('$name: every bit of a one-entry envelope is refused by a typed error', (one) => {
      const bytes = unhex(one.envelope)
      const keyring = keyringOf(one.keks)
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        const code = codeOf(() => openSync(keyring, withBitFlipped(bytes, bit), one.context))
        if (!code?.startsWith('ERR_')) expect.fail(`bit ${bit} was not refused: ${code}`)
      }
    })

    test.each(severalEntries.filter(({ envelope }) => envelope.length < 4000))('$name: no bit changes what opens', (one) => {
      const bytes = unhex(one.envelope)
      const keyring = keyringOf(one.keks)
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        const altered = withBitFlipped(bytes, bit)
        const code = codeOf(() => expect(Buffer.from(openSync(keyring, altered, one.context)).toString('hex')).toBe(one.plaintext))
        if (code !== undefined && !code.startsWith('ERR_')) expect.fail(`bit ${bit}: ${code}`)
      }
    })
  })

  test.each(cases)('abuse 2: $name: refused when cut at any offset', (one) => {
    const bytes = unhex(one.envelope)
    const keyring = keyringOf(one.keks)
    for (let length = 0; length < bytes.length; length++) {
      const code = codeOf(() => openSync(keyring, bytes.subarray(0, length), one.context))
      if (!code?.startsWith('ERR_')) expect.fail(`cut to ${length} bytes, it was not refused: ${code}`)
    }
  })
}
