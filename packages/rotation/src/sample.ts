import { createHash, randomBytes } from 'node:crypto'
import type { ColumnPlace } from './ledger/types.ts'

/** Says of each record whether it belongs to the sample. */
export type Picks = (position: string) => boolean

export function freshSeed(): string {
  return randomBytes(8).toString('hex')
}

/**
 * Picks about `wanted` of `total` records, evenly over a column, by a hash of seed and position: the same seed picks the same records again, on
 * any machine, and nobody who does not know the seed beforehand can tell which they are.
 */
export function sampler(seed: string, { store, table, column }: ColumnPlace, wanted: number, total: number): Picks {
  if (wanted >= total) return () => true
  const threshold = Math.floor((wanted / total) * 0x1_0000_0000)
  const prefix = JSON.stringify([seed, store, table, column])
  return (position) => createHash('sha256').update(prefix).update(position).digest().readUInt32BE(0) < threshold
}

/** The share of bad records that a clean sample of this size rules out with 95 % confidence, in parts of a million: 3 of n (rule of three). */
export function ruledOutPerMillion(opened: number): number {
  return opened === 0 ? 1_000_000 : Math.min(1_000_000, Math.ceil(3_000_000 / opened))
}
