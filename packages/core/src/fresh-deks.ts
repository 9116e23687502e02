/**
 * Fresh data keys of a local key, each wrapped before a record asks for it: made in a batch, a wrap costs a fifth of one made alone. What is kept
 * here is what the pool of random bytes holds anyway, keys that protect nothing yet; and each is given out once.
 */
import { isBound } from './approved.ts'
import { wipe } from './bytes.ts'
import type { WrappedEntry } from './format.ts'
import type { KeyWrapper, SyncKeyWrapper } from './types.ts'

/** A data key that no record has had, and its entry. Whoever takes it wipes it. A class, not a literal: see format.ts. */
export class FreshDek {
  readonly dek: Uint8Array
  readonly entry: WrappedEntry

  constructor(dek: Uint8Array, entry: WrappedEntry) {
    this.dek = dek
    this.entry = entry
  }
}

/** Makes so many. */
type Make = (count: number) => FreshDek[]

/** Twice as many make a seal cheaper by a twentieth, and there may be thousands of branch keys. */
const MOST = 32

/** Not a property of the wrapper: one that passes calls on to another must not pass this on unseen. */
const stocks = new WeakMap<KeyWrapper, Stock>()

/** Keeps fresh data keys for a wrapper from now on. For wrappers of ours alone: a data key given out twice would give two records away. */
export function keepFresh(wrapper: KeyWrapper, make: Make): void {
  stocks.set(wrapper, new Stock(make))
}

/** A fresh data key of a wrapper; undefined where none are kept for it. */
export function freshDek(wrapper: KeyWrapper): FreshDek | undefined {
  return stocks.get(wrapper)?.take()
}

/** Whether a wrapper is one of these: it needs no I/O and waits for nothing. */
export function isLocal(wrapper: KeyWrapper): wrapper is SyncKeyWrapper {
  return stocks.has(wrapper)
}

class Stock {
  readonly #make: Make
  #ready: FreshDek[] = []
  /** Whether they were made in a program that is bound to approved cryptography: in FIPS mode, the provider's own wrap makes them. */
  #bound = isBound()
  /** The next batch: twice the last one, so that a key which is hardly used makes hardly any for nothing. */
  #next = 1

  constructor(make: Make) {
    this.#make = make
  }

  take(): FreshDek {
    if (this.#bound !== isBound()) this.#clear()
    const ready = this.#ready.pop()
    if (ready !== undefined) return ready
    this.#ready = this.#make(this.#next)
    this.#next = Math.min(this.#next * 2, MOST)
    return this.#ready.pop()!
  }

  #clear(): void {
    for (const { dek } of this.#ready) wipe(dek)
    this.#ready = []
    this.#bound = isBound()
  }
}
