import type { Keyring, KeyState, RecordStore } from '@keyfold/core'
import type { NamedCensus } from './census.ts'
import { behindIn, countAll, named } from './census.ts'
import type { KeyNames } from './key-names.ts'
import { hexOf, keyNames } from './key-names.ts'
import type { GivenKeys } from './keys-of.ts'
import { keysOf } from './keys-of.ts'
import type { LedgerKeyStatus } from './inspect-states.ts'
import { inspectStates } from './inspect-states.ts'
import type { ColumnPlace, LeaseHolder, Ledger, LedgerKey, Mode, Reason, Wish } from './ledger/types.ts'
import type { StatusWarning } from './due.ts'
import { dueOf, newestTime, warningsOf } from './due.ts'
import type { BranchKeyCount } from './rotation-keys.ts'

export interface StatusOptions {
  readonly stores: readonly RecordStore[]
  /** A keyring, or branch keys. */
  readonly keyring: GivenKeys
  /** Without one nothing is known of the past: no key is due, no rotation is under way. */
  readonly ledger?: Ledger | undefined
  readonly cryptoperiodDays?: number | undefined
}

export interface KeyStatus {
  readonly id: string
  readonly state: KeyState
  readonly records: number
  /** When the key's cryptoperiod ends; null for keys that seal no more, and where no policy or no ledger says. */
  readonly due: string | null
}

/** As the census, but `malformed` is there only where a column has such cells. */
export type ColumnStatus = Omit<NamedCensus, 'malformed'> & {
  readonly malformed?: number
  /** Sealed cells that the next run moves though they are under the active master key: to another branch key. Only where there are some. */
  readonly behind?: number
}

/** The branch keys, without their partitions: these may be names of people. */
export interface BranchKeyStatus {
  readonly store: string
  readonly live: number
  readonly destroyed: number
  /** Rows that are no branch key: altered. */
  readonly malformed: number
  /** Live ones by master key, as in the census. */
  readonly byKey: Readonly<Record<string, number>>
  /** Live ones that the next run puts under the active master key, or replaces since they were exposed. */
  readonly pending: number
}

export interface RotationStatus {
  readonly state: 'unfinished' | 'scrub-pending'
  readonly mode: Mode | null
  readonly reason: Reason | null
  readonly target: string | null
  readonly startedAt: string | null
  readonly updatedAt: string | null
  readonly sealed: number
  readonly rewrapped: number
  readonly reencrypted: number
  readonly unsealed: number
  /** What was asked of it from another terminal and still holds: a paused rotation waits. */
  readonly asked: Wish | null
  /** The run that holds the lease, alive or not; null where none does. */
  readonly run: LeaseHolder | null
  /** Stores in whose free pages replaced values may still lie. */
  readonly scrubPending: readonly string[]
}

/** The document that `kms-rotate status --json` prints. */
export interface StatusReport {
  readonly schema: 'kms-rotate/1'
  readonly message_type: 'status'
  readonly keys: readonly KeyStatus[]
  readonly stores: readonly ColumnStatus[]
  /** Only where the keys are branch keys. */
  readonly branchKeys?: BranchKeyStatus
  readonly rotation: RotationStatus | null
  /** Records that the last passes could not open, by column and code. Only where there are some. */
  readonly quarantined?: ReadonlyArray<ColumnPlace & { readonly code: string; readonly records: number }>
  /** The ledger's own key, which keeps the keys that it is under in use; null without a ledger, and before the first run. */
  readonly ledgerKey: LedgerKeyStatus | null
  /** Only where there are some. */
  readonly warnings?: readonly StatusWarning[]
}

/**
 * Says where every record stands, per key and column, without opening any. Changes nothing.
 *
 * @throws KeyfoldError ERR_LEDGER_ALTERED where the states of keys are not what was written, and what a store or the ledger throws
 * @example const { keys, stores, warnings = [] } = await status({ stores, keyring, ledger, cryptoperiodDays: 90 })
 */
export async function status({ stores, keyring, ledger, cryptoperiodDays }: StatusOptions): Promise<StatusReport> {
  const remembered = ledger?.keys.all() ?? []
  const all = await keysOf(keyring, ledger)
  const ledgerKey = await inspectStates(ledger, all.keyring)
  const nameOf = keyNames(all.keyring, remembered)
  const counts = await countAll(stores)
  const columns = named(counts, all, nameOf)
  const keys = keysIn(all.keyring, remembered, nameOf).map((key) => ({
    id: key.id,
    state: key.state,
    records: columns.reduce((sum, { byKey }) => sum + (byKey[key.id] ?? 0), 0),
    due: dueOf(key, cryptoperiodDays),
  }))
  const quarantined = ledger?.quarantine.count() ?? []
  const warnings = warningsOf(keys, cryptoperiodDays, newestTime(ledger))
  return {
    schema: 'kms-rotate/1',
    message_type: 'status',
    keys,
    stores: columns.map(({ malformed, ...column }, i) => {
      const behind = behindIn(counts[i]!, all)
      return { ...column, ...(malformed > 0 && { malformed }), ...(behind > 0 && { behind }) }
    }),
    ...(all.branchKeys && { branchKeys: branchKeyStatus(all.branchKeys, nameOf) }),
    rotation: ledger === undefined ? null : rotationOf(ledger),
    ledgerKey,
    ...(quarantined.length > 0 && { quarantined }),
    ...(warnings.length > 0 && { warnings }),
  }
}

function branchKeyStatus(branchKeys: BranchKeyCount, nameOf: KeyNames): BranchKeyStatus {
  const { store, live, destroyed, malformed, byMaster, behind, exposed } = branchKeys
  const byKey = Object.fromEntries(Array.from(byMaster, ([keyId, count]) => [nameOf(keyId), count]))
  return { store, live, destroyed, malformed, byKey, pending: behind.length + exposed }
}

interface KnownKey {
  readonly id: string
  readonly keyId: string
  readonly state: KeyState
  /** Undefined for a key that no run has registered. */
  readonly since?: string | undefined
}

/** The keys of the configuration, the active one first, then those that the ledger alone remembers. */
function keysIn(keyring: Keyring, remembered: readonly LedgerKey[], nameOf: KeyNames): KnownKey[] {
  const configured = keyring.wrappers.map((wrapper) => {
    const keyId = hexOf(wrapper.keyId)
    const before = remembered.find((key) => key.keyId === keyId)
    const state = stateOf(keyring.sealing.includes(wrapper), before?.state)
    return { id: nameOf(keyId), keyId, state, since: before?.state === state ? before.since : undefined }
  })
  const others = remembered.filter(({ keyId }) => !configured.some((key) => key.keyId === keyId))
  // A key that the configuration names no more seals nothing, whatever it did when the ledger was last written.
  return [...configured, ...others.map((key) => (key.state === 'active' ? { ...key, state: 'decrypt-only' as const } : key))]
}

/** The state of a configured key: the configuration says what seals and what opens; the ledger, what a key is besides. */
export function stateOf(seals: boolean, known: KeyState | undefined): KeyState {
  if (known === 'compromised' || known === 'disabled' || known === 'destroyed') return known
  if (seals) return 'active'
  return known === 'pre-active' ? known : 'decrypt-only'
}

function rotationOf({ leases, rotations, scrubs }: Ledger): RotationStatus | null {
  const cut = rotations.unfinished()
  const scrubPending = scrubs.pending()
  if (cut === undefined && scrubPending.length === 0) return null
  const counts = cut === undefined ? { sealed: 0, rewrapped: 0, reencrypted: 0, unsealed: 0 } : rotations.totals(cut.id)
  return {
    state: cut === undefined ? 'scrub-pending' : 'unfinished',
    mode: cut?.mode ?? null,
    reason: cut?.reason ?? null,
    target: cut?.target ?? null,
    startedAt: cut?.startedAt ?? null,
    updatedAt: cut?.updatedAt ?? null,
    ...counts,
    asked: (cut && rotations.wish(cut.id)) ?? null,
    run: leases.holder() ?? null,
    scrubPending,
  }
}
