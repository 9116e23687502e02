/** How an operation asks one wrapper about many data keys: in batches where the wrapper can, else one by one, 16 calls under way at once. */
import { wipe } from './bytes.ts'
import { KeyfoldError } from './errors.ts'
import { assertWrappedKey, ask, badAnswer, keyErrorOf, unwrapStep, wrapStep } from './key-source.ts'
import type { Steps } from './steps.ts'
import { attempt, inTurn, runAsync, runSync } from './steps.ts'
import type { BatchKeyWrapper, CanonicalContext, KeyWrapper, SyncBatchKeyWrapper, WrappedKey } from './types.ts'

/** So many data keys go to a wrapper in one call, which bounds what a service has to take. types.ts tells wrappers. */
const PER_CALL = 1024
/** So many calls in a row must find the service out of reach until the rest of a batch is given up. */
const GIVE_UP_AFTER = 16
const OUT_OF_REACH = new Set(['ERR_KEY_UNAVAILABLE', 'ERR_KEY_THROTTLED'])

/** Whether a wrapper does batches. */
export function isBatchKeyWrapper(wrapper: KeyWrapper): wrapper is BatchKeyWrapper {
  return 'wrapMany' in wrapper && 'unwrapMany' in wrapper
}

/** Whether a wrapper does batches without I/O. */
export function isSyncBatchKeyWrapper(wrapper: KeyWrapper): wrapper is SyncBatchKeyWrapper {
  return 'wrapManySync' in wrapper && 'unwrapManySync' in wrapper
}

/** Adds to what one key is to be asked. */
export function append<Q>(questions: Map<KeyWrapper, Q[]>, wrapper: KeyWrapper, question: Q): void {
  const group = questions.get(wrapper)
  if (group === undefined) questions.set(wrapper, [question])
  else group.push(question)
}

/** Wraps data keys, each in its own context; all of them or none. */
export function* wrapAll(wrapper: KeyWrapper, deks: readonly Uint8Array[], contexts: readonly CanonicalContext[]): Steps<WrappedKey[]> {
  const out: WrappedKey[] = []
  while (out.length < deks.length) {
    const end = endOfCall(wrapper, out.length, deks.length)
    for (const wrapped of yield* wrapSome(wrapper, deks.slice(out.length, end), contexts.slice(out.length, end))) out.push(wrapped)
  }
  return out
}

function endOfCall(wrapper: KeyWrapper, start: number, length: number): number {
  return isBatchKeyWrapper(wrapper) ? Math.min(start + PER_CALL, length) : length
}

function* wrapSome(wrapper: KeyWrapper, deks: readonly Uint8Array[], contexts: readonly CanonicalContext[]): Steps<readonly WrappedKey[]> {
  const one = (i: number): Steps<WrappedKey> => wrapStep(wrapper, deks[i]!, contexts[i]!)
  const wraps = yield* ask<readonly WrappedKey[]>(
    wrapper,
    () => (isBatchKeyWrapper(wrapper) ? wrapper.wrapMany(deks, contexts) : inTurn(deks, (_, i) => runAsync(one(i)))),
    () => (isSyncBatchKeyWrapper(wrapper) ? wrapper.wrapManySync(deks, contexts) : deks.map((_, i) => runSync(one(i)))),
  )
  assertCount(wrapper, wraps, deks.length)
  for (const wrapped of wraps) assertWrappedKey(wrapper, wrapped)
  return wraps
}

/**
 * Unwraps data keys; an error stands in the place of each one that cannot be. Where the key service is out of reach time and again, the rest is
 * not asked for, so that all of it takes bounded time.
 */
export function* unwrapEach(
  wrapper: KeyWrapper,
  wraps: readonly WrappedKey[],
  contexts: readonly CanonicalContext[],
): Steps<Array<Uint8Array | KeyfoldError>> {
  const out: Array<Uint8Array | KeyfoldError> = []
  while (out.length < wraps.length) {
    const end = endOfCall(wrapper, out.length, wraps.length)
    const some = yield* attempt(unwrapSome(wrapper, wraps.slice(out.length, end), contexts.slice(out.length, end)))
    if (some instanceof KeyfoldError) while (out.length < (isOutOfReach(some) ? wraps.length : end)) out.push(some)
    else for (const dek of some) out.push(dek)
  }
  return out
}

function* unwrapSome(
  wrapper: KeyWrapper,
  wraps: readonly WrappedKey[],
  contexts: readonly CanonicalContext[],
): Steps<Array<Uint8Array | KeyfoldError>> {
  const one = (i: number): Steps<Uint8Array | KeyfoldError> => attempt(unwrapStep(wrapper, wraps[i]!, contexts[i]!))
  const deks = yield* ask<ReadonlyArray<Uint8Array | Error>>(
    wrapper,
    () => (isBatchKeyWrapper(wrapper) ? wrapper.unwrapMany(wraps, contexts) : unwrapInTurn(wraps, one)),
    () => (isSyncBatchKeyWrapper(wrapper) ? wrapper.unwrapManySync(wraps, contexts) : wraps.map((_, i) => runSync(one(i)))),
  )
  assertCount(wrapper, deks, wraps.length)
  return deks.map((dek) => unwrapped(wrapper, dek))
}

async function unwrapInTurn(
  wraps: readonly WrappedKey[],
  one: (i: number) => Steps<Uint8Array | KeyfoldError>,
): Promise<Array<Uint8Array | KeyfoldError>> {
  let failedInARow = 0
  let failure: KeyfoldError | undefined
  return inTurn(wraps, async (_, i) => {
    if (failedInARow >= GIVE_UP_AFTER) return failure!
    const dek = await runAsync(one(i))
    failure = isOutOfReach(dek) ? dek : undefined
    failedInARow = failure === undefined ? 0 : failedInARow + 1
    return dek
  })
}

function isOutOfReach(answer: Uint8Array | KeyfoldError): answer is KeyfoldError {
  return answer instanceof KeyfoldError && OUT_OF_REACH.has(answer.code)
}

/** What stands in one place of a wrapper's answer: a data key, or a KeyfoldError. */
function unwrapped(wrapper: KeyWrapper, answer: unknown): Uint8Array | KeyfoldError {
  if (answer instanceof Uint8Array) return answer
  return answer instanceof Error ? keyErrorOf(wrapper, answer) : badAnswer(wrapper, 'what it unwrapped is no data key')
}

/** A wrapper's answer to a batch has one result for each place. */
export function assertCount(wrapper: KeyWrapper, answers: readonly unknown[], count: number): void {
  if (Array.isArray(answers) && answers.length === count) return
  const given = Array.isArray(answers) ? answers.length : 'no list of'
  // data keys may be among them
  if (Array.isArray(answers)) for (const answer of answers) if (answer instanceof Uint8Array) wipe(answer)
  throw badAnswer(wrapper, `${given} results for a batch of ${count}`)
}
