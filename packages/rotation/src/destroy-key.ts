import type { KeyUsage, KeyWrapper, RecordStore } from '@keyfold/core'
import { isKeyfoldError, isUsageKeyWrapper, KeyfoldError } from '@keyfold/core'
import { rotationError } from './errors.ts'
import { KeyStates } from './key-states.ts'
import type { GivenKeys } from './keys-of.ts'
import { keysOf } from './keys-of.ts'
import type { KeyChange } from './ledger/key-changes.ts'
import type { KeyDraft, Ledger } from './ledger/types.ts'
import type { KeyMaterial } from './key-material.ts'
import { materialAhead, removeMaterial } from './key-material.ts'
import type { KeyReceipt } from './receipt.ts'
import { assertConfirmed, conditionsFor, encodeReceipt } from './receipt.ts'
import type { References } from './references.ts'
import { isReferenced, referencesTo } from './references.ts'
import type { UnregisteredPlace } from './unregistered.ts'
import { findUnregistered } from './unregistered.ts'
import { oneLine, whoIs } from './who.ts'
import { withLease } from './with-lease.ts'

/** How long a key stays disabled before it can be destroyed, where nobody says otherwise. */
const COOL_OFF_DAYS = 30

const DAY_MS = 86_400_000

/** The clocks of a key service and of this machine differ, and a service may be slow to note a use. */
const USAGE_TOLERANCE_MS = 3_600_000

export interface DestroyKeyOptions {
  readonly stores: readonly RecordStore[]
  /** A keyring, or branch keys; the key itself is not among them. */
  readonly keyring: GivenKeys
  readonly ledger: Ledger
  /** `key-file:2026q3` */
  readonly key: string
  /** The same once more: there is no way back. */
  readonly confirm: string
  /** Days between disabled and destroyed: 0 to 3650, 30 where it is left out. */
  readonly coolOffDays?: number
  /** Where it is left out, the key's bytes stay where they are, and the receipt says so. */
  readonly material?: KeyMaterial
  /** Asked when the key was last used, where its service can tell: `awsKms(arn)`. Not used for anything else. */
  readonly wrapper?: KeyWrapper
  /**
   * Destroys it although there are sealed values in columns that no store was told of: no count says which keys those need. False by default.
   */
  readonly evenUnregistered?: boolean
  /** Why, for history and receipt: one line. */
  readonly reason?: string
  /** Who is said to have done it; the operating system's user where it is left out. */
  readonly by?: string
}

export interface DestroyKeyReport {
  /**
   * `needed`: something claims the key or may need it, or its service saw it used since it was disabled; nothing was done. `already-destroyed`: with
   * the receipt of then. `unfinished`: recorded as destroyed, but its bytes could not be removed; the same call again goes on.
   */
  readonly outcome: 'destroyed' | 'already-destroyed' | 'unfinished' | 'needed'
  readonly key: string
  readonly receipt: KeyReceipt | null
  readonly references: Omit<References, 'counted'>
  /** Sealed values in columns that no store was told of, which may need the key. */
  readonly unregistered: readonly UnregisteredPlace[]
  /** Uses since the key was disabled, as its service saw them. */
  readonly usedSince: readonly KeyUsage[]
  /** The code of the error that kept its bytes from being removed. */
  readonly problem: string | null
}

/**
 * Destroys a disabled key for good, once its cool-off is over and nothing claims it: records it with a receipt, then removes the key's own bytes.
 * Killed in between, the same call goes on. A key of a key service is never deleted there.
 *
 * @throws KeyfoldError ERR_ARGUMENT where it is not confirmed, ERR_KEY_UNKNOWN, ERR_KEY_STATE where it is not disabled, ERR_COOL_OFF with the date,
 *   ERR_CLOCK, ERR_KEY_MISMATCH where another key is in the place that was named, ERR_LEDGER_…; nothing was done then
 * @example const { receipt } = await destroyKey({ stores, keyring, ledger, key: 'key-file:2026q1', confirm: 'key-file:2026q1' })
 */
export async function destroyKey(options: DestroyKeyOptions): Promise<DestroyKeyReport> {
  const { ledger, key, coolOffDays = COOL_OFF_DAYS } = options
  assertConfirmed(key, options.confirm)
  if (!Number.isInteger(coolOffDays) || coolOffDays < 0 || coolOffDays > 3650)
    throw new KeyfoldError('ERR_ARGUMENT', 'a cool-off has 0 to 3650 days')
  return withLease(ledger, async () => destroyWithin(options, coolOffDays))
}

async function destroyWithin(options: DestroyKeyOptions, coolOffDays: number): Promise<DestroyKeyReport> {
  const { stores, ledger, key } = options
  const who = { by: whoIs(options.by), reason: oneLine('reason', options.reason ?? 'no record needs it') }
  const keys = await keysOf(options.keyring, ledger)
  const states = await KeyStates.open(ledger, keys.keyring)
  const target = states.find(key)
  const references = await referencesTo(target.keyId, stores, keys, states)
  const end = async (outcome: 'destroyed' | 'already-destroyed'): Promise<DestroyKeyReport> => {
    const removal = await removeMaterial(states, target.keyId, options.material)
    return { key, references, unregistered: [], usedSince: [], ...removal, outcome: removal.outcome ?? outcome }
  }
  if (target.state === 'destroyed') return end('already-destroyed')
  const disabled = disabledIn(states.past(key))
  states.change((draft) => assertCooledOff(draft, key, disabled, coolOffDays))
  const usage = await usageOf(options.wrapper)
  const usedSince = usage.seen?.filter(({ usedAt }) => isSince(usedAt, disabled.at)) ?? []
  const unregistered = options.evenUnregistered === true ? [] : (await findUnregistered({ stores, keyring: options.keyring })).found
  const idle = { key, receipt: null, references, unregistered, usedSince, problem: null }
  if (isReferenced(references) || usedSince.length > 0 || unregistered.length > 0) return { outcome: 'needed', ...idle }
  const material = await materialAhead(options.material, target.keyId)
  states.change((draft) => {
    assertCooledOff(draft, key, disabled, coolOffDays)
    draft.move(key, 'destroyed', 'destroy', who)
    const escrows = ledger.escrows.all().filter(({ keyId }) => keyId === target.keyId)
    const receipt: KeyReceipt = {
      key,
      keyId: target.keyId,
      destroyedAt: draft.now,
      ...who,
      disabledAt: disabled.at,
      coolOffDays,
      census: { ...references.counted, underThisKey: 0 },
      backups: 0,
      escrows: escrows.map(({ place, wrappedUnder }) => ({ place, wrappedUnder })),
      lastUsage: usage.seen,
      usageProblem: usage.problem,
      material,
      conditions: conditionsFor(key, escrows, material),
    }
    draft.putReceipt(target.keyId, encodeReceipt(receipt))
  })
  return end('destroyed')
}

/** The change that disabled it; none where it is in another state, or was taken back since. */
function disabledIn(past: readonly KeyChange[]): KeyChange {
  const last = past.at(-1)!
  if (last.state === 'disabled') return last
  throw rotationError('ERR_KEY_STATE', `${last.id} is ${last.state}, and only a disabled key is destroyed`, {
    hint: 'Nothing was done. `kms-rotate retire KEY-ID` disables a key that nothing needs; after the cool-off it can be destroyed.',
  })
}

function assertCooledOff(draft: KeyDraft, key: string, { n, at }: KeyChange, days: number): void {
  draft.assertClock()
  // taken back, or disabled anew, by another process meanwhile
  if (draft.past(key).at(-1)?.n !== n) throw rotationError('ERR_KEY_STATE', `the state of ${key} was changed at the same moment`)
  const end = new Date(Date.parse(at) + days * DAY_MS).toISOString()
  if (draft.now < end) throw rotationError('ERR_COOL_OFF', `${key} was disabled at ${at}; its cool-off of ${days} days ends at ${end}`)
}

function isSince(usedAt: string | null, disabledAt: string): boolean {
  return usedAt !== null && Date.parse(usedAt) > Date.parse(disabledAt) + USAGE_TOLERANCE_MS
}

interface Usage {
  readonly seen: readonly KeyUsage[] | null
  readonly problem: string | null
}

/** A service that cannot tell, or does not let this caller ask, is no reason to keep a key: the receipt says that it was not told. */
async function usageOf(wrapper: KeyWrapper | undefined): Promise<Usage> {
  if (wrapper === undefined || !isUsageKeyWrapper(wrapper)) return { seen: null, problem: null }
  try {
    return { seen: await wrapper.lastUsage(), problem: null }
  } catch (error) {
    if (!isKeyfoldError(error)) throw error
    return { seen: null, problem: error.code }
  }
}
