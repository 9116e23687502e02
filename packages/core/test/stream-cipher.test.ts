/** c2sp.org/chunked-encryption by itself: against vectors that others made, and at the ends of its range. */
import { createDecipheriv, createHash, createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { inflateSync } from 'node:zlib'
import { corpus } from '@keyfold/test-support'
import { describe, expect, test } from 'vitest'
import { chunkOpener, chunkSealer } from '../src/stream-chunks.ts'
import type { ChunkCipher } from '../src/stream-cipher.ts'
import { openingCipher, PREFIX_LENGTH, sealingCipher } from '../src/stream-cipher.ts'
import { codeOf, insecureKey } from './keys.ts'
import { cutInto, SEALED_CHUNK } from './streams.ts'
import { hex, unhex } from './vectors.ts'

interface Case {
  tcId: number
  comment: string
  key: string
  ctx: string
  ct: string
  msgLength?: number
  msgSha512?: string
  result: 'valid' | 'invalid'
  flags: string[]
}

const sha512 = (bytes: Uint8Array): string => createHash('sha512').update(bytes).digest('hex')

/** Opens a message chunk by chunk; gives what came before the failure, and its code. */
function open(message: Uint8Array, key: Uint8Array, context: Uint8Array): { plaintext: Uint8Array; code: string | undefined } {
  const out: Uint8Array[] = []
  const code = codeOf(() => {
    const opener = chunkOpener(openingCipher(key, message.subarray(0, PREFIX_LENGTH), context))
    for (const piece of cutInto(message.subarray(PREFIX_LENGTH), SEALED_CHUNK)) out.push(opener.push(piece))
    out.push(opener.end())
  })
  return { plaintext: Buffer.concat(out), code }
}

test('the Wycheproof cases: 35 of c2sp.org/chunked-encryption with AES-256-GCM and SHA-512', (context) => {
  const file = corpus(context, 'wycheproof', 'c2sp_chunked_encryption_aes_256_gcm_test.json')
  const groups = (JSON.parse(readFileSync(file, 'utf8')) as { testGroups: Array<{ aead: string; sha: string; tests: Case[] }> }).testGroups
  expect(groups.map(({ aead, sha }) => `${aead} ${sha}`)).toEqual(['AEAD_AES_256_GCM SHA-512'])
  const cases = groups.flatMap(({ tests }) => tests)
  expect(cases).toHaveLength(35)
  for (const one of cases) {
    const message = inflateSync(unhex(one.ct))
    const { plaintext, code } = open(message, unhex(one.key), unhex(one.ctx))
    const name = `${one.tcId}: ${one.comment}`
    expect(code === undefined ? 'valid' : 'invalid', name).toBe(one.result)
    expect(code ?? 'ERR_', name).toMatch(/^ERR_/)
    expect(plaintext.length, name).toBe(one.msgLength ?? 0)
    if (one.msgSha512 !== undefined) expect(sha512(plaintext), name).toBe(one.msgSha512)
    if (one.result === 'valid') expect(sealAgain(message, plaintext, one), name).toBe(hex(message))
  }
})

function sealAgain(message: Uint8Array, plaintext: Uint8Array, { key, ctx }: Case): string {
  const cipher = sealingCipher(unhex(key), unhex(ctx), message.subarray(0, 24))
  const sealer = chunkSealer(cipher)
  return hex(Buffer.concat([cipher.prefix, sealer.push(plaintext), sealer.end()]))
}

const key = insecureKey('chunks')
const context = new TextEncoder().encode('context')
const salt = insecureKey('salt').subarray(0, 24)

/** The derivation once more, from the text of the specification. */
function derived(): { key: Buffer; baseNonce: Buffer; commitment: Buffer } {
  const info = Buffer.concat([Buffer.from('c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0'), salt, context])
  const first = createHmac('sha512', key).update(info).update(Buffer.of(1)).digest()
  const second = createHmac('sha512', key).update(first).update(info).update(Buffer.of(2)).digest()
  const output = Buffer.concat([first, second])
  return { key: output.subarray(0, 32), baseNonce: output.subarray(32, 44), commitment: output.subarray(44, 76) }
}

function sealChunk(cipher: ChunkCipher, index: number, plaintext: Uint8Array): Uint8Array {
  const out = new Uint8Array(plaintext.length + 16)
  cipher.seal(index, plaintext, out)
  return out
}

describe('one chunk', () => {
  const plaintext = new TextEncoder().encode('plaintext of a chunk')

  test.each([0, 1, 255, 256, 65_537, 2 ** 31, 2 ** 32 + 5, 2 ** 38 - 1])('%d has the nonce of its number', (index) => {
    const { key: aesKey, baseNonce } = derived()
    const number = Buffer.alloc(12)
    number.writeBigUInt64BE(BigInt(index), 4)
    const nonce = baseNonce.map((byte, i) => byte ^ number[i]!)
    const sealed = sealChunk(sealingCipher(key, context, salt), index, plaintext)
    const decipher = createDecipheriv('aes-256-gcm', aesKey, nonce, { authTagLength: 16 }).setAuthTag(sealed.subarray(-16))
    expect(Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()])).toEqual(Buffer.from(plaintext))
  })

  test('has a nonce that those before it leave alone', () => {
    const cipher = sealingCipher(key, context, salt)
    const before = sealChunk(cipher, 3, plaintext)
    sealChunk(cipher, 2 ** 38 - 1, plaintext)
    expect(sealChunk(cipher, 3, plaintext)).toEqual(before)
  })

  test('behind the last that a message may have is refused, sealing and opening', () => {
    const cipher = sealingCipher(key, context, salt)
    expect(codeOf(() => sealChunk(cipher, 2 ** 38 - 1, plaintext))).toBeUndefined()
    expect(codeOf(() => sealChunk(cipher, 2 ** 38, plaintext))).toBe('ERR_LIMIT')
    expect(codeOf(() => cipher.open(2 ** 38, new Uint8Array(20), new Uint8Array(4)))).toBe('ERR_LIMIT')
  })

  test('that is not authentic writes nothing', () => {
    const cipher = sealingCipher(key, context, salt)
    const sealed = sealChunk(cipher, 0, plaintext)
    const out = new Uint8Array(plaintext.length).fill(7)
    for (const altered of [sealed.with(0, sealed[0]! ^ 1), sealed.with(-1, sealed.at(-1)! ^ 1)]) {
      expect(codeOf(() => cipher.open(0, altered, out))).toBe('ERR_NOT_AUTHENTIC')
      expect(codeOf(() => cipher.open(1, sealed, out))).toBe('ERR_NOT_AUTHENTIC')
      expect(out).toEqual(new Uint8Array(plaintext.length).fill(7))
    }
    cipher.open(0, sealed, out)
    expect(out).toEqual(plaintext)
  })
})

describe('the prefix', () => {
  test('is the salt and the commitment of the specification', () => {
    expect(hex(sealingCipher(key, context, salt).prefix)).toBe(hex(salt) + hex(derived().commitment))
  })

  test('has a salt of its own for each message', () => {
    const [one, other] = [sealingCipher(key, context), sealingCipher(key, context)]
    expect(one.prefix).toHaveLength(56)
    expect(hex(one.prefix.subarray(0, 24))).not.toBe(hex(other.prefix.subarray(0, 24)))
  })

  test('of which any bit is another is not authentic, and neither is another key, context or length', () => {
    const { prefix } = sealingCipher(key, context, salt)
    const code = (bytes: Uint8Array, inputKey = key, pairs = context) => codeOf(() => openingCipher(inputKey, bytes, pairs))
    expect(code(prefix)).toBeUndefined()
    for (let bit = 0; bit < prefix.length * 8; bit++)
      expect(code(prefix.with(bit >> 3, prefix[bit >> 3]! ^ (1 << (bit & 7))))).toBe('ERR_NOT_AUTHENTIC')
    expect(code(prefix, insecureKey('other'))).toBe('ERR_NOT_AUTHENTIC')
    expect(code(prefix, key, new Uint8Array())).toBe('ERR_NOT_AUTHENTIC')
    expect(code(prefix.subarray(0, 55))).toBe('ERR_NOT_AUTHENTIC')
  })

  test.each([0, 16, 31, 33])('needs a key of 32 bytes, not %d', (length) => {
    expect(codeOf(() => sealingCipher(new Uint8Array(length), context))).toBe('ERR_ARGUMENT')
  })
})

test('a cipher that was wiped seals and opens nothing', () => {
  const cipher = sealingCipher(key, context, salt)
  const sealed = sealChunk(cipher, 0, context)
  cipher.wipe()
  cipher.wipe()
  expect(codeOf(() => sealChunk(cipher, 0, context))).toBe('ERR_ARGUMENT')
  expect(codeOf(() => cipher.open(0, sealed, new Uint8Array(context.length)))).toBe('ERR_ARGUMENT')
})

test('the key of a caller may be wiped once the cipher is there', () => {
  const copy = Uint8Array.from(key)
  const cipher = sealingCipher(copy, context, salt)
  copy.fill(0)
  expect(sealChunk(cipher, 0, context)).toEqual(sealChunk(sealingCipher(key, context, salt), 0, context))
})
