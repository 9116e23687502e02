/** From an envelope to its data key, alone or in a batch. */
import { toHex, wipe } from './bytes.ts'
import type { BodyKey } from './cipher.ts'
import { deriveBodyKey } from './cipher.ts'
import { KeyfoldError } from './errors.ts'
import type { Failure } from './failures.ts'
import { inOne } from './failures.ts'
import type { Entry, Header } from './format.ts'
import { isLocal } from './fresh-deks.ts'
import { append, unwrapEach } from './key-batch.ts'
import type { KeySource } from './key-source.ts'
import { unwrapStep } from './key-source.ts'
import type { Steps } from './steps.ts'
import { together } from './steps.ts'
import type { CanonicalContext, KeyWrapper, WrappedKey } from './types.ts'

/** The data key of an envelope, shown by its commitment to be the one that sealed it. The caller wipes it. */
export class OpenedDek {
  readonly dek: Uint8Array
  readonly bodyKey: BodyKey

  constructor(dek: Uint8Array, bodyKey: BodyKey) {
    this.dek = dek
    this.bodyKey = bodyKey
  }

  wipe(): void {
    wipe(this.dek)
    this.bodyKey.wipe()
  }
}

/** An envelope whose data key is wanted. */
export interface Wanted {
  readonly envelope: Header
  readonly context: CanonicalContext
}

/**
 * Tries the entries in their order, those alone whose key is held. An entry that fails, for whatever reason, gives way to the next:
 * the list is not authenticated, and editing one entry must not take away what another can open.
 */
export function* openDek(keys: KeySource, envelope: Header, context: CanonicalContext): Steps<OpenedDek> {
  const search = new Search(envelope, context, 0)
  for (;;) {
    const wrapper = yield* search.next(keys)
    if (wrapper === undefined) throw search.failed()
    try {
      return search.check(wrapper, yield* unwrapStep(wrapper, search.wrapped, context))
    } catch (error) {
      search.giveUp(wrapper.id, error)
    }
  }
}

/** As `openDek`, without a step: where the first key that is held is local and opens the record. Undefined for what `openDek` is to tell. */
export function openDekAtHand(keys: KeySource, envelope: Header, context: CanonicalContext): OpenedDek | undefined {
  if (!hasAtHand(keys)) return undefined
  const search = new Search(envelope, context, 0)
  const wrapper = search.nextAtHand(keys)
  if (wrapper === undefined || !isLocal(wrapper)) return undefined
  try {
    return search.check(wrapper, wrapper.unwrapSync(search.wrapped, context))
  } catch {
    return undefined
  }
}

/** As `openDek`, for many: an error stands in the place of each whose data key cannot be had, and holds up no other. */
export function* openDeks(keys: KeySource, wanted: readonly Wanted[]): Steps<Array<OpenedDek | KeyfoldError>> {
  const results: Array<OpenedDek | KeyfoldError> = []
  try {
    yield* searchAll(keys, wanted, results)
    return results
  } catch (error) {
    for (const result of results) if (result instanceof OpenedDek) result.wipe()
    throw error
  }
}

/** In rounds: each takes every record that is still closed to the next of its entries, and asks each key for all that it is to unwrap. */
function* searchAll(keys: KeySource, wanted: readonly Wanted[], results: Array<OpenedDek | KeyfoldError>): Steps<void> {
  let closed = wanted.map(({ envelope, context }, at) => new Search(envelope, context, at))
  while (closed.length > 0) {
    const turns = new Map<KeyWrapper, Search[]>()
    const wrappers = hasAtHand(keys) ? closed.map((search) => search.nextAtHand(keys)) : yield* together(closed.map((search) => search.next(keys)))
    closed.forEach((search, i) => {
      const wrapper = wrappers[i]
      if (wrapper === undefined) results[search.at] = search.failed()
      else append(turns, wrapper, search)
    })
    closed = []
    for (const [wrapper, group] of turns) for (const search of yield* takeTurns(wrapper, group, results)) closed.push(search)
  }
}

function hasAtHand(keys: KeySource): keys is KeySource & Required<Pick<KeySource, 'find'>> {
  return keys.find !== undefined
}

/** Asks one key; gives the searches that it did not end. */
function* takeTurns(wrapper: KeyWrapper, group: readonly Search[], results: Array<OpenedDek | KeyfoldError>): Steps<Search[]> {
  const deks = yield* unwrapEach(
    wrapper,
    group.map(({ wrapped }) => wrapped),
    group.map(({ context }) => context),
  )
  return group.filter((search, i) => {
    try {
      const dek = deks[i]!
      if (dek instanceof KeyfoldError) throw dek
      results[search.at] = search.check(wrapper, dek)
      return false
    } catch (error) {
      search.giveUp(wrapper.id, error)
      return true
    }
  })
}

/** An entry as a wrapper takes it. Classes here, not literals: see format.ts. */
class WrappedDek implements WrappedKey {
  readonly materialId: Uint8Array
  readonly bytes: Uint8Array

  constructor({ materialId, wrapped }: Entry) {
    this.materialId = materialId
    this.bytes = wrapped
  }
}

/** The way through one envelope's entries. */
class Search {
  readonly context: CanonicalContext
  /** Its place among the results. */
  readonly at: number
  readonly #envelope: Header
  #tried = 0
  #failures: Failure[] | undefined

  constructor(envelope: Header, context: CanonicalContext, at: number) {
    this.context = context
    this.at = at
    this.#envelope = envelope
  }

  /** The key of the next entry whose key is held, and `wrapped` is that entry; undefined behind the last. */
  *next(keys: KeySource): Steps<KeyWrapper | undefined> {
    for (let entry = this.#nextEntry(); entry !== undefined; entry = this.#nextEntry()) {
      try {
        const wrapper = yield* keys.openingKey(entry.keyId)
        if (wrapper !== undefined) return wrapper
      } catch (error) {
        this.giveUp(toHex(entry.keyId), error)
      }
    }
    return undefined
  }

  /** The same where keys need no step. */
  nextAtHand(keys: Required<Pick<KeySource, 'find'>>): KeyWrapper | undefined {
    for (let entry = this.#nextEntry(); entry !== undefined; entry = this.#nextEntry()) {
      const wrapper = keys.find(entry.keyId)
      if (wrapper !== undefined) return wrapper
    }
    return undefined
  }

  #nextEntry(): Entry | undefined {
    return this.#envelope.entries[this.#tried++]
  }

  /** The entry that `next` came to, as a wrapper takes it. */
  get wrapped(): WrappedKey {
    return new WrappedDek(this.#envelope.entries[this.#tried - 1]!)
  }

  /** The data key with what it gives, if it is the one that sealed the record; ERR_KEY_COMMITMENT, and it is wiped, if not. */
  check(wrapper: KeyWrapper, dek: Uint8Array): OpenedDek {
    const { suite, body } = this.#envelope
    const opened = new OpenedDek(dek, deriveBodyKey(suite, dek))
    if (opened.bodyKey.isCommittedTo(body.commitment)) return opened
    opened.wipe()
    throw new KeyfoldError('ERR_KEY_COMMITMENT', `the data key that ${wrapper.id} unwrapped is not the one that sealed the record`)
  }

  /** Notes why an entry gave way to the next. */
  giveUp(name: string, error: unknown): void {
    if (!(error instanceof KeyfoldError)) throw error
    this.#failures ??= []
    this.#failures.push({ name, error })
  }

  /** Why no entry opened the record. */
  failed(): KeyfoldError {
    if (this.#failures !== undefined) return inOne(this.#failures, 'opens the record')
    const ids = this.#envelope.entries.map(({ keyId }) => toHex(keyId)).join(', ')
    return new KeyfoldError('ERR_KEY_NOT_FOUND', `no key at hand opens the record, which is sealed under ${ids}`)
  }
}
