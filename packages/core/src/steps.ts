/**
 * One core for sync and async. An operation is a generator that yields each call of a key wrapper as a step and gets its result back; the
 * two drivers below differ in how they perform a step, and nothing else is written twice.
 */
import { KeyfoldError } from './errors.ts'
import { isSyncKeyWrapper } from './keyring.ts'
import type { CanonicalContext, KeyWrapper, WrappedKey } from './types.ts'

type Step =
  | { readonly wrapper: KeyWrapper; readonly wrap: Uint8Array; readonly context: CanonicalContext }
  | { readonly wrapper: KeyWrapper; readonly unwrap: WrappedKey; readonly context: CanonicalContext }
type StepResult = WrappedKey | Uint8Array

export type Steps<T> = Generator<Step, T, StepResult>

/** Asks a wrapper to wrap a DEK. */
export function* wrapStep(wrapper: KeyWrapper, dek: Uint8Array, context: CanonicalContext): Steps<WrappedKey> {
  return (yield { wrapper, wrap: dek, context }) as WrappedKey
}

/** Asks a wrapper to unwrap a DEK. */
export function* unwrapStep(wrapper: KeyWrapper, wrapped: WrappedKey, context: CanonicalContext): Steps<Uint8Array> {
  return (yield { wrapper, unwrap: wrapped, context }) as Uint8Array
}

/** Performs an operation, waiting for wrappers that do I/O. */
export async function runAsync<T>(steps: Steps<T>): Promise<T> {
  let next = steps.next()
  while (next.done !== true) {
    const outcome = await performAsync(next.value)
    next = outcome instanceof Error ? steps.throw(outcome) : steps.next(outcome)
  }
  return next.value
}

/** Performs an operation at once; ERR_SYNC_UNSUPPORTED where a wrapper needs I/O. */
export function runSync<T>(steps: Steps<T>): T {
  let next = steps.next()
  while (next.done !== true) {
    const outcome = performSync(next.value)
    next = outcome instanceof Error ? steps.throw(outcome) : steps.next(outcome)
  }
  return next.value
}

async function performAsync(step: Step): Promise<StepResult | Error> {
  try {
    return await ('wrap' in step ? step.wrapper.wrap(step.wrap, step.context) : step.wrapper.unwrap(step.unwrap, step.context))
  } catch (error) {
    return asKeyfoldError(error, step.wrapper)
  }
}

function performSync(step: Step): StepResult | Error {
  const { wrapper, context } = step
  if (!isSyncKeyWrapper(wrapper)) return new KeyfoldError('ERR_SYNC_UNSUPPORTED', `${wrapper.id} needs I/O`)
  try {
    return 'wrap' in step ? wrapper.wrapSync(step.wrap, context) : wrapper.unwrapSync(step.unwrap, context)
  } catch (error) {
    return asKeyfoldError(error, wrapper)
  }
}

/** What a wrapper of somebody else's throws says nothing about the record: the key is out of order, the record is not. */
function asKeyfoldError(error: unknown, wrapper: KeyWrapper): KeyfoldError {
  if (error instanceof KeyfoldError) return error
  return new KeyfoldError('ERR_KEY_UNAVAILABLE', `the key wrapper ${wrapper.id} failed`, { cause: error })
}
