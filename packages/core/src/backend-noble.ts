/** The portable backend (browsers, edge runtimes): @noble. Has the same exports as backend-node.ts, and gives the same bytes. */
import { aeskwp, gcm } from '@noble/ciphers/aes.js'
import { equalBytes } from '@noble/ciphers/utils.js'
import { hmac } from '@noble/hashes/hmac.js'
import { sha256 as nobleSha256, sha512 } from '@noble/hashes/sha2.js'
import type { Algorithm } from './approved.ts'
import { assertApproved } from './approved.ts'
import type { AesKwp, AuthenticatedCiphertext, GcmInput, GcmStream } from './backend.ts'
import { checkGcm, checkLength } from './backend.ts'
import { KeyfoldError } from './errors.ts'

/** Not a validated module, whatever it computes. */
export const BACKEND: Algorithm = { name: '@noble', fips: false }

const TAG_LENGTH = 16
/** What getRandomValues fills in one call. */
const RANDOM_LIMIT = 65_536

/** Random bytes of the runtime's own generator. */
export function randomBytes(length: number): Uint8Array {
  assertApproved(BACKEND)
  const out = new Uint8Array(length)
  for (let at = 0; at < length; at += RANDOM_LIMIT) globalThis.crypto.getRandomValues(out.subarray(at, at + RANDOM_LIMIT))
  return out
}

/** SHA-256 (FIPS 180-4), 32 bytes: written to `out` at `at`, and `out` is what it gives. */
export function sha256(message: Uint8Array, out = new Uint8Array(32), at = 0): Uint8Array {
  assertApproved(BACKEND)
  out.set(nobleSha256(message), at)
  return out
}

/** HMAC-SHA-256 (FIPS 198-1), 32 bytes. */
export function hmacSha256(key: Uint8Array, message: Uint8Array): Uint8Array {
  assertApproved(BACKEND)
  return hmac(nobleSha256, key, message)
}

/** HMAC-SHA-512 (FIPS 198-1), 64 bytes. */
export function hmacSha512(key: Uint8Array, message: Uint8Array): Uint8Array {
  assertApproved(BACKEND)
  return hmac(sha512, key, message)
}

/** Nothing to free: the memory is the garbage collector's. */
export function release(_made: Uint8Array): void {}

/** AES-256-GCM (SP 800-38D). */
export function gcmEncrypt(input: GcmInput, plaintext: Uint8Array): AuthenticatedCiphertext {
  assertApproved(BACKEND)
  checkGcm(input)
  const sealed = gcm(input.key, input.nonce, input.aad).encrypt(plaintext)
  return { ciphertext: sealed.subarray(0, -TAG_LENGTH), tag: sealed.subarray(-TAG_LENGTH) }
}

/** AES-256-GCM; undefined where the tag does not fit. */
export function gcmDecrypt(input: GcmInput, { ciphertext, tag }: AuthenticatedCiphertext): Uint8Array | undefined {
  assertApproved(BACKEND)
  checkGcm(input, tag)
  const sealed = new Uint8Array(ciphertext.length + tag.length)
  sealed.set(ciphertext)
  sealed.set(tag, ciphertext.length)
  return attempt(() => gcm(input.key, input.nonce, input.aad).decrypt(sealed))
}

/** AES-256-GCM for the chunks of a stream. Keeps a copy of `key`, until `wipe`. */
export function gcmStream(key: Uint8Array): GcmStream {
  assertApproved(BACKEND)
  checkLength('key', key)
  const copy = Uint8Array.from(key)
  let wiped = false
  const cipher = (nonce: Uint8Array) => {
    checkLength('nonce', nonce)
    if (wiped) throw new KeyfoldError('ERR_ARGUMENT', 'the key of this stream is wiped')
    return gcm(copy, nonce)
  }
  return {
    seal(nonce, plaintext, out) {
      out.set(cipher(nonce).encrypt(plaintext))
    },
    open(nonce, sealed, out) {
      const { decrypt } = cipher(nonce)
      const plaintext = attempt(() => decrypt(sealed))
      if (plaintext === undefined) return false
      out.set(plaintext)
      plaintext.fill(0)
      return true
    },
    wipe() {
      copy.fill(0)
      wiped = true
    },
  }
}

/** AES-256 key wrap with padding (SP 800-38F KWP, RFC 5649). The key stays in the closure. */
export function aesKwp(kek: Uint8Array): AesKwp {
  assertApproved(BACKEND)
  checkLength('key', kek)
  const key = Uint8Array.from(kek)
  const wrap = (secret: Uint8Array): Uint8Array => {
    checkLength('data key', secret)
    return aeskwp(key).encrypt(secret)
  }
  const unwrap = (wrapped: Uint8Array): Uint8Array | undefined => {
    checkLength('wrapped data key', wrapped)
    const secret = attempt(() => aeskwp(key).decrypt(wrapped))
    return secret?.length === 32 ? secret : undefined // the padding says how long it is
  }
  return { wrap, unwrap, wrapMany: (secrets) => secrets.map(wrap), unwrapMany: (wraps) => wraps.map(unwrap) }
}

function attempt(decrypt: () => Uint8Array): Uint8Array | undefined {
  try {
    return decrypt()
  } catch {
    return undefined
  }
}

/** Whether two byte strings are equal, in a time that tells nothing about where they differ. */
export function equalConstantTime(a: Uint8Array, b: Uint8Array): boolean {
  return equalBytes(a, b)
}

export function encodeBase64url(bytes: Uint8Array): string {
  let binary = ''
  for (const byte of bytes) binary += String.fromCharCode(byte)
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

/** Strict: undefined for padding, white space, other alphabets and stray bits. */
export function decodeBase64url(text: string): Uint8Array | undefined {
  if (!/^[\w-]*$/.test(text) || text.length % 4 === 1) return undefined
  const bytes = Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (character) => character.charCodeAt(0))
  return encodeBase64url(bytes) === text ? bytes : undefined
}
