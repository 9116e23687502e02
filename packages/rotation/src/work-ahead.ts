import type { RecordStore } from '@keyfold/core'
import type { PlacedCensus } from './census.ts'
import { destroyedIn } from './census.ts'
import { hexOf } from './key-names.ts'
import type { Reason } from './ledger/types.ts'
import type { Plan } from './plan-file.ts'
import type { RotationKeys } from './rotation-keys.ts'

/** What is to be done with the records of one column, or of all. */
export type Work = Plan['totals']

/** What a run is about to do. */
export interface WorkAhead {
  readonly stores: readonly RecordStore[]
  readonly keys: RotationKeys
  readonly reason: Reason
  /** Key services may move data keys by themselves. */
  readonly within: boolean
  readonly counts: readonly PlacedCensus[]
  /** The work in each of the counted columns. */
  readonly works: readonly Work[]
}

export function workAhead(given: Omit<WorkAhead, 'works'>): WorkAhead {
  return { ...given, works: given.counts.map((count) => workIn(count, given.keys, given.reason)) }
}

/** By what the cells claim. A key that is not held blocks its records; a destroyed branch key blocks what still waits for it. */
function workIn(count: PlacedCensus, keys: RotationKeys, reason: Reason): Work {
  const move = reason === 'compromise' ? 'reencrypt' : 'rewrap'
  const destroyed = destroyedIn(count, keys)
  const { openable, behind } = sealedRecords(count, keys)
  const work = { seal: 0, rewrap: 0, reencrypt: 0, blocked: count.malformed + sealedCells(count) - destroyed - openable }
  const seals = keys.seals(count)
  work[seals ? 'seal' : 'blocked'] += count.plaintext
  work[seals ? move : 'blocked'] += reason === 'compromise' ? openable : behind
  return keys.branchKeys === undefined ? work : { ...work, destroyed }
}

function sealedCells({ total, null: nulls, plaintext, malformed }: PlacedCensus): number {
  return total - nulls - plaintext - malformed
}

/**
 * How many records can be opened, and how many of these do not stand where they should: they have an older key, or lack one that seals. A census
 * counts each entry by itself and does not say which stand together, so these are the fewest that fit it. Where each record has one entry, or all
 * that miss something miss the same, it is their number.
 */
function sealedRecords(count: PlacedCensus, keys: RotationKeys): { openable: number; behind: number } {
  const cells = { current: [0], older: [0], unknown: [0], destroyed: [0] }
  for (const [keyId, some] of count.byKey) cells[keys.standing(count, keyId)].push(some)
  const sealed = sealedCells(count) - sum(cells.destroyed)
  const openable = Math.max(sealed - sum(cells.unknown), ...cells.older, ...cells.current)
  if (keys.branchKeys !== undefined) return { openable, behind: sum(cells.older) }
  const lacking = keys.keyring.sealing.map(({ keyId }) => openable - (count.byKey.get(hexOf(keyId)) ?? 0))
  return { openable, behind: Math.max(...lacking, ...cells.older) }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

/** Records that get another envelope. */
export function recordsIn({ seal, rewrap, reencrypt }: Work): number {
  return seal + rewrap + reencrypt
}
