import { createHash, randomBytes } from 'node:crypto'
import { sampleSize } from './confidence.ts'
import type { ColumnPlace } from './ledger/types.ts'

/** Says of each record whether it belongs to the sample. `sparse` where most do not: then a store need not read these. */
export type Picks = ((position: string) => boolean) & { readonly sparse?: true }

/** How many records of a column are wanted: so many, or as many as a statement takes. */
export type Wanted = { readonly records: number } | { readonly confidence: number; readonly margin: number }

export function freshSeed(): string {
  return randomBytes(8).toString('hex')
}

/** For a column of so many records. A statement gets somewhat more than it takes: which records are picked is left to chance, one by one. */
export function wantedOf(total: number, wanted: Wanted): number {
  if ('records' in wanted) return wanted.records
  const size = sampleSize(total, wanted.confidence, wanted.margin)
  return Math.min(total, Math.ceil(size + 4 * Math.sqrt(size)))
}

/**
 * Picks about `wanted` of `total` records, evenly over a column, by a hash of seed and position: the same seed picks the same records again, on
 * any machine, and nobody who does not know the seed beforehand can tell which they are.
 */
export function sampler(seed: string, { store, table, column }: ColumnPlace, wanted: number, total: number): Picks {
  if (wanted >= total) return () => true
  const threshold = Math.floor((wanted / total) * 0x1_0000_0000)
  const prefix = JSON.stringify([seed, store, table, column])
  const picks = (position: string): boolean => createHash('sha256').update(prefix).update(position).digest().readUInt32BE(0) < threshold
  return wanted < total / 4 ? Object.assign(picks, { sparse: true as const }) : picks
}
