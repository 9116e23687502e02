import { toHex } from './bytes.ts'
import type { BodyKey } from './cipher.ts'
import { deriveBodyKey, isCommittedTo, wipeKeys } from './cipher.ts'
import { KeyfoldError } from './errors.ts'
import type { Entry, Envelope } from './format.ts'
import type { Keyring } from './keyring.ts'
import type { Steps } from './steps.ts'
import { unwrapStep } from './steps.ts'
import type { CanonicalContext, KeyWrapper } from './types.ts'

/** The data key of an envelope, shown by its commitment to be the one that sealed it. The caller wipes both. */
export interface OpenedDek {
  readonly dek: Uint8Array
  readonly bodyKey: BodyKey
}

interface Failure {
  readonly keyId: string
  readonly error: KeyfoldError
}

/**
 * Tries the entries in their order, those alone whose key the keyring holds. An entry that fails, for whatever reason, gives way to the next:
 * the list is not authenticated, and editing one entry must not take away what another can open.
 */
export function* openDek(keyring: Keyring, envelope: Envelope, context: CanonicalContext): Steps<OpenedDek> {
  const failures: Failure[] = []
  for (const entry of envelope.entries) {
    const wrapper = keyring.find(entry.keyId)
    if (wrapper === undefined) continue
    try {
      return yield* openEntry(wrapper, entry, envelope, context)
    } catch (error) {
      if (!(error instanceof KeyfoldError)) throw error
      failures.push({ keyId: wrapper.id, error })
    }
  }
  throw failures.length === 0 ? keyNotFound(envelope) : inOne(failures)
}

function* openEntry(wrapper: KeyWrapper, entry: Entry, { suite, body }: Envelope, context: CanonicalContext): Steps<OpenedDek> {
  const dek = yield* unwrapStep(wrapper, { materialId: entry.materialId, bytes: entry.wrapped }, context)
  const bodyKey = deriveBodyKey(suite, dek)
  if (isCommittedTo(bodyKey, body.commitment)) return { dek, bodyKey }
  wipeKeys(dek, bodyKey)
  throw new KeyfoldError('ERR_KEY_COMMITMENT', `the data key that ${wrapper.id} unwrapped is not the one that sealed the record`)
}

function keyNotFound({ entries }: Envelope): KeyfoldError {
  const ids = entries.map(({ keyId }) => toHex(keyId)).join(', ')
  return new KeyfoldError('ERR_KEY_NOT_FOUND', `the keyring has no key that opens the record, which is sealed under ${ids}`)
}

/** What may pass by itself comes first, so that nobody takes a record for lost while a key service is down. */
const PRECEDENCE = ['ERR_KEY_UNAVAILABLE', 'ERR_KEY_DENIED', 'ERR_SYNC_UNSUPPORTED']

function inOne(failures: readonly Failure[]): KeyfoldError {
  const first = PRECEDENCE.map((code) => failures.find(({ error }) => error.code === code)).find(Boolean) ?? failures[0]!
  if (failures.length === 1) return first.error
  const list = failures.map(({ keyId, error }) => `${keyId}: ${error.code}`).join(', ')
  return new KeyfoldError(first.error.code, `none of the ${failures.length} keys at hand opens the record (${list})`, {
    hint: first.error.hint,
    cause: new AggregateError(failures.map(({ error }) => error)),
  })
}
