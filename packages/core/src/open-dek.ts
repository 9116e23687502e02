import { toHex } from './bytes.ts'
import type { BodyKey } from './cipher.ts'
import { deriveBodyKey, isCommittedTo, wipeKeys } from './cipher.ts'
import { KeyfoldError } from './errors.ts'
import type { Entry, Header } from './format.ts'
import type { KeySource } from './key-source.ts'
import { unwrapStep } from './key-source.ts'
import type { Steps } from './steps.ts'
import type { CanonicalContext, KeyWrapper } from './types.ts'

/** The data key of an envelope, shown by its commitment to be the one that sealed it. The caller wipes both. */
export interface OpenedDek {
  readonly dek: Uint8Array
  readonly bodyKey: BodyKey
}

interface Failure {
  /** The key's, for people. */
  readonly name: string
  readonly error: KeyfoldError
}

/**
 * Tries the entries in their order, those alone whose key is held. An entry that fails, for whatever reason, gives way to the next:
 * the list is not authenticated, and editing one entry must not take away what another can open.
 */
export function* openDek(keys: KeySource, envelope: Header, context: CanonicalContext): Steps<OpenedDek> {
  const failures: Failure[] = []
  for (const entry of envelope.entries) {
    let name = toHex(entry.keyId)
    try {
      const wrapper = yield* keys.openingKey(entry.keyId)
      if (wrapper === undefined) continue
      name = wrapper.id
      return yield* openEntry(wrapper, entry, envelope, context)
    } catch (error) {
      if (!(error instanceof KeyfoldError)) throw error
      failures.push({ name, error })
    }
  }
  throw failures.length === 0 ? keyNotFound(envelope) : inOne(failures)
}

function* openEntry(wrapper: KeyWrapper, entry: Entry, { suite, body }: Header, context: CanonicalContext): Steps<OpenedDek> {
  const dek = yield* unwrapStep(wrapper, { materialId: entry.materialId, bytes: entry.wrapped }, context)
  const bodyKey = deriveBodyKey(suite, dek)
  if (isCommittedTo(bodyKey, body.commitment)) return { dek, bodyKey }
  wipeKeys(dek, bodyKey)
  throw new KeyfoldError('ERR_KEY_COMMITMENT', `the data key that ${wrapper.id} unwrapped is not the one that sealed the record`)
}

function keyNotFound({ entries }: Header): KeyfoldError {
  const ids = entries.map(({ keyId }) => toHex(keyId)).join(', ')
  return new KeyfoldError('ERR_KEY_NOT_FOUND', `no key at hand opens the record, which is sealed under ${ids}`)
}

/** What may pass by itself comes first, so that nobody takes a record for lost while a key service is down. */
const PRECEDENCE = ['ERR_KEY_UNAVAILABLE', 'ERR_KEY_DENIED', 'ERR_BRANCH_KEY_LOCKED', 'ERR_SYNC_UNSUPPORTED']

function inOne(failures: readonly Failure[]): KeyfoldError {
  const first = PRECEDENCE.map((code) => failures.find(({ error }) => error.code === code)).find(Boolean) ?? failures[0]!
  if (failures.length === 1) return first.error
  const list = failures.map(({ name, error }) => `${name}: ${error.code}`).join(', ')
  return new KeyfoldError(first.error.code, `none of the ${failures.length} keys at hand opens the record (${list})`, {
    hint: first.error.hint,
    cause: new AggregateError(failures.map(({ error }) => error)),
  })
}
