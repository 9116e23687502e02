import { sha256 } from '#backend'
import { concat, wipe } from './bytes.ts'
import { DEK_LENGTH } from './cipher.ts'
import { DekCache } from './dek-cache.ts'
import { KeyfoldError } from './errors.ts'
import { assertCount, isBatchKeyWrapper } from './key-batch.ts'
import { badAnswer, keyErrorOf } from './key-source.ts'
import type { BatchKeyWrapper, CanonicalContext, KeyWrapper, WrappedKey } from './types.ts'

export interface CachingOptions {
  /** Milliseconds that a data key stays open, 1 to 86,400,000 (a day). So long a permission that was taken away may go unnoticed. */
  readonly ttlMs: number
  /** How often one data key is given out before the key is asked again; 1 to 1,000,000, 1000 by default. */
  readonly maxUses?: number
  /** How many data keys are held; 1 to 1,000,000, 1000 by default. */
  readonly maxEntries?: number
  /** Bytes of memory that they take, at 256 each; from 256 on, 256 KiB by default. The tighter one of `maxEntries` and this holds. */
  readonly maxBytes?: number
}

/** What `caching` adds to a wrapper. */
export interface CachingKeyWrapper extends KeyWrapper {
  /** Forgets every open data key now, and keeps none of those that are being fetched. */
  clear(): void
}

/** A data key of 32 bytes, its name of 32, and what the runtime adds. */
const ENTRY_BYTES = 256

/**
 * A key wrapper that remembers for a while what it unwrapped, for keys whose calls cost time or money, where the same records are opened time and
 * again (a hot row, ranges of one stream). Callers that want the same data key at the same time share one call. Each caller gets a copy of its
 * own. Wraps are passed on: no data key is ever used for a second record. Of the wrapper's other abilities, batches stay.
 *
 * A data key is found by all that the key was asked: material, wrapped bytes and encryption context; another cache of another key or policy knows
 * nothing of it. What fails is not remembered.
 *
 * @throws KeyfoldError ERR_ARGUMENT for an option out of range
 * @example const keyring = createKeyring({ active: caching(awsKms(arn), { ttlMs: 300_000 }) })
 */
export function caching(wrapper: BatchKeyWrapper, options: CachingOptions): CachingKeyWrapper & BatchKeyWrapper
export function caching(wrapper: KeyWrapper, options: CachingOptions): CachingKeyWrapper
export function caching(wrapper: KeyWrapper, options: CachingOptions): CachingKeyWrapper {
  const fetcher = new Fetcher(wrapper, options)
  const { id, keyId } = wrapper
  const single: CachingKeyWrapper = {
    id,
    keyId,
    ...(wrapper.contextNames !== undefined && { contextNames: wrapper.contextNames }),
    wrap: (dek, context) => wrapper.wrap(dek, context),
    unwrap: async (wrapped, context) => fetcher.unwrap(wrapped, context),
    clear: () => fetcher.clear(),
  }
  if (!isBatchKeyWrapper(wrapper)) return Object.freeze(single)
  const batches: Pick<BatchKeyWrapper, 'wrapMany' | 'unwrapMany'> = {
    wrapMany: (deks, contexts) => wrapper.wrapMany(deks, contexts),
    unwrapMany: (wraps, contexts) => fetcher.unwrapMany(wrapper, wraps, contexts),
  }
  return Object.freeze({ ...single, ...batches })
}

type Ask = (wrapped: WrappedKey, context: CanonicalContext) => Promise<Uint8Array>

/** A call that is under way, and who waits for it. */
interface Flight {
  readonly waiters: Array<{ resolve(dek: Uint8Array): void; reject(error: unknown): void }>
}

class Fetcher {
  readonly #wrapper: KeyWrapper
  readonly #maxUses: number
  readonly #cache: DekCache
  /** Those that one may still join, and whose data key will be kept. */
  readonly #flights = new Map<string, Flight>()

  constructor(wrapper: KeyWrapper, { ttlMs, maxUses = 1000, maxEntries = 1000, maxBytes = 1024 * ENTRY_BYTES }: CachingOptions) {
    this.#wrapper = wrapper
    this.#maxUses = bounded('maxUses', maxUses, 1, 1_000_000)
    const room = Math.floor(bounded('maxBytes', maxBytes, ENTRY_BYTES, Number.MAX_SAFE_INTEGER) / ENTRY_BYTES)
    this.#cache = new DekCache({
      ttlMs: bounded('ttlMs', ttlMs, 1, 86_400_000),
      maxEntries: Math.min(bounded('maxEntries', maxEntries, 1, 1_000_000), room),
    })
  }

  async unwrap(wrapped: WrappedKey, context: CanonicalContext): Promise<Uint8Array> {
    return this.#find(wrapped, context, (own) => this.#wrapper.unwrap(own, context))
  }

  /** One call for all that is neither here nor on its way. */
  async unwrapMany(
    wrapper: BatchKeyWrapper,
    wraps: readonly WrappedKey[],
    contexts: readonly CanonicalContext[],
  ): Promise<Array<Uint8Array | Error>> {
    const missing: WrappedKey[] = []
    const theirContexts: CanonicalContext[] = []
    let answers: Promise<ReadonlyArray<Uint8Array | Error>> | undefined
    const ask: Ask = async (wrapped, context) => {
      const at = missing.push(wrapped) - 1
      theirContexts.push(context)
      // begins when this turn is over, and so all that is missing is known
      answers ??= Promise.resolve().then(() => wrapper.unwrapMany(missing, theirContexts))
      return pick(wrapper, await answers, at, missing.length)
    }
    const each = wraps.map((wrapped, i) => this.#find(wrapped, contexts[i]!, ask))
    return Promise.all(each.map((dek) => dek.catch((error: unknown) => keyErrorOf(wrapper, error))))
  }

  clear(): void {
    this.#cache.clear()
    this.#flights.clear()
  }

  async #find(wrapped: WrappedKey, context: CanonicalContext, ask: Ask): Promise<Uint8Array> {
    const name = nameOf(wrapped, context)
    const open = this.#cache.take(name)
    if (open !== undefined) return open
    const flight = this.#flights.get(name)
    // a call serves as many as a data key that was kept would
    if (flight !== undefined && flight.waiters.length < this.#maxUses) return wait(flight)
    // a copy: the caller may use the buffer for something else, and that must not come to stand under this name
    return this.#depart(name, ask({ materialId: Uint8Array.from(wrapped.materialId), bytes: Uint8Array.from(wrapped.bytes) }, context))
  }

  #depart(name: string, answer: Promise<Uint8Array>): Promise<Uint8Array> {
    const flight: Flight = { waiters: [] }
    this.#flights.set(name, flight)
    answer.then(
      (dek) => this.#land(name, flight, dek),
      (error: unknown) => this.#fail(name, flight, error),
    )
    return wait(flight)
  }

  /** Everyone gets his copy before the cache can clear what it keeps (abuse 41). */
  #land(name: string, flight: Flight, dek: Uint8Array): void {
    if (!(dek instanceof Uint8Array)) return this.#fail(name, flight, badAnswer(this.#wrapper, 'what it unwrapped is no data key'))
    for (const { resolve } of flight.waiters) resolve(Uint8Array.from(dek))
    const usesLeft = this.#maxUses - flight.waiters.length
    if (this.#leave(name, flight) && usesLeft > 0 && dek.length === DEK_LENGTH) this.#cache.put(name, dek, usesLeft)
    wipe(dek)
  }

  #fail(name: string, flight: Flight, error: unknown): void {
    this.#leave(name, flight)
    for (const { reject } of flight.waiters) reject(error)
  }

  /** @returns false for a flight that `clear` or a later one took out of the list before */
  #leave(name: string, flight: Flight): boolean {
    return this.#flights.get(name) === flight && this.#flights.delete(name)
  }
}

function wait({ waiters }: Flight): Promise<Uint8Array> {
  return new Promise((resolve, reject) => waiters.push({ resolve, reject }))
}

function pick(wrapper: KeyWrapper, answers: ReadonlyArray<Uint8Array | Error>, at: number, count: number): Uint8Array {
  assertCount(wrapper, answers, count)
  const answer = answers[at]!
  if (answer instanceof Error) throw answer
  return answer
}

/** Everything that the key is asked, in 32 bytes. */
function nameOf({ materialId, bytes }: WrappedKey, context: CanonicalContext): string {
  const asked = concat(sha256(context.bytes), Uint8Array.of(materialId.length), materialId, bytes)
  return String.fromCharCode(...sha256(asked))
}

function bounded(name: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value
  throw new KeyfoldError('ERR_ARGUMENT', `${name} is an integer from ${least} to ${most}`)
}
