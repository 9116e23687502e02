/**
 * One core for sync and async. An operation is a generator that yields what may have to wait (a key wrapper, a branch key store) as a step and
 * gets its result back; the two drivers below differ in how they perform a step, and nothing else is written twice.
 */

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

/** Performs an operation, waiting where it has to. */
export async function runAsync<T>(steps: Steps<T>): Promise<T> {
  let next = steps.next()
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

/** Performs an operation at once; throws where a step would have to wait. */
export function runSync<T>(steps: Steps<T>): T {
  let next = steps.next()
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
