/** What is done with one record, in steps: the public calls of envelope.ts perform them, branch keys and batches build on them. */
import { toUtf8 } from './bytes.ts'
import { decryptBody, deriveBodyKey, encryptBody, generateDek, wipeKeys } from './cipher.ts'
import { canonicalContext } from './context.ts'
import { KeyfoldError } from './errors.ts'
import type { Entry, Envelope } from './format.ts'
import { encode, parse, SUITE_AES_256_GCM, toBytes } from './format.ts'
import type { KeySource } from './key-source.ts'
import { wrapStep } from './key-source.ts'
import { openDek } from './open-dek.ts'
import type { Steps } from './steps.ts'
import type { CanonicalContext, EncryptionContext } from './types.ts'

/** An envelope in its bytes, or in the text form for text columns. */
export type Sealed = Uint8Array | string

export function* sealSteps(keys: KeySource, plaintext: string | Uint8Array, pairs: EncryptionContext): Steps<Uint8Array> {
  const context = canonicalContext(pairs)
  const payload = payloadOf(plaintext)
  const dek = generateDek()
  const bodyKey = deriveBodyKey(SUITE_AES_256_GCM, dek)
  try {
    // The body first: a caller who reuses the buffer while a key service answers cannot change what is sealed.
    const body = encryptBody(SUITE_AES_256_GCM, bodyKey, context, payload)
    const entries = yield* wrapForAll(keys, dek, context)
    return encode({ suite: SUITE_AES_256_GCM, entries, body })
  } finally {
    wipeKeys(dek, bodyKey)
  }
}

export function* openSteps(keys: KeySource, sealed: Sealed, pairs: EncryptionContext): Steps<Uint8Array> {
  const context = canonicalContext(pairs)
  const envelope = parse(toBytes(sealed))
  const { dek, bodyKey } = yield* openDek(keys, envelope, context)
  try {
    return decryptBody(envelope.suite, bodyKey, context, envelope.body)
  } finally {
    wipeKeys(dek, bodyKey)
  }
}

export function* rewrapSteps(keys: KeySource, sealed: Sealed, pairs: EncryptionContext): Steps<Uint8Array> {
  const context = canonicalContext(pairs)
  const envelope = parse(toBytes(sealed))
  const { dek, bodyKey } = yield* openDek(keys, envelope, context)
  try {
    const entries = yield* wrapForAll(keys, dek, context)
    const foreign = yield* foreignEntries(keys, envelope)
    return encode({ ...envelope, entries: [...entries, ...foreign] })
  } finally {
    wipeKeys(dek, bodyKey)
  }
}

export function* reencryptSteps(keys: KeySource, sealed: Sealed, pairs: EncryptionContext): Steps<Uint8Array> {
  const plaintext = yield* openSteps(keys, sealed, pairs)
  try {
    return yield* sealSteps(keys, plaintext, pairs)
  } finally {
    plaintext.fill(0)
  }
}

function* foreignEntries(keys: KeySource, { entries }: Envelope): Steps<Entry[]> {
  const foreign: Entry[] = []
  for (const entry of entries) if ((yield* keys.openingKey(entry.keyId)) === undefined) foreign.push(entry)
  return foreign
}

/** Wraps a DEK under every key that seals a record of this context. */
export function* wrapForAll(keys: KeySource, dek: Uint8Array, context: CanonicalContext): Steps<Entry[]> {
  const entries: Entry[] = []
  for (const wrapper of yield* keys.sealingKeys(context)) {
    const { materialId, bytes } = yield* wrapStep(wrapper, dek, context)
    entries.push({ keyId: wrapper.keyId, materialId, wrapped: bytes })
  }
  return entries
}

function payloadOf(plaintext: string | Uint8Array): Uint8Array {
  if (typeof plaintext === 'string') return toUtf8(plaintext, 'the plaintext')
  if (plaintext instanceof Uint8Array) return plaintext
  throw new KeyfoldError('ERR_ARGUMENT', `a plaintext is a string or a Uint8Array, not ${plaintext === null ? 'null' : typeof plaintext}`)
}
