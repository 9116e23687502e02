/**
 * The ledger's own key: 32 random bytes, sealed under the keyring, that authenticate the states of keys. Who can write to the ledger's file and
 * does not hold a key of the keyring cannot make the MAC.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import type { EncryptionContext, Keyring } from '@keyfold/core'
import { inspect, isCurrent, isKeyfoldError, open, seal } from '@keyfold/core'
import { rotationError } from './errors.ts'
import { keyNames } from './key-names.ts'
import { altered, checkOf } from './ledger/key-mac.ts'
import type { KeyBook, LedgerKey, LedgerSeal, MadeSeal } from './ledger/types.ts'

const KEY_LENGTH = 32

/** What a pair has that a key service is to see in clear, and that a ledger has nothing of its own for. */
const PLACE = 'kms-rotate ledger'

/** What the ledger's key is sealed to. */
function contextOf({ ledger, names }: Pick<LedgerSeal, 'ledger' | 'names'>): EncryptionContext {
  return [['keyfold', 'ledger key'], ['ledger', ledger], ...names.map((name) => [name, PLACE] as const)]
}

/** The pairs that the sealing keys want to be there beside those of every ledger. */
function namesFor(keyring: Keyring): string[] {
  const asked = keyring.sealing.flatMap(({ contextNames = [] }) => contextNames)
  return [...new Set(asked)].filter((name) => name !== 'keyfold' && name !== 'ledger').sort()
}

/** Key ids (24 hex digits) that a sealed ledger key is under; it opens with any of them. */
export function keysUnder(sealed: Uint8Array): string[] {
  try {
    return inspect(sealed).entries.map(({ keyId }) => keyId)
  } catch {
    throw altered("the ledger's own key is not what was written there")
  }
}

/** Makes a ledger key and the ledger's name. */
export async function makeLedgerKey(keyring: Keyring): Promise<{ readonly key: Uint8Array; readonly made: MadeSeal }> {
  const key = randomBytes(KEY_LENGTH)
  return { key, made: await sealTo(keyring, key, randomUUID()) }
}

async function sealTo(keyring: Keyring, key: Uint8Array, ledger: string): Promise<MadeSeal> {
  const place = { ledger, names: namesFor(keyring) }
  return { ...place, sealed: await seal(keyring, key, contextOf(place)) }
}

/**
 * Opens it: one call of a key service where the key is one of its keys.
 *
 * @throws KeyfoldError ERR_LEDGER_KEY where no key of the keyring opens it, ERR_LEDGER_ALTERED where it was replaced, and what a key throws
 */
export async function openLedgerKey(keyring: Keyring, found: LedgerSeal, known: readonly LedgerKey[]): Promise<Uint8Array> {
  const under = keysUnder(found.sealed)
  try {
    const key = await open(keyring, found.sealed, contextOf(found))
    if (key.length === KEY_LENGTH && Buffer.from(found.check).equals(checkOf(key))) return key
  } catch (error) {
    if (isKeyfoldError(error, 'ERR_KEY_NOT_FOUND')) throw notHeld(keyring, under, known)
    if (!isKeyfoldError(error, 'ERR_NOT_AUTHENTIC', 'ERR_KEY_COMMITMENT', 'ERR_KEY_MISMATCH')) throw error
  }
  throw altered("the ledger's own key does not open: it was replaced, or taken from another ledger")
}

/** A key is not retired while the ledger's own is under it: where the rows say that it was, they were edited. */
function notHeld(keyring: Keyring, under: readonly string[], known: readonly LedgerKey[]): Error {
  const out = known.find(({ keyId, state }) => under.includes(keyId) && (state === 'disabled' || state === 'destroyed'))
  if (out !== undefined) return altered(`the ledger says that ${out.id} is ${out.state}, and its own key is under that one`)
  const names = under.map(keyNames(keyring, known)).join(', ')
  return rotationError('ERR_LEDGER_KEY', `the ledger's own key is under ${names}, which the keyring does not hold`)
}

/**
 * Seals it under the sealing keys of the keyring, where it is not: one call of each of them. Gives what puts it there, so that a key service which
 * would not do it is met before anything is changed. Sealed anew, since it is open already.
 */
export async function sealLedgerKey(book: KeyBook, keyring: Keyring, key: Uint8Array): Promise<() => void> {
  const found = book.seal()!
  if (isCurrent(keyring, found.sealed)) return () => undefined
  const now = await sealTo(keyring, key, found.ledger)
  // where it was moved meanwhile, another process put it there too
  return () => void book.reseal(found.sealed, now)
}

/** Another ledger key in place of one that a compromise exposed; gives what puts it there, as `sealLedgerKey`. */
export async function sealNextLedgerKey(book: KeyBook, keyring: Keyring, key: Uint8Array): Promise<() => Uint8Array> {
  const next = randomBytes(KEY_LENGTH)
  const now = await sealTo(keyring, next, book.seal()!.ledger)
  return () => {
    book.renew(key, next, now)
    return next
  }
}
