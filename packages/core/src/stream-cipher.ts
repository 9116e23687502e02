/** One chunk of c2sp.org/chunked-encryption with AEAD_AES_256_GCM and SHA-512: its key, its nonce, its place. Knows nothing of envelopes. */
import { equalConstantTime, gcmStream, hmacSha512, randomBytes } from '#backend'
import { concat, wipe } from './bytes.ts'
import { KeyfoldError } from './errors.ts'

/** Bytes of plaintext in every chunk but the last, which has fewer. */
export const CHUNK_LENGTH = 16_384
const TAG_LENGTH = 16
/** A chunk as it is stored. */
export const SEALED_CHUNK_LENGTH = CHUNK_LENGTH + TAG_LENGTH
/** 4 PiB in all: what the nonces of one key have room for. */
export const MAX_CHUNKS = 2 ** 38

const SALT_LENGTH = 24
const COMMITMENT_LENGTH = 32
/** Salt and commitment, which stand before the first chunk. */
export const PREFIX_LENGTH = SALT_LENGTH + COMMITMENT_LENGTH

const KEY_LENGTH = 32
const NONCE_LENGTH = 12
const LABEL = new TextEncoder().encode('c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0')

/** The key of one message, ready to seal or open its chunks in any order. */
export interface ChunkCipher {
  /** Salt and commitment, as they are stored. */
  readonly prefix: Uint8Array
  /** Writes chunk `index` to `out`. ERR_LIMIT behind the last chunk that a message may have. */
  seal(index: number, plaintext: Uint8Array, out: Uint8Array): void
  /** Writes the plaintext of chunk `index` to `out`, once it is authentic; ERR_NOT_AUTHENTIC where it is not, and nothing is written. */
  open(index: number, sealed: Uint8Array, out: Uint8Array): void
  /** Forgets the key. */
  wipe(): void
}

/** The cipher of a new message. `inputKey` (32 bytes) is not kept: the caller wipes it. A salt of its own is for test vectors alone. */
export function sealingCipher(inputKey: Uint8Array, context: Uint8Array, salt: Uint8Array = randomBytes(SALT_LENGTH)): ChunkCipher {
  return chunkCipher(inputKey, salt, context)
}

/**
 * The cipher of a message that begins with `prefix`. `inputKey` is not kept: the caller wipes it.
 *
 * @throws KeyfoldError ERR_NOT_AUTHENTIC where the prefix does not fit key and context; nothing is decrypted then
 */
export function openingCipher(inputKey: Uint8Array, prefix: Uint8Array, context: Uint8Array): ChunkCipher {
  const cipher = chunkCipher(inputKey, prefix.subarray(0, SALT_LENGTH), context)
  if (equalConstantTime(cipher.prefix, prefix)) return cipher
  cipher.wipe()
  throw new KeyfoldError('ERR_NOT_AUTHENTIC', 'the stream is not authentic in this context')
}

function chunkCipher(inputKey: Uint8Array, salt: Uint8Array, context: Uint8Array): ChunkCipher {
  if (inputKey.length !== KEY_LENGTH)
    throw new KeyfoldError('ERR_ARGUMENT', `the key of a stream has ${KEY_LENGTH} bytes, got ${inputKey.length}`)
  const output = expand(inputKey, concat(LABEL, salt, context))
  const nonceOf = chunkNonces(output.slice(KEY_LENGTH, KEY_LENGTH + NONCE_LENGTH))
  const commitment = output.slice(KEY_LENGTH + NONCE_LENGTH, KEY_LENGTH + NONCE_LENGTH + COMMITMENT_LENGTH)
  const gcm = gcmStream(output.subarray(0, KEY_LENGTH))
  wipe(output)
  return {
    prefix: concat(salt, commitment),
    seal: (index, plaintext, out) => gcm.seal(nonceOf(index), plaintext, out),
    open(index, sealed, out) {
      if (gcm.open(nonceOf(index), sealed, out)) return
      throw new KeyfoldError('ERR_NOT_AUTHENTIC', `chunk ${index} of the stream is not authentic`, {
        hint: 'The stream was altered, cut or put together from parts. Discard what was read of it, and restore it from a backup.',
      })
    },
    wipe: () => gcm.wipe(),
  }
}

/** HKDF-Expand with SHA-512 (RFC 5869, section 2.3): two blocks, of which key, nonce and commitment take 76 bytes. */
function expand(key: Uint8Array, info: Uint8Array): Uint8Array {
  const first = hmacSha512(key, concat(info, Uint8Array.of(1)))
  const second = hmacSha512(key, concat(first, info, Uint8Array.of(2)))
  const output = concat(first, second)
  wipe(first, second)
  return output
}

/**
 * Gives the base nonce XOR the chunk's number, which has 38 bits and so stands in the last five bytes. One buffer serves all chunks, since a
 * cipher has read it before it returns.
 */
function chunkNonces(base: Uint8Array): (index: number) => Uint8Array {
  const nonce = new Uint8Array(NONCE_LENGTH)
  return (index) => {
    if (index >= MAX_CHUNKS) throw new KeyfoldError('ERR_LIMIT', `a stream has at most ${MAX_CHUNKS} chunks`)
    nonce.set(base)
    for (let i = NONCE_LENGTH - 1, rest = index; rest > 0; i--, rest = Math.floor(rest / 256)) nonce[i]! ^= rest % 256
    return nonce
  }
}
