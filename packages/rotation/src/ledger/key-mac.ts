import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Json } from '../canonical-json.ts'
import { canonicalJson } from '../canonical-json.ts'
import { rotationError } from '../errors.ts'
import type { KeyChange } from './key-changes.ts'
import type { LedgerKey } from './types.ts'

/** All that the states of keys rest on, as it stands in the ledger at one moment. */
export interface KeyRows {
  /** The ledger's own name, made with its key. */
  readonly ledger: string
  readonly keys: readonly LedgerKey[]
  readonly changes: readonly KeyChange[]
  /** Receipts of destroyed keys, by key id. */
  readonly receipts: ReadonlyArray<{ readonly keyId: string; readonly document: string }>
}

const PURPOSE = 'kms-rotate key states v1'

/** HMAC-SHA256 over the rows in one canonical text. */
export function macOf(key: Uint8Array, { ledger, keys, changes, receipts }: KeyRows): Uint8Array {
  const text = textOf({ purpose: PURPOSE, ledger, keys: sorted(keys), changes: changes.map(plain), receipts: receipts.map(plain) })
  return createHmac('sha256', key).update(text).digest()
}

/** Tells a ledger key from another one, and tells nothing of it. */
export function checkOf(key: Uint8Array): Uint8Array {
  return createHmac('sha256', key).update('kms-rotate ledger key check v1').digest().subarray(0, 16)
}

/**
 * Refuses rows that are not those that the MAC was made over.
 *
 * @throws KeyfoldError ERR_LEDGER_ALTERED
 */
export function assertAuthentic(key: Uint8Array, rows: KeyRows, mac: Uint8Array): void {
  // compared even where it cannot be equal, so that the time tells nothing
  if (mac.length !== 32 || !timingSafeEqual(macOf(key, rows), mac)) throw altered('the states of keys in the ledger are not what was written there')
}

export function altered(fact: string): Error {
  return rotationError('ERR_LEDGER_ALTERED', fact)
}

function sorted(keys: readonly LedgerKey[]): Json[] {
  return [...keys].sort((a, b) => (a.id < b.id ? -1 : 1)).map(plain)
}

function plain(row: object): Json {
  return { ...row }
}

/** Text of somebody else's that has no canonical form was never written by this program. */
function textOf(value: Json): string {
  try {
    return canonicalJson(value)
  } catch {
    throw altered('a row of the ledger holds what was never written there')
  }
}
