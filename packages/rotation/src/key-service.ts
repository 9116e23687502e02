import { setTimeout as sleep } from 'node:timers/promises'
import type { BranchKeys, CanonicalContext, Keyring, KeyUse, KeyWrapper, WrappedKey } from '@keyfold/core'
import { createKeyring, isKeyfoldError, isPreflightKeyWrapper, isRewrapKeyWrapper, isSyncKeyWrapper } from '@keyfold/core'
import type { GivenKeys } from './keys-of.ts'

export interface KeyServiceLimits {
  /** Calls in a second, retries included. No limit where it is left out. */
  readonly rps: number | undefined
  readonly signal: AbortSignal | undefined
  /** Told of each call that was throttled and will be made anew. */
  readonly onThrottled?: () => void
}

const FIRST_WAIT = 500
const LONGEST_WAIT = 30_000
const RECENTLY = 10_000
/** How often a call that was throttled is made anew: about three minutes in all, then the run ends, and a later one goes on. */
const PATIENCE = 10
/** Before anything was done, an operator waits for the answer. */
const PATIENCE_BEFOREHAND = 2
/** With a limit of calls the retries of a wrapper are better made here, where they count: so many where a service is out of reach. */
const PATIENCE_UNREACHED = 2

/**
 * Calls of key services: no more in a second than is allowed, and after a throttled one all of them wait, longer each time, before it is made anew.
 * One for all keys: what a service allows is shared by them.
 */
export class KeyService {
  readonly #limits: KeyServiceLimits
  /** When the next call may begin. */
  #next = 0
  #throttledInARow = 0
  #heldUntil = 0
  #throttledAt = -Infinity
  /** How often calls were held back: tells whether one began before the last time. */
  #rounds = 0

  constructor(limits: KeyServiceLimits) {
    this.#limits = limits
  }

  /** Whether a service throttled within the last seconds. */
  get throttled(): boolean {
    return performance.now() - this.#throttledAt < RECENTLY
  }

  /** @param patience how often it is made anew while the service throttles */
  async call<T>(work: () => Promise<T>, patience = PATIENCE): Promise<T> {
    for (let tries = 1; ; tries++) {
      await this.#turn()
      const round = this.#rounds
      try {
        const result = await work()
        this.#throttledInARow = 0
        return result
      } catch (error) {
        if (!this.#again(error, tries, patience, round)) throw error
      }
    }
  }

  /** Takes the next turn, and waits for it. A run that is to stop waits for none. */
  async #turn(): Promise<void> {
    const { rps, signal } = this.#limits
    const stopped = (): boolean => signal?.aborted === true
    const until = async (time: number): Promise<void> => {
      const wait = Math.ceil(time - performance.now())
      if (wait > 0) await sleep(wait, undefined, signal && { signal }).catch(() => undefined)
    }
    do {
      await until(this.#heldUntil)
      const at = Math.max(performance.now(), this.#next)
      if (rps !== undefined) this.#next = at + 1000 / rps
      await until(at)
      // Held back while this one waited: then its turn is over, or all of those that waited would go at once.
    } while (!stopped() && performance.now() < this.#heldUntil)
  }

  #again(error: unknown, tries: number, patience: number, round: number): boolean {
    const { rps, signal } = this.#limits
    if (signal?.aborted === true) return false
    if (isKeyfoldError(error, 'ERR_KEY_UNAVAILABLE')) return rps !== undefined && tries <= PATIENCE_UNREACHED
    if (!isKeyfoldError(error, 'ERR_KEY_THROTTLED') || tries > patience) return false
    // Calls under way together are throttled together: that is one reason to wait, not many.
    if (round === this.#rounds) {
      this.#rounds++
      const longest = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.#throttledInARow++)
      this.#heldUntil = performance.now() + longest * (0.5 + Math.random() / 2)
    }
    this.#throttledAt = performance.now()
    this.#limits.onThrottled?.()
    return true
  }
}

/** The same keys; those of a key service are called through `service`. */
export function throughService(given: GivenKeys, service: KeyService): GivenKeys {
  if ('store' in given) return given.withKeyring(keyringThrough(given.keyring, service)) satisfies BranchKeys
  return keyringThrough(given, service)
}

function keyringThrough(keyring: Keyring, service: KeyService): Keyring {
  if (keyring.wrappers.every(isSyncKeyWrapper)) return keyring
  const through = new Map(keyring.wrappers.map((wrapper) => [wrapper, isSyncKeyWrapper(wrapper) ? wrapper : wrapperThrough(wrapper, service)]))
  const [active, ...recovery] = keyring.sealing.map((wrapper) => through.get(wrapper)!)
  const decryptOnly = keyring.wrappers.filter((wrapper) => !keyring.sealing.includes(wrapper)).map((wrapper) => through.get(wrapper)!)
  return createKeyring({ active: active!, recovery, decryptOnly })
}

/** What a wrapper that stands for another stands for: a service moves data keys to keys of its own kind alone. */
const behind = new WeakMap<KeyWrapper, KeyWrapper>()

/** A wrapper with the same abilities, batches left out: a limit is for calls, and a batch hides how many it makes. */
function wrapperThrough(wrapper: KeyWrapper, service: KeyService): KeyWrapper {
  const through = {
    id: wrapper.id,
    keyId: wrapper.keyId,
    ...(wrapper.contextNames !== undefined && { contextNames: wrapper.contextNames }),
    wrap: (dek: Uint8Array, context: CanonicalContext) => service.call(async () => wrapper.wrap(dek, context)),
    unwrap: (wrapped: WrappedKey, context: CanonicalContext) => service.call(async () => wrapper.unwrap(wrapped, context)),
    ...(isRewrapKeyWrapper(wrapper) && {
      canRewrapTo: (target: KeyWrapper) => wrapper.canRewrapTo(behind.get(target) ?? target),
      rewrapTo: (target: KeyWrapper, wrapped: WrappedKey, context: CanonicalContext) =>
        service.call(async () => wrapper.rewrapTo(behind.get(target) ?? target, wrapped, context)),
    }),
    ...(isPreflightKeyWrapper(wrapper) && {
      preflight: (use: KeyUse, context: CanonicalContext) =>
        service.call(async () => wrapper.preflight(useBehind(use), context), PATIENCE_BEFOREHAND),
    }),
  }
  behind.set(through, wrapper)
  return through
}

function useBehind(use: KeyUse): KeyUse {
  return typeof use === 'string' ? use : { rewrapTo: behind.get(use.rewrapTo) ?? use.rewrapTo }
}
