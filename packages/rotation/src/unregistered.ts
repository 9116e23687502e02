import type { RecordStore } from '@keyfold/core'
import { rotationError } from './errors.ts'
import type { GivenKeys } from './keys-of.ts'
import type { ColumnPlace } from './ledger/types.ts'
import type { Running } from './running.ts'
import { running } from './running.ts'

/** A column that no store was told of, and how many of its values claim to be sealed. */
export interface UnregisteredPlace extends ColumnPlace {
  readonly records: number
}

/** What was not looked into, and why; `table` is null for a whole store. */
export interface PlacedGap {
  readonly store: string
  readonly table: string | null
  readonly column: string | null
  readonly values: number | null
  readonly reason: string
}

export interface UnregisteredReport {
  readonly found: readonly UnregisteredPlace[]
  readonly rows: number
  /** Empty where every value of every row was looked at. */
  readonly gaps: readonly PlacedGap[]
}

/** How far a search is: rows of all stores so far, and the table that it is in. */
export interface ScanProgress {
  readonly store: string
  readonly table: string
  readonly rows: number
}

export interface FindUnregisteredOptions {
  readonly stores: readonly RecordStore[]
  /** As for a rotation: with branch keys, their table is no finding. */
  readonly keyring: GivenKeys
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: ScanProgress) => void) | undefined
}

/**
 * Looks through everything that the stores hold beside their columns for sealed values: no rotation moves these, and no census counts them, so they
 * would be lost with the old key. Changes nothing.
 *
 * @throws KeyfoldError ERR_INTERRUPTED, and what a store throws
 * @example const { found, gaps } = await findUnregistered({ stores, keyring })
 */
export function findUnregistered({ stores, keyring, signal, onProgress }: FindUnregisteredOptions): Running<ScanProgress, UnregisteredReport> {
  return running((report) => scanAll(stores, 'store' in keyring, signal, report), onProgress)
}

async function scanAll(
  stores: readonly RecordStore[], branched: boolean, signal: AbortSignal | undefined, report: (progress: ScanProgress) => void,
): Promise<UnregisteredReport> {
  const found: UnregisteredPlace[] = []
  const gaps: PlacedGap[] = []
  let rows = 0
  for (const store of stores) {
    const before = rows
    const scan = await scanOne(store, signal, (progress) => report({ store: store.name, table: progress.table, rows: before + progress.rows }))
    rows += scan.rows
    gaps.push(...scan.gaps.map((gap) => ({ store: store.name, ...gap })))
    // The keys of the branch keys that the rotation was given; without any they are sealed values like others.
    const strange = scan.found.filter(({ holds }) => holds === 'records' || !branched)
    found.push(...strange.map(({ table, column, records }) => ({ store: store.name, table, column, records })))
  }
  return { found, rows, gaps }
}

interface StoreScan {
  readonly found: ReadonlyArray<{ readonly table: string; readonly column: string; readonly records: number; readonly holds: string }>
  readonly rows: number
  readonly gaps: ReadonlyArray<Omit<PlacedGap, 'store'>>
}

async function scanOne(
  store: RecordStore, signal: AbortSignal | undefined, onProgress: (progress: { table: string; rows: number }) => void,
): Promise<StoreScan> {
  if (store.unregistered === undefined) return notSearched('this kind of store cannot be searched')
  try {
    return await store.unregistered({ signal, onProgress })
  } catch (error) {
    if (signal?.aborted !== true) throw error
    throw rotationError('ERR_INTERRUPTED', 'interrupted while sealed values were looked for; nothing was changed')
  }
}

function notSearched(reason: string): StoreScan {
  return { found: [], rows: 0, gaps: [{ table: null, column: null, values: null, reason }] }
}

/** What a plan says where nobody was to look. */
export function unsearched(stores: readonly RecordStore[]): UnregisteredReport {
  return { found: [], rows: 0, gaps: stores.map(({ name }) => ({ store: name, ...notSearched('it was not asked for').gaps[0]! })) }
}
