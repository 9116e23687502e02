import * as defaultBackend from '#backend'
import type { Algorithm } from './approved.ts'
import { assertApproved } from './approved.ts'
import { concat, writeUint32 } from './bytes.ts'
import { KeyfoldError } from './errors.ts'
import type { Body } from './format.ts'
import { authenticatedHeader, COMMITMENT_LENGTH, FLAGS, LIMITS, SUITE_AES_256_GCM, SUITE_STREAM, VERSION } from './format.ts'
import type { CanonicalContext } from './types.ts'

/** The primitives of one runtime: node:crypto or @noble, the same bytes from both. */
export type Backend = Omit<typeof defaultBackend, 'encodeBase64url' | 'decodeBase64url'>

export const DEK_LENGTH = 32
const NONCE_LENGTH = 12
/** Header, commitment, SHA-256. */
const AAD_LENGTH = 5 + COMMITMENT_LENGTH + 32

/** How a suite turns a DEK into a body. */
interface Suite extends Algorithm {
  /** What stands before the body, authenticated by it. */
  readonly header: Uint8Array
  /** The fixed input of the key derivation. */
  readonly derivation: Uint8Array
}

/** Every suite by its number in the envelope. */
const SUITES: Readonly<Record<number, Suite>> = {
  [SUITE_AES_256_GCM]: {
    name: 'AES-256-GCM, key commitment by HMAC-SHA-512',
    fips: true,
    header: authenticatedHeader(SUITE_AES_256_GCM),
    derivation: derivationInput(SUITE_AES_256_GCM, 64),
  },
  [SUITE_STREAM]: {
    name: 'AES-256-GCM in chunks of 16 KiB (c2sp.org/chunked-encryption), key commitment by HMAC-SHA-512',
    fips: true,
    header: authenticatedHeader(SUITE_STREAM),
    derivation: derivationInput(SUITE_STREAM, 64),
  },
}

/** A suite's name for people. */
export function suiteName(suite: number): string {
  return suiteOf(suite, SUITES).name
}

function suiteOf<S>(number: number, suites: Readonly<Record<number, S>>): S {
  const suite = suites[number]
  if (suite === undefined) throw new KeyfoldError('ERR_ENVELOPE_SUITE', `suite ${number} is unknown`)
  return suite
}

/** A suite that may be used: ERR_FIPS where the program has bound itself to approved ones, and this is none. */
export function usableSuite<S extends Algorithm>(number: number, suites: Readonly<Record<number, S>>): S {
  const suite = suiteOf(number, suites)
  assertApproved(suite)
  return suite
}

/** The only block of SP 800-108r1, section 4.1 (counter mode): [i] || Label || 0x00 || Context || [L], with i and L of 32 bits. */
function derivationInput(suite: number, outputBytes: number): Uint8Array {
  const counter = new Uint8Array(4)
  writeUint32(counter, 0, 1)
  const outputBits = new Uint8Array(4)
  writeUint32(outputBits, 0, outputBytes * 8)
  return concat(counter, new TextEncoder().encode('keyfold record'), new Uint8Array([0, VERSION, suite, FLAGS]), outputBits)
}

/** What a DEK gives: the commitment to it, which is public, and the key of the body, which is not. Views are made where one is asked for. */
export class BodyKey {
  readonly #output: Uint8Array

  /** @param output commitment and key, 64 bytes */
  constructor(output: Uint8Array) {
    this.#output = output
  }

  get commitment(): Uint8Array {
    return this.#output.subarray(0, COMMITMENT_LENGTH)
  }

  get key(): Uint8Array {
    return this.#output.subarray(COMMITMENT_LENGTH)
  }

  /** The nonce of the one message that the key is used for: the beginning of the commitment. */
  get nonce(): Uint8Array {
    return this.#output.subarray(0, NONCE_LENGTH)
  }

  writeCommitment(out: Uint8Array, at: number): void {
    for (let i = 0; i < COMMITMENT_LENGTH; i++) out[at + i] = this.#output[i]!
  }

  /** Whether an envelope with this commitment was sealed under the DEK; in constant time, though both sides become public. */
  isCommittedTo(commitment: Uint8Array): boolean {
    return defaultBackend.equalConstantTime(this.commitment, commitment)
  }

  wipe(): void {
    this.#output.fill(0, COMMITMENT_LENGTH)
  }
}

/** Derives commitment and body key in one HMAC call. The caller wipes what it gets. */
export function deriveBodyKey(suite: number, dek: Uint8Array, backend: Backend = defaultBackend): BodyKey {
  if (dek.length !== DEK_LENGTH) {
    throw new KeyfoldError('ERR_NOT_AUTHENTIC', `a data key has ${DEK_LENGTH} bytes, the wrapper gave ${dek.length}`)
  }
  return new BodyKey(backend.hmacSha512(dek, usableSuite(suite, SUITES).derivation))
}

/** A class, not a literal: see format.ts. */
class SealedBody implements Body {
  readonly commitment: Uint8Array
  readonly ciphertext: Uint8Array
  readonly tag: Uint8Array

  constructor(commitment: Uint8Array, ciphertext: Uint8Array, tag: Uint8Array) {
    this.commitment = commitment
    this.ciphertext = ciphertext
    this.tag = tag
  }
}

/** Encrypts a payload. The key is used for this one message, which is why its nonce may be a part of the commitment. */
export function encryptBody(
  suite: number,
  bodyKey: BodyKey,
  context: CanonicalContext,
  plaintext: Uint8Array,
  backend: Backend = defaultBackend,
): Body {
  if (plaintext.length > LIMITS.payloadBytes) {
    throw new KeyfoldError('ERR_LIMIT', `the payload has ${plaintext.length} bytes, at most ${LIMITS.payloadBytes} are allowed`)
  }
  const { ciphertext, tag } = backend.gcmEncrypt(gcmInput(suite, bodyKey, context, backend), plaintext)
  return new SealedBody(bodyKey.commitment, ciphertext, tag)
}

/** Decrypts a payload; ERR_NOT_AUTHENTIC, and no byte of plaintext, where body or context are not what was sealed. */
export function decryptBody(
  suite: number,
  bodyKey: BodyKey,
  context: CanonicalContext,
  body: Body,
  backend: Backend = defaultBackend,
): Uint8Array {
  const plaintext = backend.gcmDecrypt(gcmInput(suite, bodyKey, context, backend), body)
  if (plaintext === undefined) throw new KeyfoldError('ERR_NOT_AUTHENTIC', 'the record is not authentic in this context')
  return plaintext
}

/** One for all messages: a cipher has read it before it returns, and it is public. */
const aad = new Uint8Array(AAD_LENGTH)
/** The context whose hash it ends with: a record that is sealed anew is opened and sealed in one. */
let hashed: CanonicalContext | undefined

function gcmInput(suite: number, bodyKey: BodyKey, context: CanonicalContext, backend: Backend) {
  // The hash, not the context itself: GCM's tag is linear in this input, and whoever knows the key could make one envelope fit two contexts.
  const { header } = usableSuite(suite, SUITES)
  aad.set(header)
  bodyKey.writeCommitment(aad, header.length)
  if (context !== hashed) {
    hashed = undefined // should the hash fail, it is nobody's
    backend.sha256(context.bytes, aad, header.length + COMMITMENT_LENGTH)
    hashed = context
  }
  return { key: bodyKey.key, nonce: bodyKey.nonce, aad }
}

/** A fresh DEK. */
export function generateDek(): Uint8Array {
  return defaultBackend.randomBytes(DEK_LENGTH)
}
