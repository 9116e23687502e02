import type { ColumnRef, Keyring, KeySource, StoredRecord } from '@keyfold/core'
import { isKeyfoldError } from '@keyfold/core'

/**
 * Where a key id of a column's cells stands: `current` seals there today; `older` opens, and a run moves what is under it; of `destroyed` ones
 * nothing opens any more, on purpose; `unknown` is not held.
 */
export type Standing = 'current' | 'older' | 'destroyed' | 'unknown'

/** What key work is done with. */
export interface Tools {
  /** What records are sealed and opened with. */
  readonly source: KeySource
  /** Gets at hand what sealing these records needs. What cannot be got shows when they are sealed. */
  unlock(records: readonly StoredRecord[]): Promise<void>
}

/**
 * What seals and what opens the records of a rotation: a keyring, or the branch keys under one. The engine looks at counts and records through it
 * and does not know which of the two it is.
 */
export interface RotationKeys extends Tools {
  /** The master keys: those that are rotated and retired. */
  readonly keyring: Keyring
  /** Whether most records need no waiting: then each is tried at once, and awaited where that ends in `needsWaiting`. */
  readonly atOnce: boolean
  /** Undefined for a keyring alone. */
  readonly branchKeys: BranchKeyCount | undefined

  standing(column: ColumnRef, keyId: string): Standing
  /** Whether the count of a column tells what is left to do in it; where not, only a pass over all of it does. */
  countTells(column: ColumnRef): boolean
  /** The key id under which cells of the column are left alone, where there is one alone. */
  currentId(column: ColumnRef): string | undefined
  /** Whether what is written into the column can be sealed: not once its branch key was destroyed. */
  seals(column: ColumnRef): boolean
  /** The master keys (24 hex digits) that a key id of cells comes down to: itself, or those that wrap the branch key. None once it is destroyed. */
  mastersOf(keyId: string): readonly string[]
  /** Whether a sealed record stands where it should. Throws as `inspect`. */
  isCurrent(record: StoredRecord): boolean
  /** Whether nothing opens a sealed record any more, on purpose. */
  isShredded(record: StoredRecord): boolean
  /** Whether a key of a sealed record was exposed, so that it needs a new data key. */
  isExposed(record: StoredRecord): boolean

  /** Looks at the store of branch keys anew; whether what seals is another than before. */
  look(): Promise<boolean>
  /** Replaces branch keys that were exposed, and puts all of them under the active master key. */
  upkeep(options: UpkeepOptions): Promise<Upkeep>
  /** The key ids that a compromise exposes: they seal nothing more, and what is under them gets new data keys. */
  expose(keyIds: Iterable<string>): void
  /** The same without one master key, and with nothing at hand. */
  lacking(masterKeyId: string): RotationKeys
  /** Opens every branch key; those that do not open. */
  openAll(signal: AbortSignal | undefined): Promise<Upkeep['failed']>
  /** What key work can be tried with that nobody keeps: it makes no branch key in the store. */
  rehearsal(): Promise<Tools>
}

/** The branch keys of a store, counted. */
export interface BranchKeyCount {
  /** The store's name. */
  readonly store: string
  readonly live: number
  readonly destroyed: number
  /** Rows that are no branch key: altered. */
  readonly malformed: number
  /** Live ones by master key (24 hex digits), as their rows claim. */
  readonly byMaster: ReadonlyMap<string, number>
  /** Key ids of the live ones that do not stand under the active master key (and recovery keys). */
  readonly behind: readonly string[]
  /** Partitions that have a key which seals. */
  readonly partitions: number
  /** Partitions whose newest version was exposed: `upkeep` makes a new one. */
  readonly exposed: number
  /** Key ids of the live ones, 24 hex digits. */
  ids(): readonly string[]
}

export interface UpkeepOptions {
  /** Key services may move branch keys by themselves. */
  readonly within: boolean
  readonly signal: AbortSignal | undefined
}

/** What was done with branch keys. */
export interface Upkeep {
  readonly rewrapped: number
  readonly renewed: number
  readonly failed: ReadonlyArray<{ readonly keyId: string; readonly code: string }>
  readonly interrupted: boolean
}

export const NO_UPKEEP: Upkeep = { rewrapped: 0, renewed: 0, failed: [], interrupted: false }

/** Whether a sync call ended because somebody has to wait: for a key service, or for a branch key that is not at hand. */
export function needsWaiting(error: unknown): boolean {
  return isKeyfoldError(error, 'ERR_BRANCH_KEY_LOCKED', 'ERR_SYNC_UNSUPPORTED')
}
