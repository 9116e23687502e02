/**
 * The floors: the calls of node:crypto that format v1 needs for a piece of work (docs/format.md), and nothing else. No envelope is put together or
 * parsed, no context encoded, nothing checked, wiped or copied; but each call is made in the cheapest way that we know.
 */
import type { KeyObject } from 'node:crypto'
import { createCipheriv, createDecipheriv, createSecretKey, hash, randomBytes, randomFillSync, timingSafeEqual } from 'node:crypto'

const SHA_512_BLOCK = 128
const KWP_IV = Buffer.from('a65959a6', 'hex') // RFC 5649, section 3
const TAG = { authTagLength: 16 }
const DERIVATION = Buffer.from('000000016b6579666f6c64207265636f72640001010000000200', 'hex')
const AAD_LENGTH = 5 + 32 + 32
const POOL_LENGTH = 8192

/** A sealed record in the parts that the calls gave. */
export interface Parts {
  readonly wrapped: Uint8Array
  readonly commitment: Uint8Array
  readonly ciphertext: Uint8Array
  readonly tag: Uint8Array
}

const kek = createSecretKey(randomBytes(32))
const nextKek = createSecretKey(randomBytes(32))
const pool = Buffer.alloc(POOL_LENGTH)
let used = POOL_LENGTH
const inner = Buffer.alloc(SHA_512_BLOCK + DERIVATION.length)
inner.set(DERIVATION, SHA_512_BLOCK)
const outer = Buffer.alloc(SHA_512_BLOCK + 64)
const aad = Buffer.alloc(AAD_LENGTH)

/** A fresh data key, HMAC-SHA-512 of it, SHA-256 of the context, AES-256-GCM of the payload, AES-KWP of the data key: one record by itself. */
export function floorSeal(payload: Uint8Array, context: Uint8Array): Parts {
  const dek = randomDek()
  return floorSealUnder(dek, wrap(dek, kek), payload, context)
}

/** The same without the wrap of the data key: keyfold makes wraps ahead of their records, many at once, which costs a fifth of one by itself. */
export function floorSealUnwrapped(payload: Uint8Array, context: Uint8Array): Parts {
  return floorSealUnder(randomDek(), NO_WRAP, payload, context)
}

const NO_WRAP = Buffer.alloc(40)

function floorSealUnder(dek: Uint8Array, wrapped: Uint8Array, payload: Uint8Array, context: Uint8Array): Parts {
  const derived = derive(dek)
  const commitment = derived.subarray(0, 32)
  const cipher = createCipheriv('aes-256-gcm', createSecretKey(derived.subarray(32)), derived.subarray(0, 12))
  cipher.setAAD(aadOf(commitment, context))
  const ciphertext = cipher.update(payload)
  cipher.final()
  return { wrapped, commitment, ciphertext, tag: cipher.getAuthTag() }
}

/** The same calls in the other direction, and the comparison of the commitment. */
export function floorOpen({ wrapped, commitment, ciphertext, tag }: Parts, context: Uint8Array): Uint8Array {
  const derived = derive(unwrap(wrapped, kek))
  if (!timingSafeEqual(derived.subarray(0, 32), commitment)) throw new Error('not committed to')
  const decipher = createDecipheriv('aes-256-gcm', createSecretKey(derived.subarray(32)), derived.subarray(0, 12), TAG)
  decipher.setAAD(aadOf(commitment, context))
  decipher.setAuthTag(tag)
  const payload = decipher.update(ciphertext)
  decipher.final()
  return payload
}

/** Unwrap, HMAC-SHA-512 for the commitment, wrap. */
export function floorRewrap({ wrapped, commitment }: Parts): Uint8Array {
  const dek = unwrap(wrapped, kek)
  if (!timingSafeEqual(derive(dek).subarray(0, 32), commitment)) throw new Error('not committed to')
  return wrap(dek, nextKek)
}

/** One read and one seal. */
export function floorReencrypt(parts: Parts, context: Uint8Array): Parts {
  return floorSeal(floorOpen(parts, context), context)
}

function randomDek(): Uint8Array {
  if (used + 32 > POOL_LENGTH) {
    randomFillSync(pool)
    used = 0
  }
  used += 32
  return pool.subarray(used - 32, used)
}

/** HMAC by two hashes costs half of node:crypto's Hmac. */
function derive(dek: Uint8Array): Buffer {
  for (let i = 0; i < SHA_512_BLOCK; i++) {
    const byte = i < 32 ? dek[i]! : 0
    inner[i] = byte ^ 0x36
    outer[i] = byte ^ 0x5c
  }
  outer.write(hash('sha512', inner, 'binary'), SHA_512_BLOCK, 'latin1')
  return hash('sha512', outer, 'buffer')
}

function aadOf(commitment: Uint8Array, context: Uint8Array): Buffer {
  aad.set(commitment, 5)
  aad.write(hash('sha256', context, 'binary'), 37, 'latin1')
  return aad
}

function wrap(dek: Uint8Array, key: KeyObject): Buffer {
  const cipher = createCipheriv('id-aes256-wrap-pad', key, KWP_IV)
  const wrapped = cipher.update(dek)
  cipher.final()
  return wrapped
}

function unwrap(wrapped: Uint8Array, key: KeyObject): Buffer {
  const decipher = createDecipheriv('id-aes256-wrap-pad', key, KWP_IV)
  const dek = decipher.update(wrapped)
  decipher.final()
  return dek
}

const CHUNK = 16_384

/** Ciphertext and tag of a chunk, as node:crypto gives them: not joined, so that no byte is copied. */
export type Chunk = readonly [ciphertext: Uint8Array, tag: Uint8Array]

const chunkNonce = randomBytes(12)

/** AES-256-GCM of the chunks of 16 KiB of a stream, one call each. Gives the chunks of the last piece. */
export function floorSealChunks(pieces: readonly Uint8Array[]): Chunk[] {
  let chunks: Chunk[] = []
  for (const piece of pieces) {
    chunks = []
    for (let at = 0; at < piece.length; at += CHUNK) {
      const cipher = createCipheriv('aes-256-gcm', kek, chunkNonce)
      const ciphertext = cipher.update(piece.subarray(at, at + CHUNK))
      cipher.final()
      chunks.push([ciphertext, cipher.getAuthTag()])
    }
  }
  return chunks
}

/** Opens `count` chunks, those given over and over. */
export function floorOpenChunks(chunks: readonly Chunk[], count: number): void {
  for (let i = 0; i < count; i++) {
    const [ciphertext, tag] = chunks[i % chunks.length]!
    const decipher = createDecipheriv('aes-256-gcm', kek, chunkNonce, TAG)
    decipher.setAuthTag(tag)
    decipher.update(ciphertext)
    decipher.final()
  }
}

/** What two AES-256-GCM calls give, for the data key and for the payload: an envelope that commits to no key and binds no context. */
export type Uncommitted = readonly [key: Chunk, nonces: Uint8Array, body: Chunk]

export function uncommittedSeal(payload: Uint8Array): Uncommitted {
  const dek = randomDek()
  const nonces = Uint8Array.from(randomDek().subarray(0, 24))
  return [gcm(kek, nonces.subarray(0, 12), dek), nonces, gcm(createSecretKey(dek), nonces.subarray(12), payload)]
}

export function uncommittedOpen([key, nonces, body]: Uncommitted): Uint8Array {
  return gcmOpen(createSecretKey(gcmOpen(kek, nonces.subarray(0, 12), key)), nonces.subarray(12), body)
}

function gcm(key: KeyObject, nonce: Uint8Array, payload: Uint8Array): Chunk {
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  const ciphertext = cipher.update(payload)
  cipher.final()
  return [ciphertext, cipher.getAuthTag()]
}

function gcmOpen(key: KeyObject, nonce: Uint8Array, [ciphertext, tag]: Chunk): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, TAG)
  decipher.setAuthTag(tag)
  const payload = decipher.update(ciphertext)
  decipher.final()
  return payload
}
