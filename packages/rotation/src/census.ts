import type { ColumnCensus, Keyring, RecordStore } from '@keyfold/core'
import type { KeyNames } from './key-names.ts'
import { hexOf, keyNames } from './key-names.ts'
import type { ColumnPlace } from './ledger/types.ts'

/** The count of one column, as the store gave it. */
export interface PlacedCensus extends ColumnCensus {
  readonly store: string
}

/** The count of one column, its keys by their ids. */
export interface NamedCensus extends ColumnPlace {
  readonly total: number
  readonly null: number
  readonly plaintext: number
  readonly malformed: number
  /** Sealed cells by key: `key-file:2026q4`, or `unknown:` and 24 hex digits. */
  readonly byKey: Readonly<Record<string, number>>
}

/**
 * Counts the records of every registered column per key, without opening any.
 *
 * @example const counts = await census({ stores, keyring })
 */
export async function census({ stores, keyring }: { stores: readonly RecordStore[]; keyring: Keyring }): Promise<NamedCensus[]> {
  return named(await countAll(stores), keyNames(keyring))
}

/** Every column of every store. */
export async function countAll(stores: readonly RecordStore[]): Promise<PlacedCensus[]> {
  const counts: PlacedCensus[] = []
  for (const store of stores) {
    for (const column of store.columns) counts.push({ ...(await store.census(column)), store: store.name })
  }
  return counts
}

export function named(counts: readonly PlacedCensus[], nameOf: KeyNames): NamedCensus[] {
  return counts.map(({ store, table, column, total, null: nulls, plaintext, malformed, byKey }) => ({
    store, table, column, total, null: nulls, plaintext, malformed,
    byKey: Object.fromEntries([...byKey].map(([keyId, count]) => [nameOf(keyId), count])),
  }))
}

/** Records of a column that claim a key, or any key. */
export function sealedUnder({ byKey }: ColumnCensus, keyId: string): number {
  return byKey.get(keyId) ?? 0
}

/** What a column has left to do, as far as a count can tell: all that is not sealed under a sealing key. Never too small. */
export function pendingIn(counts: ColumnCensus, keyring: Keyring): number {
  const sealing = new Set(keyring.sealing.map(({ keyId }) => hexOf(keyId)))
  let pending = counts.plaintext + counts.malformed
  for (const [keyId, count] of counts.byKey) if (!sealing.has(keyId)) pending += count
  return pending
}

/** How many sealed cells a column has; several entries of one cell count several times. */
export function sealedIn({ byKey }: ColumnCensus): number {
  return [...byKey.values()].reduce((sum, count) => sum + count, 0)
}
