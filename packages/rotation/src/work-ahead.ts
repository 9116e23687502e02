import type { RecordStore } from '@keyfold/core'
import type { PlacedCensus } from './census.ts'
import { destroyedIn } from './census.ts'
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
  const work = { seal: 0, rewrap: 0, reencrypt: 0, blocked: count.malformed }
  const seals = keys.seals(count)
  work[seals ? 'seal' : 'blocked'] += count.plaintext
  for (const [keyId, cells] of count.byKey) {
    const standing = keys.standing(count, keyId)
    if (standing === 'unknown') work.blocked += cells
    else if (standing === 'older' || (standing === 'current' && reason === 'compromise')) work[seals ? move : 'blocked'] += cells
  }
  return keys.branchKeys === undefined ? work : { ...work, destroyed: destroyedIn(count, keys) }
}

/** Records that get another envelope. */
export function recordsIn({ seal, rewrap, reencrypt }: Work): number {
  return seal + rewrap + reencrypt
}
