/**
 * Long work under way: await it for its result, iterate over it for its progress, or both.
 *
 * @example
 * const run = rotate({ … })
 * for await (const { done, total } of run) console.error(`${done} of ${total}`)
 * const report = await run
 */
export interface Running<P, R> extends Promise<R>, AsyncIterable<P> {}

type Progress<P> = (progress: P) => void

/**
 * Starts work that reports its progress. Who iterates gets the newest progress at each turn, and what was superseded meanwhile is dropped:
 * a slow reader never holds the work up.
 */
export function running<P, R>(work: (report: Progress<P>) => Promise<R>, onProgress?: Progress<P>): Running<P, R> {
  const latest = new Latest<P>()
  const promise = work((progress) => {
    onProgress?.(progress)
    latest.push(progress)
  })
  promise.then(() => latest.end(), (error: unknown) => latest.end(error))
  return Object.assign(promise, { [Symbol.asyncIterator]: () => latest.iterate() })
}

/** Holds one value, the newest, for a reader that comes by when it can. */
class Latest<P> {
  #value: { readonly progress: P } | undefined
  #ended = false
  #failure: unknown
  #wake: (() => void) | undefined

  push(progress: P): void {
    this.#value = { progress }
    this.#wake?.()
  }

  end(failure?: unknown): void {
    this.#ended = true
    this.#failure = failure
    this.#wake?.()
  }

  async *iterate(): AsyncGenerator<P, void, undefined> {
    for (;;) {
      const value = this.#value
      this.#value = undefined
      if (value !== undefined) yield value.progress
      else if (this.#failure !== undefined) throw this.#failure as Error
      else if (this.#ended) return
      else await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }
}
