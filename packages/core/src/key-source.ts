/** Where an operation gets its keys from, and how it asks them. */
import { KeyfoldError } from './errors.ts'
import { LIMITS, MATERIAL_ID_LENGTH } from './format.ts'
import type { Steps } from './steps.ts'
import type { CanonicalContext, KeyWrapper, PreflightKeyWrapper, RewrapKeyWrapper, SyncKeyWrapper, UsageKeyWrapper, WrappedKey } from './types.ts'

/** What seals and opens records: a keyring, or the branch keys under one. */
export interface KeySource<W extends KeyWrapper = KeyWrapper> {
  /** The keys that seal a record of this context: an envelope gets an entry of each, in their order. */
  sealingKeys(context: CanonicalContext): Steps<readonly W[]>
  /** The key of an envelope's key id (12 bytes), or undefined: a key that is not held is never called. */
  openingKey(keyId: Uint8Array): Steps<KeyWrapper | undefined>
  /** The answers to both where they are at hand, for every context: in a batch, two steps a record would cost a tenth of its key work. */
  readonly sealing?: readonly W[]
  find?(keyId: Uint8Array): KeyWrapper | undefined
}

/** A key source whose sealing keys need no I/O: what the sync twins take. */
export type SyncKeySource = KeySource<SyncKeyWrapper>

/** Whether a wrapper needs no I/O. */
export function isSyncKeyWrapper(wrapper: KeyWrapper): wrapper is SyncKeyWrapper {
  return 'wrapSync' in wrapper && 'unwrapSync' in wrapper
}

/** Whether a wrapper's service moves wrapped DEKs by itself. */
export function isRewrapKeyWrapper(wrapper: KeyWrapper): wrapper is RewrapKeyWrapper {
  return 'canRewrapTo' in wrapper && 'rewrapTo' in wrapper
}

/** Whether a wrapper's service can be asked beforehand. */
export function isPreflightKeyWrapper(wrapper: KeyWrapper): wrapper is PreflightKeyWrapper {
  return 'preflight' in wrapper
}

/** Whether a wrapper's service tells when its key was last used. */
export function isUsageKeyWrapper(wrapper: KeyWrapper): wrapper is UsageKeyWrapper {
  return 'lastUsage' in wrapper
}

/** Asks a wrapper to wrap a DEK. */
export function wrapStep(wrapper: KeyWrapper, dek: Uint8Array, context: CanonicalContext): Steps<WrappedKey> {
  return ask(
    wrapper,
    () => wrapper.wrap(dek, context),
    (local) => local.wrapSync(dek, context),
    assertWrappedKey,
  )
}

/** Asks a wrapper to unwrap a DEK. */
export function unwrapStep(wrapper: KeyWrapper, wrapped: WrappedKey, context: CanonicalContext): Steps<Uint8Array> {
  return ask(
    wrapper,
    () => wrapper.unwrap(wrapped, context),
    (local) => local.unwrapSync(wrapped, context),
    assertDek,
  )
}

function assertDek(wrapper: KeyWrapper, dek: Uint8Array): void {
  if (!(dek instanceof Uint8Array)) throw badAnswer(wrapper, 'what it unwrapped is no data key')
}

/** Asks a wrapper's service to move a wrapped DEK to another of its keys. */
export function rewrapStep(source: RewrapKeyWrapper, target: KeyWrapper, wrapped: WrappedKey, context: CanonicalContext): Steps<WrappedKey> {
  return ask(source, () => source.rewrapTo(target, wrapped, context))
}

/**
 * Asks a wrapper for whatever it does; ERR_SYNC_UNSUPPORTED where that needs I/O and nobody waits. `check` throws for an answer against the
 * interface. Yields by itself: a generator less on the way of every record.
 */
export function* ask<T>(
  wrapper: KeyWrapper,
  waiting: () => Promise<T>,
  atOnce?: (wrapper: SyncKeyWrapper) => T,
  check?: (wrapper: KeyWrapper, answer: T) => void,
): Steps<T> {
  try {
    const answer = (yield {
      async: waiting,
      sync: () => {
        if (atOnce !== undefined && isSyncKeyWrapper(wrapper)) return atOnce(wrapper)
        throw new KeyfoldError('ERR_SYNC_UNSUPPORTED', `${wrapper.id} needs I/O`)
      },
    }) as T
    check?.(wrapper, answer)
    return answer
  } catch (error) {
    throw keyErrorOf(wrapper, error)
  }
}

/** What a wrapper of somebody else's throws says nothing about the record: the key is out of order, the record is not. */
export function keyErrorOf({ id }: KeyWrapper, error: unknown): KeyfoldError {
  if (error instanceof KeyfoldError) return error
  return new KeyfoldError('ERR_KEY_UNAVAILABLE', `the key wrapper ${id} failed`, { cause: error })
}

/** For what a wrapper of somebody else's answers against its interface. */
export function badAnswer({ id }: KeyWrapper, fact: string): KeyfoldError {
  return new KeyfoldError('ERR_KEY_SERVICE_RESPONSE', `the key wrapper ${id} answered wrongly: ${fact}`)
}

/** Refuses what no envelope has room for: it would be sealed and never opened. */
export function assertWrappedKey(wrapper: KeyWrapper, wrapped: WrappedKey): void {
  const { materialId, bytes } = (wrapped ?? {}) as Partial<WrappedKey>
  const fits =
    materialId instanceof Uint8Array &&
    materialId.length === MATERIAL_ID_LENGTH &&
    bytes instanceof Uint8Array &&
    bytes.length > 0 &&
    bytes.length <= LIMITS.wrappedBytes
  if (!fits) throw badAnswer(wrapper, 'what it wrapped is no material id of 6 bytes and 1 to 6144 bytes')
}
