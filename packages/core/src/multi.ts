import { equalBytes } from './bytes.ts'
import { KeyfoldError } from './errors.ts'
import type { Failure } from './failures.ts'
import { inOne } from './failures.ts'
import { unwrapEach, wrapAll } from './key-batch.ts'
import { isSyncKeyWrapper, unwrapStep, wrapStep } from './key-source.ts'
import type { Steps } from './steps.ts'
import { attempt, runAsync, runSync } from './steps.ts'
import type { BatchKeyWrapper, CanonicalContext, KeyWrapper, SyncBatchKeyWrapper, SyncKeyWrapper, WrappedKey } from './types.ts'

type Contexts = readonly CanonicalContext[]

/**
 * One key that is to be had in several places, as one key wrapper: a KMS key through two endpoints, a key file and its copy in the keychain, the
 * members of a cluster. The places are tried in their order, for sealing and opening alike; any of them suffices. When all fail, all are listed.
 *
 * It is the same key everywhere, so an envelope has one entry, with one key id, and a census counts it once. Keys that differ, each of which shall
 * open alone, are not for this: give them to `createKeyring` as `recovery`, so that every envelope says by which keys it opens.
 *
 * @param wrappers at least one, all with the same key id; the id of the first stands for all
 * @returns a wrapper with batches, and with sync twins where every place has them
 * @throws KeyfoldError ERR_KEYRING_INVALID for wrappers over different keys
 * @example const key = multi([awsKms(arn, { endpoint: vpcEndpoint }), awsKms(arn)])
 */
export function multi(wrappers: readonly SyncKeyWrapper[]): SyncBatchKeyWrapper
export function multi(wrappers: readonly KeyWrapper[]): BatchKeyWrapper
export function multi(wrappers: readonly KeyWrapper[]): BatchKeyWrapper {
  const places = [...wrappers]
  const [first] = places
  if (first === undefined) throw new KeyfoldError('ERR_KEYRING_INVALID', 'multi needs at least one key wrapper')
  const { id, keyId } = first
  for (const other of places) if (!equalBytes(other.keyId, keyId)) throw differentKeys(first, other)
  const contextNames = [...new Set(places.flatMap((place) => place.contextNames ?? []))]
  const made: BatchKeyWrapper = {
    id,
    keyId,
    ...(contextNames.length > 0 && { contextNames }),
    wrap: (dek, context) => runAsync(wrapAnywhere(places, dek, context)),
    unwrap: (wrapped, context) => runAsync(unwrapAnywhere(places, wrapped, context)),
    wrapMany: (deks, contexts) => runAsync(wrapManyAnywhere(places, deks, contexts)),
    unwrapMany: (wraps, contexts) => runAsync(unwrapManyAnywhere(places, wraps, contexts)),
  }
  if (!places.every(isSyncKeyWrapper)) return Object.freeze(made)
  const twins: Omit<SyncBatchKeyWrapper, keyof BatchKeyWrapper> = {
    wrapSync: (dek, context) => runSync(wrapAnywhere(places, dek, context)),
    unwrapSync: (wrapped, context) => runSync(unwrapAnywhere(places, wrapped, context)),
    wrapManySync: (deks, contexts) => runSync(wrapManyAnywhere(places, deks, contexts)),
    unwrapManySync: (wraps, contexts) => runSync(unwrapManyAnywhere(places, wraps, contexts)),
  }
  return Object.freeze({ ...made, ...twins })
}

function wrapAnywhere(places: readonly KeyWrapper[], dek: Uint8Array, context: CanonicalContext): Steps<WrappedKey> {
  return anywhere(places, 'wraps', (place) => wrapStep(place, dek, context))
}

function unwrapAnywhere(places: readonly KeyWrapper[], wrapped: WrappedKey, context: CanonicalContext): Steps<Uint8Array> {
  return anywhere(places, 'unwraps', (place) => unwrapStep(place, wrapped, context))
}

function wrapManyAnywhere(places: readonly KeyWrapper[], deks: readonly Uint8Array[], contexts: Contexts): Steps<WrappedKey[]> {
  return anywhere(places, 'wraps', (place) => wrapAll(place, deks, contexts))
}

/** The first place that does it. */
function* anywhere<T>(places: readonly KeyWrapper[], does: string, work: (place: KeyWrapper) => Steps<T>): Steps<T> {
  const failures: Failure[] = []
  for (const place of places) {
    const result = yield* attempt(work(place))
    if (!(result instanceof KeyfoldError)) return result
    failures.push(failureAt(failures.length, place, result))
  }
  throw inOne(failures, does)
}

/** What one place did not unwrap goes to the next. */
function* unwrapManyAnywhere(
  places: readonly KeyWrapper[],
  wraps: readonly WrappedKey[],
  contexts: Contexts,
): Steps<Array<Uint8Array | Error>> {
  const results: Array<Uint8Array | Error> = []
  const failures = wraps.map((): Failure[] => [])
  let left = [...wraps.keys()]
  for (const [at, place] of places.entries()) {
    const deks = yield* unwrapEach(
      place,
      left.map((i) => wraps[i]!),
      left.map((i) => contexts[i]!),
    )
    for (const [n, i] of left.entries()) {
      const dek = deks[n]!
      results[i] = dek
      if (dek instanceof KeyfoldError) failures[i]!.push(failureAt(at, place, dek))
    }
    left = left.filter((i) => results[i] instanceof Error)
  }
  for (const i of left) results[i] = inOne(failures[i]!, 'unwraps')
  return results
}

/** Places of one key often have one name. */
function failureAt(at: number, { id }: KeyWrapper, error: KeyfoldError): Failure {
  return { name: `place ${at + 1}, ${id}`, error }
}

function differentKeys(one: KeyWrapper, other: KeyWrapper): KeyfoldError {
  return new KeyfoldError('ERR_KEYRING_INVALID', `${one.id} and ${other.id} are different keys`, {
    hint: 'multi takes one key in several places. Give keys that differ to createKeyring, as recovery or decryptOnly.',
  })
}
