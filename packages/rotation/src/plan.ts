import type { Keyring, RecordStore } from '@keyfold/core'
import { isSyncKeyWrapper, KeyfoldError } from '@keyfold/core'
import type { Json } from './canonical-json.ts'
import type { PlacedCensus } from './census.ts'
import { countAll, named } from './census.ts'
import { costOf } from './cost.ts'
import { estimate } from './estimate.ts'
import { hexOf, keyNames } from './key-names.ts'
import type { Ledger, Reason } from './ledger/types.ts'
import type { Plan } from './plan-file.ts'
import { hashed } from './plan-file.ts'
import { boundKeys, configHash, seenKeys } from './plan-fit.ts'
import { checkKeys, movesItself, sources } from './key-preflight.ts'
import { checkStores } from './preflight.ts'

export interface PlanOptions {
  readonly stores: readonly RecordStore[]
  readonly keyring: Keyring
  /** Names the keys that the keyring no longer has. */
  readonly ledger?: Ledger | undefined
  readonly reason?: Reason
  /** As `rotate` is to be called. */
  readonly within?: boolean
  /** What the plan is bound to: `rotate` refuses it with another one. */
  readonly config?: Json
  /** 1 to 365, 7 where it is left out. */
  readonly expiresInDays?: number
}

type Work = Plan['totals']
type PlannedColumn = Plan['columns'][number]

const DAY_MS = 86_400_000

/**
 * Says what `rotate` would do: records per column and key, key calls and their cost, time, growth. Reads the stores and changes nothing.
 *
 * @throws KeyfoldError ERR_STORE_UNSUITED, and what a store throws; ERR_KEY_DENIED and the like where a key service would not do it
 */
export async function plan(options: PlanOptions): Promise<Plan> {
  const { stores, keyring, ledger, reason = 'rotation', within = false, config, expiresInDays = 7 } = options
  if (!Number.isInteger(expiresInDays) || expiresInDays < 1 || expiresInDays > 365) {
    throw new KeyfoldError('ERR_ARGUMENT', 'a plan expires after 1 to 365 days')
  }
  await checkStores(stores)
  const counts = await countAll(stores)
  await checkKeys({ stores, keyring, counts, reason, within })
  const names = keyNames(keyring, ledger?.keys.all())
  const columns = named(counts, names).map((column, i) => ({ ...column, ...workIn(counts[i]!, keyring, reason) }))
  const { sizeChangeBytes, ...time } = await estimate(stores, keyring, reason, columns, within)
  const calls = keyCalls(counts, keyring, reason, within)
  const now = Date.now()
  return hashed({
    schema: 'kms-rotate/1',
    message_type: 'plan',
    createdAt: new Date(now).toISOString(),
    expiresAt: new Date(now + expiresInDays * DAY_MS).toISOString(),
    reason,
    binds: { config: configHash(config), keys: boundKeys(keyring), seen: seenKeys(counts) },
    columns,
    totals: totalOf(columns),
    ...calls,
    cost: costOf(calls.keyCalls),
    estimate: time,
    sizeChangeBytes,
  })
}

/** By what the cells claim. A key that the keyring lacks blocks its records. */
function workIn({ plaintext, malformed, byKey }: PlacedCensus, keyring: Keyring, reason: Reason): Work {
  const work = { seal: plaintext, rewrap: 0, reencrypt: 0, blocked: malformed }
  for (const [keyId, count] of byKey) {
    const wrapper = keyring.wrappers.find((candidate) => hexOf(candidate.keyId) === keyId)
    if (wrapper === undefined) work.blocked += count
    else if (reason === 'compromise') work.reencrypt += count
    else if (!keyring.sealing.includes(wrapper)) work.rewrap += count
  }
  return work
}

function totalOf(columns: readonly PlannedColumn[]): Work {
  const sum = (field: keyof Work): number => columns.reduce((total, column) => total + column[field], 0)
  return { seal: sum('seal'), rewrap: sum('rewrap'), reencrypt: sum('reencrypt'), blocked: sum('blocked') }
}

/**
 * A seal is one wrap by each sealing key; a move also one unwrap by the key that the record is under. Where the service moves it, one call of that
 * key for each sealing key is all.
 */
function keyCalls(counts: readonly PlacedCensus[], keyring: Keyring, reason: Reason, within: boolean): Pick<Plan, 'keyCalls' | 'remoteKeyCalls'> {
  const calls = new Map(keyring.wrappers.map((wrapper) => [wrapper, 0]))
  const add = (wrapper: Keyring['active'], count: number): unknown => calls.set(wrapper, calls.get(wrapper)! + count)
  for (const count of counts) {
    const { seal, rewrap, reencrypt } = workIn(count, keyring, reason)
    let unwrapped = seal + rewrap + reencrypt
    for (const wrapper of sources(keyring, reason)) {
      const records = count.byKey.get(hexOf(wrapper.keyId)) ?? 0
      const moved = within && movesItself(wrapper, keyring, reason)
      add(wrapper, moved ? records * keyring.sealing.length : records)
      if (moved) unwrapped -= records
    }
    for (const wrapper of keyring.sealing) add(wrapper, unwrapped)
  }
  const remote = [...calls].reduce((sum, [wrapper, count]) => sum + (isSyncKeyWrapper(wrapper) ? 0 : count), 0)
  return { keyCalls: Object.fromEntries([...calls].map(([{ id }, count]) => [id, count])), remoteKeyCalls: remote }
}
