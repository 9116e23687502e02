import type { KeyUsage } from '@keyfold/core'
import { KeyfoldError } from '@keyfold/core'
import type { Json } from './canonical-json.ts'
import { canonicalJson } from './canonical-json.ts'
import type { LedgerEscrow } from './ledger/types.ts'

/** What became of the key's own bytes. */
export interface MaterialOutcome {
  /**
   * `pending`: destroying began, and did not say how it ended; the same call again goes on. `destroyed`: removed. `absent`: nothing was there.
   * `kept`: nobody said where it is, or it is in a key service, so that it is there still.
   */
  readonly outcome: 'pending' | 'destroyed' | 'absent' | 'kept'
  /** Where it is or was, as the caller named it; null where nobody did. */
  readonly place: string | null
}

/** What a destroyed key leaves: kept in the ledger, under its MAC, and printed. */
export interface KeyReceipt {
  readonly key: string
  /** 24 hex digits, as in envelopes. */
  readonly keyId: string
  readonly destroyedAt: string
  readonly by: string
  readonly reason: string
  readonly disabledAt: string
  readonly coolOffDays: number
  /** The counts that it was destroyed on: all that was looked at, and what of it claimed the key, which is nothing. */
  readonly census: {
    readonly columns: number
    readonly records: number
    readonly branchKeys: number
    readonly underThisKey: number
  }
  /** Backups that the ledger lists and that need the key. This release keeps no list of backups: always 0. */
  readonly backups: number
  /** Copies that the ledger knows: they are not touched. */
  readonly escrows: ReadonlyArray<Pick<LedgerEscrow, 'place' | 'wrappedUnder'>>
  /** What the key service said of its last use; null where nobody asked one, or it could not say (then `usageProblem` is the code). */
  readonly lastUsage: readonly KeyUsage[] | null
  readonly usageProblem: string | null
  readonly material: MaterialOutcome
  /** What has to hold until nobody can open a record under the key any more, in sentences. */
  readonly conditions: readonly string[]
}

export function encodeReceipt(receipt: KeyReceipt): string {
  return canonicalJson(receipt as unknown as Json)
}

/** Reads what the ledger has, whose MAC was checked. */
export function parseReceipt(document: string): KeyReceipt {
  return JSON.parse(document) as KeyReceipt
}

/** What this command does not reach. */
export function conditionsFor(id: string, escrows: KeyReceipt['escrows'], { outcome, place }: MaterialOutcome): string[] {
  return [
    ...(id.startsWith('aws-kms:') ? ['the key is deleted in AWS KMS, and its waiting period is over'] : localConditions(outcome, place)),
    ...escrows.map((escrow) => `the escrow ${escrow.place} is destroyed${escrow.wrappedUnder === null ? '' : `, or ${escrow.wrappedUnder} is`}`),
    'no backup, replica or snapshot is needed that has records under it: this release keeps no list of them',
  ]
}

function localConditions(outcome: MaterialOutcome['outcome'], place: string | null): string[] {
  const where = place === null ? ', wherever it is kept' : `: ${place}`
  const own = outcome === 'kept' || outcome === 'pending' ? [`the key itself is destroyed${where}`] : []
  return [...own, 'every copy of the key is destroyed: on other machines, in backups of its file or keychain, in processes that still run with it']
}

/** ERR_ARGUMENT where the id was not given a second time. */
export function assertConfirmed(key: string, confirm: string): void {
  if (confirm === key) return
  throw new KeyfoldError('ERR_ARGUMENT', 'destroying a key has to be confirmed: the id of the key once more', { hint: 'Nothing was done.' })
}
