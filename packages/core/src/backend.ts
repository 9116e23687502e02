/** What the two backends share: the shapes of their arguments, and the one size that each of them has. */
import { KeyfoldError } from './errors.ts'

export interface GcmInput {
  /** 32 bytes. */
  readonly key: Uint8Array
  /** 12 bytes, never twice with one key. */
  readonly nonce: Uint8Array
  /** Additional authenticated data, any length. */
  readonly aad: Uint8Array
}

export interface AuthenticatedCiphertext {
  /** As long as the plaintext. */
  readonly ciphertext: Uint8Array
  /** 16 bytes. */
  readonly tag: Uint8Array
}

/** AES-256-GCM under one key that stays set up, for many messages without additional data; each as its ciphertext and the tag of 16 bytes. */
export interface GcmStream {
  /** Writes the sealed message to `out`, which has 16 bytes more than `plaintext`. */
  seal(nonce: Uint8Array, plaintext: Uint8Array, out: Uint8Array): void
  /** Writes the plaintext to `out`, which has 16 bytes less than `sealed`; false, and nothing written, where the tag does not fit. */
  open(nonce: Uint8Array, sealed: Uint8Array, out: Uint8Array): boolean
  /** Forgets the key. */
  wipe(): void
}

/** AES-256-KWP under one key, which nothing gives out again. */
export interface AesKwp {
  /** 32 bytes in, 40 out. */
  wrap(secret: Uint8Array): Uint8Array
  /** 40 bytes in, 32 out; undefined where the integrity check fails. */
  unwrap(wrapped: Uint8Array): Uint8Array | undefined
  /** As `wrap`, for many: the same bytes, in their order. */
  wrapMany(secrets: readonly Uint8Array[]): Uint8Array[]
  /** As `unwrap`, for many: undefined in the place of each whose integrity check fails. */
  unwrapMany(wraps: readonly Uint8Array[]): Array<Uint8Array | undefined>
}

const LENGTHS = { key: 32, nonce: 12, tag: 16, 'data key': 32, 'wrapped data key': 40 } as const

/** Refuses every size but ours: AES-128, odd nonces and short tags are valid elsewhere and a downgrade here. ERR_ARGUMENT. */
export function checkLength(what: keyof typeof LENGTHS, bytes: Uint8Array): void {
  if (bytes.length === LENGTHS[what]) return
  throw new KeyfoldError('ERR_ARGUMENT', `a ${what} has ${LENGTHS[what]} bytes, got ${bytes.length}`)
}

/** Checks the sizes of what goes into AES-256-GCM. ERR_ARGUMENT. */
export function checkGcm({ key, nonce }: GcmInput, tag?: Uint8Array): void {
  checkLength('key', key)
  checkLength('nonce', nonce)
  if (tag !== undefined) checkLength('tag', tag)
}
