/** What is done with one record, in steps: the public calls of envelope.ts perform them, branch keys and batches build on them. */
import { release } from '#backend'
import type { Allocate } from './bytes.ts'
import { toUtf8, wipe } from './bytes.ts'
import { decryptBody, deriveBodyKey, encryptBody, generateDek } from './cipher.ts'
import { canonicalContext } from './context.ts'
import { KeyfoldError } from './errors.ts'
import type { Body, Entry, Envelope } from './format.ts'
import { encode, parse, SUITE_AES_256_GCM } from './format.ts'
import { freshDek } from './fresh-deks.ts'
import type { KeySource } from './key-source.ts'
import { wrapStep } from './key-source.ts'
import type { OpenedDek } from './open-dek.ts'
import { openDek, openDekAtHand } from './open-dek.ts'
import { rewrapWithin } from './rewrap-within.ts'
import type { Steps } from './steps.ts'
import { perform, runAsync, runSync } from './steps.ts'
import { toBytes, toText } from './text-form.ts'
import type { CanonicalContext, EncryptionContext, KeyWrapper } from './types.ts'

/** An envelope in its bytes, or in the text form for text columns. */
export type Sealed = Uint8Array | string

/** An operation on an envelope gives back the form that it got. */
export type SameForm<E extends Sealed> = E extends string ? string : Uint8Array

export function inFormOf<E extends Sealed>(envelope: E, bytes: Uint8Array): SameForm<E> {
  return (typeof envelope === 'string' ? toText(bytes) : bytes) as SameForm<E>
}

/** A record whose body is sealed, and whose data key is yet to be wrapped. The caller wipes the data key. A class, not a literal: see format.ts. */
export class Draft {
  readonly dek: Uint8Array
  readonly context: CanonicalContext
  readonly body: Body

  constructor(dek: Uint8Array, context: CanonicalContext, body: Body) {
    this.dek = dek
    this.context = context
    this.body = body
  }
}

/** Seals a body under a fresh data key. Before any key is asked: a caller who reuses the buffer while a service answers changes nothing. */
export function draft(payload: Uint8Array, context: CanonicalContext, dek = generateDek()): Draft {
  const bodyKey = deriveBodyKey(SUITE_AES_256_GCM, dek)
  try {
    return new Draft(dek, context, encryptBody(SUITE_AES_256_GCM, bodyKey, context, payload))
  } catch (error) {
    wipe(dek)
    throw error
  } finally {
    bodyKey.wipe()
  }
}

/** The envelope of a draft whose data key is wrapped. Once for a draft: its body is gone then. */
export function finish({ body }: Draft, entries: readonly Entry[], allocate?: Allocate): Uint8Array {
  const envelope = encode({ suite: SUITE_AES_256_GCM, entries, body }, allocate)
  release(body.ciphertext)
  return envelope
}

export function* sealSteps(keys: KeySource, plaintext: string | Uint8Array, pairs: EncryptionContext): Steps<Uint8Array> {
  const context = canonicalContext(pairs)
  const payload = payloadOf(plaintext)
  const asked = keys.sealingKeys(context)
  const atHand = asked.next()
  // Where the keys are at hand, the first of them may have a data key that is wrapped already.
  const fresh = atHand.done === true ? freshDek(atHand.value[0]!) : undefined
  const record = draft(payload, context, fresh?.dek)
  try {
    const wrappers =
      atHand.done === true ? atHand.value : yield* perform({ async: () => runAsync(asked, atHand), sync: () => runSync(asked, atHand) })
    return finish(record, yield* wrapUnder(wrappers, record.dek, context, fresh?.entry))
  } finally {
    wipe(record.dek)
  }
}

export function* openSteps(keys: KeySource, sealed: Sealed, pairs: EncryptionContext): Steps<Uint8Array> {
  const context = canonicalContext(pairs)
  const envelope = parse(toBytes(sealed))
  const opened = openDekAtHand(keys, envelope, context) ?? (yield* openDek(keys, envelope, context))
  return openBody(envelope, opened, context)
}

/** Opens the body of a record whose data key is open, and wipes the key. */
export function openBody({ suite, body }: Envelope, opened: OpenedDek, context: CanonicalContext): Uint8Array {
  try {
    return decryptBody(suite, opened.bodyKey, context, body)
  } finally {
    opened.wipe()
  }
}

export function* rewrapSteps(keys: KeySource, sealed: Sealed, pairs: EncryptionContext, within = false): Steps<Uint8Array> {
  const context = canonicalContext(pairs)
  const envelope = parse(toBytes(sealed))
  const moved = within ? yield* rewrapWithin(keys, envelope, context) : undefined
  if (moved !== undefined) return encode({ ...envelope, entries: moved })
  const opened = yield* openDek(keys, envelope, context)
  try {
    const entries = yield* wrapForAll(keys, opened.dek, context)
    const foreign = yield* foreignEntries(keys, envelope)
    return encode({ ...envelope, entries: [...entries, ...foreign] })
  } finally {
    opened.wipe()
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

/** The entries of keys that are not held: a rewrap carries them over. Of one that opened, the only entry is held. */
export function* foreignEntries(keys: KeySource, { entries }: Envelope): Steps<Entry[]> {
  if (entries.length === 1) return []
  const foreign: Entry[] = []
  for (const entry of entries) if ((yield* keys.openingKey(entry.keyId)) === undefined) foreign.push(entry)
  return foreign
}

/** Wraps a DEK under every key that seals a record of this context. */
export function* wrapForAll(keys: KeySource, dek: Uint8Array, context: CanonicalContext): Steps<Entry[]> {
  return yield* wrapUnder(yield* keys.sealingKeys(context), dek, context)
}

/** @param first the entry of the first key, where that is there already */
function* wrapUnder(wrappers: readonly KeyWrapper[], dek: Uint8Array, context: CanonicalContext, first?: Entry): Steps<Entry[]> {
  const entries = first === undefined ? [] : [first]
  for (let i = entries.length; i < wrappers.length; i++) {
    const { materialId, bytes } = yield* wrapStep(wrappers[i]!, dek, context)
    entries.push({ keyId: wrappers[i]!.keyId, materialId, wrapped: bytes })
  }
  return entries
}

/** A plaintext in its bytes. ERR_ARGUMENT for a lone surrogate, and for what is neither text nor bytes. */
export function payloadOf(plaintext: string | Uint8Array): Uint8Array {
  if (typeof plaintext === 'string') return toUtf8(plaintext, 'the plaintext')
  if (plaintext instanceof Uint8Array) return plaintext
  throw new KeyfoldError('ERR_ARGUMENT', `a plaintext is a string or a Uint8Array, not ${plaintext === null ? 'null' : typeof plaintext}`)
}
