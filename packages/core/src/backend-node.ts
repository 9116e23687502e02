/** The backend of Node.js: node:crypto. Has the same exports as backend-noble.ts, and gives the same bytes. */
import type { KeyObject } from 'node:crypto'
import { createCipheriv, createDecipheriv, createHmac, createSecretKey, getFips, hash, randomFillSync, timingSafeEqual } from 'node:crypto'
import { blockCiphers } from './aes-blocks.ts'
import type { Algorithm } from './approved.ts'
import { isBound } from './approved.ts'
import type { AesKwp, AuthenticatedCiphertext, GcmInput, GcmStream } from './backend.ts'
import { checkGcm, checkLength } from './backend.ts'
import { KeyfoldError } from './errors.ts'
import { unwrapBatch, wrapBatch } from './kwp-batch.ts'

/** OpenSSL, whose FIPS provider does the work where FIPS mode is on. */
export const BACKEND: Algorithm = { name: 'node:crypto', fips: true }

const TAG_LENGTH = 16
const POOL_LENGTH = 8192
const pool = new Uint8Array(POOL_LENGTH)
let used = POOL_LENGTH

/** Random bytes from a pool that is filled in one call (40 times cheaper a record) and cleared as it is handed out. */
export function randomBytes(length: number): Uint8Array {
  if (length > POOL_LENGTH) return randomFillSync(new Uint8Array(length))
  if (used + length > POOL_LENGTH) {
    randomFillSync(pool)
    used = 0
  }
  const out = pool.slice(used, used + length)
  pool.fill(0, used, used + length)
  used += length
  return out
}

/**
 * SHA-256 (FIPS 180-4), 32 bytes: written to `out` at `at`, and `out` is what it gives. Of public messages: a text costs half of the buffer that
 * node:crypto makes, and cannot be wiped.
 */
export function sha256(message: Uint8Array, out = new Uint8Array(32), at = 0): Uint8Array {
  const text = hash('sha256', message, 'binary')
  for (let i = 0; i < text.length; i++) out[at + i] = text.charCodeAt(i)
  return out
}

/** HMAC-SHA-256 (FIPS 198-1), 32 bytes. */
export function hmacSha256(key: Uint8Array, message: Uint8Array): Uint8Array {
  return createHmac('sha256', createSecretKey(key)).update(message).digest()
}

/** HMAC-SHA-512 (FIPS 198-1), 64 bytes. */
export function hmacSha512(key: Uint8Array, message: Uint8Array): Uint8Array {
  // In FIPS mode, the approved algorithm is the provider's own HMAC, not ours over its SHA-512. Node 24 is four times slower with raw key bytes.
  if (isFipsMode() || key.length > SHA_512_BLOCK) return createHmac('sha512', createSecretKey(key)).update(message).digest()
  return hmacOfHashes(key, message)
}

/** So long an answer holds. */
const FIPS_MODE_MS = 1
let fipsMode = false
let askedAt = -Infinity

/**
 * Asking OpenSSL takes as long as a hash, and FIPS mode belongs to the start of a program (docs/fips.md). One that is bound to it is in it:
 * `assertApproved` asks each time, and throws where it is not.
 */
function isFipsMode(): boolean {
  if (isBound()) return true
  const now = performance.now()
  if (now - askedAt >= FIPS_MODE_MS) {
    fipsMode = getFips() === 1
    askedAt = now
  }
  return fipsMode
}

const SHA_512_BLOCK = 128
const INNER_PAD = 0x36
const OUTER_PAD = 0x5c
/** Messages of up to so many bytes need no buffer of their own. */
const SHORT_MESSAGE = 64
/** The pads, to which each call adds its key, and from which it takes it away again. */
const innerInput = new Uint8Array(SHA_512_BLOCK + SHORT_MESSAGE).fill(INNER_PAD)
/** The part of it that the last short message took: those of the derivation are all of one length. */
let lastInner = innerInput
const outerInput = new Uint8Array(SHA_512_BLOCK + 64).fill(OUTER_PAD)

/** FIPS 198-1, section 4, by two calls of SHA-512: half the price of the objects that node:crypto makes for an HMAC. Leaves no key behind. */
function hmacOfHashes(key: Uint8Array, message: Uint8Array): Uint8Array {
  const inner = innerFor(message.length)
  inner.set(message, SHA_512_BLOCK)
  for (let i = 0; i < key.length; i++) {
    inner[i] = key[i]! ^ INNER_PAD
    outerInput[i] = key[i]! ^ OUTER_PAD
  }
  try {
    // As a text it is cheaper than as a buffer. It stays in memory for a while, and gives nothing away without the key.
    const digest = hash('sha512', inner, 'binary')
    for (let i = 0; i < digest.length; i++) outerInput[SHA_512_BLOCK + i] = digest.charCodeAt(i)
    return hash('sha512', outerInput, 'buffer')
  } finally {
    // The message too: of a stream, it begins with the key of the chunks.
    inner.fill(0, SHA_512_BLOCK).fill(INNER_PAD, 0, key.length)
    outerInput.fill(0, SHA_512_BLOCK).fill(OUTER_PAD, 0, key.length)
  }
}

function innerFor(messageLength: number): Uint8Array {
  const length = SHA_512_BLOCK + messageLength
  if (messageLength > SHORT_MESSAGE) return new Uint8Array(length).fill(INNER_PAD, 0, SHA_512_BLOCK)
  if (lastInner.length !== length) lastInner = innerInput.subarray(0, length)
  return lastInner
}

/** AES-256-GCM (SP 800-38D). */
export function gcmEncrypt(input: GcmInput, plaintext: Uint8Array): AuthenticatedCiphertext {
  checkGcm(input)
  const cipher = createCipheriv('aes-256-gcm', createSecretKey(input.key), input.nonce)
  cipher.setAAD(input.aad)
  const ciphertext = cipher.update(plaintext)
  cipher.final() // GCM is a stream mode: nothing is left for final
  return { ciphertext, tag: cipher.getAuthTag() }
}

/** AES-256-GCM; undefined where the tag does not fit. */
export function gcmDecrypt(input: GcmInput, { ciphertext, tag }: AuthenticatedCiphertext): Uint8Array | undefined {
  checkGcm(input, tag)
  // Without authTagLength, node:crypto would accept a tag of 4 bytes.
  const decipher = createDecipheriv('aes-256-gcm', createSecretKey(input.key), input.nonce, { authTagLength: TAG_LENGTH })
  decipher.setAAD(input.aad)
  decipher.setAuthTag(tag)
  const plaintext = decipher.update(ciphertext)
  try {
    decipher.final()
    return withoutBuffer(plaintext)
  } catch {
    plaintext.fill(0)
    return undefined
  }
}

/** AES-256-GCM for the chunks of a stream: one key object for all of them. `key` is not kept. */
export function gcmStream(key: Uint8Array): GcmStream {
  checkLength('key', key)
  let object: KeyObject | undefined = createSecretKey(key)
  const held = (): KeyObject => {
    if (object === undefined) throw new KeyfoldError('ERR_ARGUMENT', 'the key of this stream is wiped')
    return object
  }
  return {
    seal(nonce, plaintext, out) {
      checkLength('nonce', nonce)
      const cipher = createCipheriv('aes-256-gcm', held(), nonce)
      const ciphertext = cipher.update(plaintext)
      cipher.final()
      out.set(ciphertext)
      release(ciphertext)
      out.set(cipher.getAuthTag(), plaintext.length)
    },
    open(nonce, sealed, out) {
      checkLength('nonce', nonce)
      const end = sealed.length - TAG_LENGTH
      const decipher = createDecipheriv('aes-256-gcm', held(), nonce, { authTagLength: TAG_LENGTH })
      decipher.setAuthTag(sealed.subarray(end))
      const plaintext = decipher.update(sealed.subarray(0, end))
      try {
        decipher.final()
      } catch {
        plaintext.fill(0)
        return false
      }
      out.set(plaintext)
      plaintext.fill(0)
      release(plaintext)
      return true
    },
    wipe() {
      object = undefined
    },
  }
}

const WORTH_RELEASING = 4096

/**
 * Frees what this backend made and nobody will read again. Left to the garbage collector, such buffers of 16 KiB and more would pass through all of
 * the caches before they are used again, at the price of a fifth of the speed. Small ones cost more to free than to leave.
 */
export function release({ buffer, length }: Uint8Array): void {
  // A runtime that cuts them out of a larger buffer keeps that one.
  if (length >= WORTH_RELEASING && buffer instanceof ArrayBuffer && buffer.byteLength === length) buffer.transfer(0)
}

const KWP_IV = new Uint8Array([0xa6, 0x59, 0x59, 0xa6]) // RFC 5649, section 3
/** From so many on, a batch in 24 calls of AES costs less than a cipher object for each. */
const BATCH_FROM = 8

/** AES-256 key wrap with padding (SP 800-38F KWP, RFC 5649). The key stays in a KeyObject within the closure. */
export function aesKwp(kek: Uint8Array): AesKwp {
  checkLength('key', kek)
  const key = createSecretKey(kek)
  const wrap = (secret: Uint8Array): Uint8Array => {
    checkLength('data key', secret)
    const cipher = createCipheriv('id-aes256-wrap-pad', key, KWP_IV)
    const wrapped = cipher.update(secret)
    cipher.final()
    return wrapped
  }
  const unwrap = (wrapped: Uint8Array): Uint8Array | undefined => {
    checkLength('wrapped data key', wrapped)
    try {
      const decipher = createDecipheriv('id-aes256-wrap-pad', key, KWP_IV)
      const secret = decipher.update(wrapped)
      decipher.final()
      return secret.length === 32 ? secret : undefined // the padding says how long it is
    } catch {
      return undefined
    }
  }
  const blocks = blockCiphers(key)
  return {
    wrap,
    unwrap,
    wrapMany(secrets) {
      if (isOneByOne(secrets)) return secrets.map(wrap)
      for (const secret of secrets) checkLength('data key', secret)
      return wrapBatch(secrets, blocks.encrypt)
    },
    unwrapMany(wraps) {
      if (isOneByOne(wraps)) return wraps.map(unwrap)
      for (const wrapped of wraps) checkLength('wrapped data key', wrapped)
      return unwrapBatch(wraps, blocks.decrypt)
    },
  }
}

/** In FIPS mode, the approved algorithm is the provider's own key wrap, not our steps over its AES. */
function isOneByOne(batch: readonly Uint8Array[]): boolean {
  return batch.length < BATCH_FROM || isFipsMode()
}

/** Whether two byte strings are equal, in a time that tells nothing about where they differ. */
export function equalConstantTime(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}

export function encodeBase64url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url')
}

/** Strict: undefined for padding, white space, other alphabets and stray bits, all of which Node's own decoder lets pass. */
export function decodeBase64url(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64url')
  return bytes.toString('base64url') === text ? withoutBuffer(bytes) : undefined
}

/** A plain view: what callers get must behave alike in every runtime, and a Buffer prints, compares and slices differently. */
function withoutBuffer(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length)
}
