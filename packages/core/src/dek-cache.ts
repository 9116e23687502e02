/** Data keys that stay open for a while: bounded in time, uses and bytes, and cleared when they go. Gives out copies alone. */
import { wipe } from './bytes.ts'

export interface CacheLimits {
  /** Milliseconds that a key stays. */
  readonly ttlMs: number
  readonly maxEntries: number
}

interface CachedDek {
  readonly dek: Uint8Array
  readonly expiresAt: number
  usesLeft: number
}

/** All keys live equally long: the oldest is the first to expire, and the one that gives way where there is no room. */
export class DekCache {
  readonly #limits: CacheLimits
  /** The oldest first. */
  readonly #entries = new Map<string, CachedDek>()
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(limits: CacheLimits) {
    this.#limits = limits
  }

  /** A copy of a key, which the caller wipes; undefined where it is not here, or no more. */
  take(name: string): Uint8Array | undefined {
    this.#dropExpired()
    const entry = this.#entries.get(name)
    if (entry === undefined) return undefined
    const copy = Uint8Array.from(entry.dek)
    entry.usesLeft -= 1
    if (entry.usesLeft === 0) this.#drop(name, entry)
    return copy
  }

  /** Keeps a copy of a key for so many uses. */
  put(name: string, dek: Uint8Array, uses: number): void {
    const former = this.#entries.get(name)
    if (former !== undefined) this.#drop(name, former)
    this.#entries.set(name, { dek: Uint8Array.from(dek), expiresAt: performance.now() + this.#limits.ttlMs, usesLeft: uses })
    for (const [oldest, entry] of this.#entries) {
      if (this.#entries.size <= this.#limits.maxEntries) break
      this.#drop(oldest, entry)
    }
    this.#schedule()
  }

  /** Forgets every key at once. */
  clear(): void {
    for (const [name, entry] of this.#entries) this.#drop(name, entry)
  }

  #drop(name: string, { dek }: CachedDek): void {
    wipe(dek)
    this.#entries.delete(name)
  }

  #dropExpired(): void {
    const now = performance.now()
    for (const [name, entry] of this.#entries) {
      if (entry.expiresAt > now) return
      this.#drop(name, entry)
    }
  }

  /** One timer, for the oldest key: what expires is cleared also where nobody asks for it. It keeps no process alive, where the runtime lets it. */
  #schedule(): void {
    const [oldest] = this.#entries.values()
    if (this.#timer !== undefined || oldest === undefined) return
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined
        this.#dropExpired()
        this.#schedule()
      },
      Math.ceil(oldest.expiresAt - performance.now()),
    )
    ;(this.#timer as { unref?: () => void }).unref?.()
  }
}
