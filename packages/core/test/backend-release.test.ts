import { expect, test } from 'vitest'
import { gcmEncrypt, randomBytes, release } from '../src/backend-node.ts'

const sealed = (length: number) => gcmEncrypt({ key: randomBytes(32), nonce: randomBytes(12), aad: randomBytes(5) }, randomBytes(length)).ciphertext

test('a large ciphertext that nobody will read again gives back its memory at once', () => {
  const ciphertext = sealed(65_536)
  release(ciphertext)
  expect(ciphertext.length).toBe(0)
})

test('memory that others may see stays: a part of a buffer, and what is shared', () => {
  const whole = sealed(65_536)
  release(whole.subarray(0, 32_768))
  release(new Uint8Array(new SharedArrayBuffer(65_536)))
  expect(whole.length).toBe(65_536)
})
