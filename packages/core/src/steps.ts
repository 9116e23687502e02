/**
 * One core for sync and async. An operation is a generator that yields what may have to wait (a key wrapper, a branch key store) as a step and
 * gets its result back; the two drivers below differ in how they perform a step, and nothing else is written twice.
 */

import { KeyfoldError } from './errors.ts'

/** Something that may have to wait, in two forms. The sync one throws where it would have to. */
export interface Step<T = unknown> {
  async(): Promise<T>
  sync(): T
}

/** An operation in steps, which ends with a `T`. */
export type Steps<T> = Generator<Step, T, unknown>

/** Yields a step; gives its result. */
export function* perform<T>(step: Step<T>): Steps<T> {
  return (yield step) as T
}

/** What an operation gives, or the KeyfoldError with which it ends. */
export function* attempt<T>(steps: Steps<T>): Steps<T | KeyfoldError> {
  try {
    return yield* steps
  } catch (error) {
    if (error instanceof KeyfoldError) return error
    throw error
  }
}

/** Performs an operation, waiting where it has to. `next` is what its first `next()` gave, where that was called already. */
export async function runAsync<T>(steps: Steps<T>, next = steps.next()): Promise<T> {
  while (next.done !== true) {
    let result: unknown
    try {
      result = await next.value.async()
    } catch (error) {
      next = steps.throw(error)
      continue
    }
    next = steps.next(result)
  }
  return next.value
}

/** Performs an operation at once; throws where a step would have to wait. `next` as for `runAsync`. */
export function runSync<T>(steps: Steps<T>, next = steps.next()): T {
  while (next.done !== true) {
    let result: unknown
    try {
      result = next.value.sync()
    } catch (error) {
      next = steps.throw(error)
      continue
    }
    next = steps.next(result)
  }
  return next.value
}

/** How many calls are under way at once, where many could be. */
const UNDER_WAY = 16

/**
 * Performs operations that do not depend on each other; those that wait, 16 at a time. The first error ends it: no further one is begun, those
 * under way come to their end, and then it is thrown.
 *
 * @returns what each gave, in their order
 */
export function* together<T>(operations: ReadonlyArray<Steps<T>>): Steps<T[]> {
  const results: T[] = []
  for (const [at, steps] of operations.entries()) {
    const first = steps.next()
    if (first.done !== true) return results.concat(yield* togetherFrom(operations.slice(at), first))
    results.push(first.value)
  }
  return results
}

/** From the first that waits. The others begin when it is their turn: what one has waited for may be there already. */
function* togetherFrom<T>(operations: ReadonlyArray<Steps<T>>, first: IteratorResult<Step, T>): Steps<T[]> {
  return yield* perform({
    async: () => inTurn(operations, (steps, i) => (i === 0 ? runAsync(steps, first) : runAsync(steps))),
    sync: () => operations.map((steps, i) => (i === 0 ? runSync(steps, first) : runSync(steps))),
  })
}

/** Calls for each item in their order, at most 16 calls under way, and gives what they give. Ends as `together` does. */
export async function inTurn<T, R>(items: readonly T[], call: (item: T, i: number) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  const errors: unknown[] = []
  const left = items.entries()
  const runner = async (): Promise<void> => {
    for (const [i, item] of left) {
      if (errors.length > 0) return
      try {
        results[i] = await call(item, i)
      } catch (error) {
        errors.push(error)
      }
    }
  }
  await Promise.all(Array.from({ length: UNDER_WAY }, runner))
  if (errors.length > 0) throw errors[0]
  return results
}
