import type { Keyring, KeyState } from '@keyfold/core'
import { rotationError } from './errors.ts'
import { keysUnder, makeLedgerKey, openLedgerKey, sealLedgerKey, sealNextLedgerKey } from './ledger-key.ts'
import type { KeyCause, KeyChange, Who } from './ledger/key-changes.ts'
import { checkKeys } from './ledger/keys.ts'
import type { KeyBook, KeyDraft, KeyRoles, Ledger, LedgerKey } from './ledger/types.ts'
import { nearest } from './nearest.ts'

/** Whether a key (24 hex digits) has records or branch keys under it. */
export type IsUsed = (keyId: string) => boolean

/** `new`: the ledger knew no key, so what an earlier one knew is not in it. `adopted`: an older release wrote it, which made no MAC. */
export type LedgerOrigin = 'known' | 'new' | 'adopted'

/** The roles of keys as one change of their states: throws where they cannot have them. */
export type Placing = (draft: KeyDraft, origin: LedgerOrigin) => void

/**
 * The states of a ledger's keys, known to be authentic: whoever holds one has opened the ledger's own key. Each change checks the MAC again in the
 * transaction that it is made in, since another process may have written meanwhile.
 */
export class KeyStates {
  readonly origin: LedgerOrigin
  readonly #book: KeyBook
  #key: Uint8Array
  /** Made just now, so that no exposed key ever had it under it. */
  readonly #isFresh: boolean

  private constructor(book: KeyBook, key: Uint8Array, origin: LedgerOrigin, isFresh: boolean) {
    this.#book = book
    this.#key = key
    this.origin = origin
    this.#isFresh = isFresh
  }

  /**
   * Opens the ledger's key, makes it where there is none, and checks the MAC.
   *
   * @param ahead a change that is going to be made: where it would be refused, it is so here, before the ledger gets a key of its own
   * @throws KeyfoldError ERR_LEDGER_ALTERED, ERR_LEDGER_KEY, what a key of the keyring throws, and what `ahead` throws
   */
  static async open({ keys: book }: Ledger, keyring: Keyring, ahead?: Placing): Promise<KeyStates> {
    const isEmpty = book.all().length === 0
    if (book.seal() === undefined) {
      const origin = isEmpty ? 'new' : 'adopted'
      refuseStripped(book)
      if (ahead !== undefined) book.rehearse((draft) => ahead(draft, origin))
      const { key, made } = await makeLedgerKey(keyring)
      // false where another process was first
      if (book.install(key, made)) return new KeyStates(book, key, origin, true)
    }
    const key = await openLedgerKey(keyring, book.seal()!, book.all())
    book.verify(key)
    if (ahead !== undefined) book.rehearse((draft) => ahead(draft, 'known'))
    return new KeyStates(book, key, isEmpty ? 'new' : 'known', false)
  }

  all(): readonly LedgerKey[] {
    return this.#book.all()
  }

  /** The key of an id. ERR_KEY_UNKNOWN */
  find(id: string): LedgerKey {
    const known = this.all()
    const key = known.find((candidate) => candidate.id === id)
    if (key !== undefined) return key
    const near = nearest(id, known.map((candidate) => candidate.id))
    throw rotationError('ERR_KEY_UNKNOWN', `there is no such key${near === undefined ? '' : `; did you mean ${near}?`}`)
  }

  /** The changes of one key, the oldest first. */
  past(id: string): readonly KeyChange[] {
    return this.#book.changes().filter((change) => change.id === id)
  }

  /** Whether the ledger's own key is under a key (24 hex digits). */
  isUnder(keyId: string): boolean {
    return keysUnder(this.#book.seal()!.sealed).includes(keyId)
  }

  /** Records the keys of a configuration. ERR_KEY_STATE, ERR_KEY_DISABLED, ERR_KEY_MISMATCH where they cannot have these roles. */
  register(roles: KeyRoles, isUsed: IsUsed, by: string): void {
    this.place(registering(roles, isUsed, by))
  }

  place(placing: Placing): void {
    this.change((draft) => placing(draft, this.origin))
  }

  move(id: string, state: KeyState, cause: KeyCause, who: Who): void {
    this.change((draft) => draft.move(id, state, cause, who))
  }

  change<T>(work: (draft: KeyDraft) => T): T {
    return this.#book.change(this.#key, work)
  }

  receipt(keyId: string): string | undefined {
    return this.#book.receipt(keyId)
  }

  /** Seals the ledger's key under the keys that seal today, a new one after a compromise. Gives what puts it there, before any record is moved. */
  async sealLedgerKey(keyring: Keyring, reason: 'rotation' | 'compromise'): Promise<() => void> {
    if (reason === 'rotation' || this.#isFresh) return sealLedgerKey(this.#book, keyring, this.#key)
    const renew = await sealNextLedgerKey(this.#book, keyring, this.#key)
    return () => void (this.#key = renew())
  }
}

/** The keys of a configuration, in the roles that it gives them. ERR_KEY_STATE, ERR_KEY_DISABLED, ERR_KEY_MISMATCH where they cannot have these. */
export function registering(roles: KeyRoles, isUsed: IsUsed, by: string): Placing {
  return (draft, origin) => {
    checkKeys(draft.keys(), roles)
    if (origin === 'adopted') reviseAdopted(draft, isUsed, by)
    placeKeys(draft, roles, isUsed, by)
  }
}

/** Rows of this release have had a MAC from their first one on: without it, somebody took it away. */
export function refuseStripped(book: KeyBook): void {
  if (book.changes().every(({ cause }) => cause === 'migration')) return
  throw rotationError('ERR_LEDGER_ALTERED', "the ledger's own key is gone from it, and with it what authenticates the states of keys")
}

/** An older release called every other key of a configuration decrypt-only, also one that nothing had ever been sealed under. */
function reviseAdopted(draft: KeyDraft, isUsed: IsUsed, by: string): void {
  const reason = 'never active, and no record is under it'
  for (const { id, keyId, state, reason: before } of draft.keys()) {
    const isOnlyListed = state === 'decrypt-only' && before === 'found in the configuration' && !isUsed(keyId)
    if (isOnlyListed) draft.move(id, 'pre-active', 'migration', { by, reason })
  }
}

/**
 * The active key first, then the one that it replaces: the order in which changes stand tells a rollback what the last rotation was. A key that is
 * listed before it is ever active, so that every process has it by then, is pre-active as long as nothing is under it.
 */
export function placeKeys(draft: KeyDraft, { active, recovery = [], decryptOnly }: KeyRoles, isUsed: IsUsed, by: string): void {
  const before = draft.keys()
  const sealing = [active, ...recovery]
  for (const key of sealing) {
    const known = before.find(({ id }) => id === key.id)
    if (known === undefined) draft.add(key, 'active', { by, reason: 'found in the configuration' })
    else if (known.state !== 'active') draft.move(key.id, 'active', 'config', { by, reason: 'made active in the configuration' })
  }
  for (const { id, state } of before) {
    if (state !== 'active' || sealing.some((key) => key.id === id)) continue
    draft.move(id, 'decrypt-only', 'config', { by, reason: `replaced by ${active.id}` })
  }
  for (const key of decryptOnly) {
    if (before.some(({ id }) => id === key.id)) continue
    draft.add(key, isUsed(key.keyId) ? 'decrypt-only' : 'pre-active', { by, reason: 'found in the configuration' })
  }
}
