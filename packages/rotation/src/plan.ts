import type { RecordStore } from '@keyfold/core'
import { KeyfoldError } from '@keyfold/core'
import type { Json } from './canonical-json.ts'
import { countAll, named } from './census.ts'
import { costOf } from './cost.ts'
import { estimate } from './estimate.ts'
import { keyCalls } from './key-calls.ts'
import { keyNames } from './key-names.ts'
import type { GivenKeys } from './keys-of.ts'
import { keysOf } from './keys-of.ts'
import { verifyStates } from './inspect-states.ts'
import { ledgerKeyCalls } from './ledger-key-calls.ts'
import type { Ledger, Reason } from './ledger/types.ts'
import type { Plan } from './plan-file.ts'
import { hashed } from './plan-file.ts'
import { boundKeys, configHash, seenKeys } from './plan-fit.ts'
import { checkKeys } from './key-preflight.ts'
import { checkStores } from './preflight.ts'
import type { BranchKeyCount } from './rotation-keys.ts'
import type { Running } from './running.ts'
import { running } from './running.ts'
import type { ScanProgress } from './unregistered.ts'
import { strongestReason } from './start-rotation.ts'
import { findUnregistered, unsearched } from './unregistered.ts'
import type { Work } from './work-ahead.ts'
import { workAhead } from './work-ahead.ts'

export interface PlanOptions {
  readonly stores: readonly RecordStore[]
  /** A keyring, or branch keys. */
  readonly keyring: GivenKeys
  /** Names the keys that the keyring no longer has, and says what its own key will take. Without one, that of a new ledger is counted. */
  readonly ledger?: Ledger | undefined
  /** That of a compromise where one is unfinished, whatever stands here: `rotate` will go on with that. */
  readonly reason?: Reason
  /** As `rotate` is to be called. */
  readonly within?: boolean
  /** What the plan is bound to: `rotate` refuses it with another one. */
  readonly config?: Json
  /** 1 to 365, 7 where it is left out. */
  readonly expiresInDays?: number
  /** `false` leaves out the search for sealed values that no column covers, which reads every table of every store; the plan says so. */
  readonly scan?: boolean
  readonly signal?: AbortSignal
  /** How far the search is: the rest takes no time worth telling. */
  readonly onProgress?: (progress: ScanProgress) => void
}

type PlannedColumn = Plan['columns'][number]

const DAY_MS = 86_400_000

/**
 * Says what `rotate` would do: records per column and key, key calls and their cost, time, growth; and which sealed values it would not reach, since
 * no column covers them. Reads the stores and changes nothing.
 *
 * @throws KeyfoldError ERR_STORE_UNSUITED, ERR_INTERRUPTED, and what a store throws; ERR_LEDGER_ALTERED where the states of keys were edited;
 *   ERR_LEDGER_KEY, ERR_KEY_DENIED and the like where `rotate` would end with it
 * @example const made = await plan({ stores, keyring })
 */
export function plan(options: PlanOptions): Running<ScanProgress, Plan> {
  return running((report) => perform(options, report), options.onProgress)
}

async function perform(options: PlanOptions, report: (progress: ScanProgress) => void): Promise<Plan> {
  const { stores, keyring, ledger, within = false, config, expiresInDays = 7, scan = true, signal } = options
  if (!Number.isInteger(expiresInDays) || expiresInDays < 1 || expiresInDays > 365) {
    throw new KeyfoldError('ERR_ARGUMENT', 'a plan expires after 1 to 365 days')
  }
  const reason = strongestReason(ledger?.rotations.unfinished(), options.reason)
  await checkStores(stores)
  const keys = await keysOf(keyring, ledger)
  await verifyStates(ledger, keys.keyring)
  const counts = await countAll(stores)
  const ahead = workAhead({ stores, keys, counts, reason, within })
  const asked = await checkKeys(ahead)
  const names = keyNames(keys.keyring, ledger?.keys.all())
  const columns = named(counts, keys, names).map((column, i) => ({ ...column, ...ahead.works[i]! }))
  const search = scan ? await findUnregistered({ stores, keyring, signal, onProgress: report }) : unsearched(stores)
  const { sizeChangeBytes, ...time } = await estimate(ahead, columns)
  const calls = keyCalls(ahead, [...asked, ...ledgerKeyCalls(ledger, keys.keyring, reason)])
  const now = Date.now()
  return hashed({
    schema: 'kms-rotate/1',
    message_type: 'plan',
    createdAt: new Date(now).toISOString(),
    expiresAt: new Date(now + expiresInDays * DAY_MS).toISOString(),
    reason,
    binds: { config: configHash(config), keys: boundKeys(keys.keyring), seen: seenKeys(counts, keys) },
    columns,
    totals: totalOf(columns),
    unregistered: [...search.found],
    scan: { rows: search.rows, gaps: [...search.gaps] },
    ...(keys.branchKeys && { branchKeys: branchKeyWork(keys.branchKeys, reason) }),
    ...calls,
    cost: costOf(calls.keyCalls),
    estimate: time,
    sizeChangeBytes,
  })
}

function totalOf(columns: readonly PlannedColumn[]): Work {
  const sum = (field: keyof Work): number => columns.reduce((total, column) => total + (column[field] ?? 0), 0)
  const destroyed = columns.some((column) => column.destroyed !== undefined) ? { destroyed: sum('destroyed') } : {}
  return { seal: sum('seal'), rewrap: sum('rewrap'), reencrypt: sum('reencrypt'), blocked: sum('blocked'), ...destroyed }
}

/** A branch key under a master key that is not held shows when it is tried: a count does not tell it from one that moves. */
function branchKeyWork({ live, behind, exposed, partitions, destroyed, malformed }: BranchKeyCount, reason: Reason): Plan['branchKeys'] {
  return { live, rewrap: behind.length, renew: reason === 'compromise' ? partitions : exposed, destroyed, blocked: malformed }
}
