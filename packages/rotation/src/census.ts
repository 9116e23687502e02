import type { ColumnCensus, RecordStore } from '@keyfold/core'
import type { KeyNames } from './key-names.ts'
import { hexOf, keyNames } from './key-names.ts'
import type { GivenKeys } from './keys-of.ts'
import { keysOf } from './keys-of.ts'
import type { ColumnPlace, Mode } from './ledger/types.ts'
import type { RotationKeys, Standing } from './rotation-keys.ts'

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
  /** Sealed cells by master key: `key-file:2026q4`, or `unknown:` and 24 hex digits. Those under a branch key count for the key that wraps it. */
  readonly byKey: Readonly<Record<string, number>>
  /** Sealed cells whose branch key was destroyed; only where there are some. */
  readonly destroyed?: number
}

/**
 * Counts the records of every registered column per key, without opening any.
 *
 * @example const counts = await census({ stores, keyring })
 */
export async function census({ stores, keyring }: { stores: readonly RecordStore[]; keyring: GivenKeys }): Promise<NamedCensus[]> {
  const keys = await keysOf(keyring)
  return named(await countAll(stores), keys, keyNames(keys.keyring))
}

/** Every column of every store. */
export async function countAll(stores: readonly RecordStore[]): Promise<PlacedCensus[]> {
  const counts: PlacedCensus[] = []
  for (const store of stores) for (const count of await countStore(store)) counts.push({ ...count, store: store.name })
  return counts
}

/** All columns of a store, at one moment where it can tell that. */
async function countStore(store: RecordStore): Promise<readonly ColumnCensus[]> {
  if (store.censusAll !== undefined) return store.censusAll()
  const counts: ColumnCensus[] = []
  for (const column of store.columns) counts.push(await store.census(column))
  return counts
}

/** Whether a master key (24 hex digits) has records or branch keys under it. */
export function usedKeys(counts: readonly PlacedCensus[], keys: RotationKeys): (keyId: string) => boolean {
  const used = new Set([...counts.flatMap((count) => [...byMaster(count, keys).keys()]), ...(keys.branchKeys?.byMaster.keys() ?? [])])
  return (keyId) => used.has(keyId)
}

export function named(counts: readonly PlacedCensus[], keys: RotationKeys, nameOf: KeyNames): NamedCensus[] {
  return counts.map((count) => {
    const { store, table, column, total, null: nulls, plaintext, malformed } = count
    const byKey = Object.fromEntries(Array.from(byMaster(count, keys), ([keyId, cells]) => [nameOf(keyId), cells]))
    const destroyed = destroyedIn(count, keys)
    return { store, table, column, total, null: nulls, plaintext, malformed, byKey, ...(destroyed > 0 && { destroyed }) }
  })
}

/** Sealed cells by master key id; one under a branch key counts for each key that wraps it. */
export function byMaster({ byKey }: ColumnCensus, keys: RotationKeys): Map<string, number> {
  const counts = new Map<string, number>()
  for (const [keyId, cells] of byKey) for (const master of keys.mastersOf(keyId)) counts.set(master, (counts.get(master) ?? 0) + cells)
  return counts
}

/** Sealed cells that nothing opens any more, on purpose. */
export function destroyedIn(count: ColumnCensus, keys: RotationKeys): number {
  return cellsThat(count, keys, (standing) => standing === 'destroyed')
}

/** What a column has left to do, as far as a count can tell: all that is not sealed under a key that seals there today, or all that is sealed. */
export function pendingIn(count: ColumnCensus, keys: RotationKeys, mode: Mode = 'move'): number {
  return (mode === 'unseal' ? 0 : count.plaintext) + count.malformed + cellsThat(count, keys, (standing) => isPending(standing, mode))
}

/** Whether a cell that claims such a key has something left to do. */
export function isPending(standing: Standing, mode: Mode): boolean {
  return standing === 'older' || standing === 'unknown' || (mode === 'unseal' && standing === 'current')
}

/** Of what is left to do in a column, the cells that come down to the active master key already: they move to another branch key. */
export function behindIn(count: ColumnCensus, keys: RotationKeys): number {
  const sealing = new Set(keys.keyring.sealing.map(({ keyId }) => hexOf(keyId)))
  return cellsThat(count, keys, (standing, keyId) => standing === 'older' && keys.mastersOf(keyId).every((master) => sealing.has(master)))
}

function cellsThat(count: ColumnCensus, keys: RotationKeys, is: (standing: Standing, keyId: string) => boolean): number {
  return Array.from(count.byKey).reduce((sum, [keyId, cells]) => sum + (is(keys.standing(count, keyId), keyId) ? cells : 0), 0)
}

/** How many sealed cells a column has; several entries of one cell count several times. */
export function sealedIn({ byKey }: ColumnCensus): number {
  return [...byKey.values()].reduce((sum, count) => sum + count, 0)
}
