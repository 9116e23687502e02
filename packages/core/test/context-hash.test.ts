/** The hash of a context is kept for the next message in the same one: it must never be taken for another's. */
import * as backend from '#backend'
import { describe, expect, test } from 'vitest'
import type { Backend } from '../src/cipher.ts'
import { decryptBody, deriveBodyKey, encryptBody } from '../src/cipher.ts'
import { canonicalContext } from '../src/context.ts'
import type { CanonicalContext } from '../src/index.ts'
import { codeOf } from './keys.ts'

const SUITE = 1
const bodyKey = deriveBodyKey(SUITE, new Uint8Array(32).fill(7))
const payload = new TextEncoder().encode('a payload')
const [a, b] = ['1', '2'].map((id) => canonicalContext({ id })) as [CanonicalContext, CanonicalContext]
const sealIn = (context: CanonicalContext, by?: Backend) => encryptBody(SUITE, bodyKey, context, payload, by)
/** The context anew: nothing kept fits it. */
const anew = ({ pairs }: CanonicalContext) => canonicalContext(pairs)

describe('messages in two contexts, one after the other', () => {
  test('each opens in its own alone', () => {
    for (const context of [a, a, b, b, a, b, a]) {
      const other = context === a ? b : a
      const body = sealIn(context)
      expect(codeOf(() => decryptBody(SUITE, bodyKey, other, body))).toBe('ERR_NOT_AUTHENTIC')
      expect(decryptBody(SUITE, bodyKey, anew(context), body)).toEqual(payload)
      expect(decryptBody(SUITE, bodyKey, context, body)).toEqual(payload)
    }
  })

  test('also where the hash of the other failed when it was half written', () => {
    const failing: Backend = {
      ...backend,
      sha256(message, out, at) {
        backend.sha256(message, out, at)
        throw new RangeError('memory is out')
      },
    }
    sealIn(a)
    expect(() => sealIn(b, failing)).toThrow('memory is out')
    expect(decryptBody(SUITE, bodyKey, anew(a), sealIn(a))).toEqual(payload)
    expect(() => sealIn(b, failing)).toThrow('memory is out')
    expect(decryptBody(SUITE, bodyKey, anew(b), sealIn(b))).toEqual(payload)
  })
})
