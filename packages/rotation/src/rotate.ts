import type { RecordStore } from '@keyfold/core'
import { KeyfoldError } from '@keyfold/core'
import type { Json } from './canonical-json.ts'
import type { NamedCensus, PlacedCensus } from './census.ts'
import { countAll, destroyedIn, named, pendingIn, sealedIn, usedKeys } from './census.ts'
import type { FailureReport } from './failures.ts'
import { finishCancelled } from './control.ts'
import { rotationError } from './errors.ts'
import { keyNames, keyRoles } from './key-names.ts'
import { checkKeys } from './key-preflight.ts'
import type { GivenKeys } from './keys-of.ts'
import { keysOf } from './keys-of.ts'
import type { IsUsed, LedgerOrigin } from './key-states.ts'
import { KeyStates } from './key-states.ts'
import type { KeyRoles, Ledger, LedgerRotation, Mode, Reason } from './ledger/types.ts'
import type { Ending } from './passes.ts'
import { makePasses } from './passes.ts'
import type { Plan } from './plan-file.ts'
import { encodePlan } from './plan-file.ts'
import { checkFit } from './plan-fit.ts'
import { checkStores } from './preflight.ts'
import type { RotationKeys, Upkeep } from './rotation-keys.ts'
import { RunControl } from './run-control.ts'
import type { Running } from './running.ts'
import { running } from './running.ts'
import type { Remains } from './scrub.ts'
import { scrubPending, unscrubbed } from './scrub.ts'
import type { RotationProgress } from './tally.ts'
import { Tally } from './tally.ts'
import { whoIs } from './who.ts'
import { withLease } from './with-lease.ts'
import { workAhead } from './work-ahead.ts'

const DEFAULT_BATCH = 500
const MAX_BATCH = 10_000

export interface RotateOptions {
  readonly stores: readonly RecordStore[]
  /** The active key seals; records under the decrypt-only ones move to it. Or branch keys: then these move, and records only where they have to. */
  readonly keyring: GivenKeys
  /** From `openLedger`; as a function it is opened after everything was checked, so that bad input leaves no file behind. */
  readonly ledger: Ledger | (() => Promise<Ledger>)
  /** `compromise` gives every record a new data key; `rotation`, the default, wraps the data keys anew. */
  readonly reason?: Reason
  /**
   * `unseal` puts plaintext back in place of envelopes, to leave Keyfold: it takes a store that can, no plan and no other reason. What applications
   * seal meanwhile is found by later passes, so stop them from sealing first. `move` is the default.
   */
  readonly mode?: 'move' | 'unseal'
  /** Refused where it no longer fits. */
  readonly plan?: Plan
  /** What the plan was made with as `config`. */
  readonly config?: Json
  /**
   * Key services move data keys by themselves where they can (see `rewrap`): this process then sees none of those, and a record that does not open
   * is moved without being noticed; `verify` and `retire` notice. False by default; nothing to a compromise.
   */
  readonly within?: boolean
  /** Records in a transaction: 1 to 10000, 500 where it is left out. */
  readonly batch?: number
  /** `false` leaves replaced plaintext in free pages until a later run; the report says so. */
  readonly scrub?: boolean
  /** Who is said to have changed the states of keys; the operating system's user where it is left out. */
  readonly by?: string
  /** Ends the run after the batch under way, its checkpoint saved; the outcome is then `interrupted`. */
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: RotationProgress) => void
}

/** `pending`: something else keeps writing plaintext or under an older key. The first that applies, in this order from the end. */
export type RotationOutcome = 'done' | 'scrub-pending' | 'pending' | 'quarantined' | 'interrupted' | 'cancelled'

export interface RotationReport {
  readonly outcome: RotationOutcome
  readonly reason: Reason
  readonly mode: Mode
  /** The key that records were moved to. */
  readonly target: string
  /** `new`: no ledger was there, or an empty one, so that what an earlier one knew is not in it. */
  readonly ledger: LedgerOrigin
  /** Whether an earlier run of the same rotation had been cut. */
  readonly resumed: boolean
  readonly passes: number
  /** Cells that this run replaced. */
  readonly sealed: number
  readonly rewrapped: number
  readonly reencrypted: number
  readonly unsealed: number
  /** Cells that another writer changed at the same moment: its value won, and a later pass dealt with it. */
  readonly conflicts: number
  readonly pending: number
  readonly quarantined: FailureReport
  /** Only where the keys are branch keys. */
  readonly branchKeys?: BranchKeyReport
  readonly remains: readonly Remains[]
  readonly census: readonly NamedCensus[]
  readonly milliseconds: number
}

/** What a run did with branch keys, and with records under them. */
export interface BranchKeyReport {
  /** Put under the active master key. */
  readonly rewrapped: number
  /** New versions in place of exposed ones. */
  readonly renewed: number
  /** Still not under the active master key, though they could be: something else makes branch keys under an older one. */
  readonly pending: number
  /** Altered, or under a master key that is not held; by key id, 24 hex digits. */
  readonly failed: Upkeep['failed']
  /** Records that nothing opens any more, since their branch key was destroyed. No damage, and not in the way of anything. */
  readonly destroyedRecords: number
}

/**
 * Moves every record of the stores to the keyring's active key: seals plaintext, rewraps (or re-encrypts) what stands under another key, and
 * removes what replaced plaintext left in free pages. Convergent: killed at any moment, a second call finishes. A record that does not open is
 * counted and reported, and the rest goes on.
 *
 * @throws KeyfoldError before a record is changed: ERR_STORE_UNSUITED, ERR_PLAN_…, ERR_KEY_MISMATCH, ERR_KEY_DISABLED, ERR_KEY_STATE where a key
 *   cannot become active again (see `rollback`), ERR_LEDGER_ALTERED where the states of keys were edited, other ERR_LEDGER_…, and where a key service
 *   would not do it, ERR_KEY_DENIED and the like; in the middle, all that was done saved: ERR_KEY_UNAVAILABLE, ERR_KEY_DENIED and the other codes of
 *   a key service, and what a store throws
 * @example const report = await rotate({ stores, keyring, ledger: await openLedger('./rotation.db') })
 */
export function rotate(options: RotateOptions): Running<RotationProgress, RotationReport> {
  return running((report) => moveTo(options, report, register), options.onProgress)
}

/** How the ledger learns the roles of keys: from the configuration, or by a rollback. */
export type Placing = (states: KeyStates, roles: KeyRoles, isUsed: IsUsed, by: string) => void

const register: Placing = (states, roles, isUsed, by) => states.register(roles, isUsed, by)

interface MoveOptions extends Omit<RotateOptions, 'mode'> {
  readonly mode?: Mode
}

/** The one way in which records are moved, whatever made the key the active one. */
export async function moveTo(options: MoveOptions, report: (progress: RotationProgress) => void, place: Placing): Promise<RotationReport> {
  const keys = await keysOf(options.keyring)
  const by = whoIs(options.by)
  const counts = await checkEverything(options, keys)
  const ledger = typeof options.ledger === 'function' ? await options.ledger() : options.ledger
  const placing = (states: KeyStates, isUsed: IsUsed): void => place(states, keyRoles(keys.keyring), isUsed, by)
  return withLease(ledger, async () => performWith(ledger, options, keys, counts, report, placing))
}

async function performWith(
  ledger: Ledger, options: MoveOptions, keys: RotationKeys, counts: readonly PlacedCensus[], report: (progress: RotationProgress) => void,
  place: (states: KeyStates, isUsed: IsUsed) => void,
): Promise<RotationReport> {
  const started = performance.now()
  const states = await KeyStates.open(ledger, keys.keyring)
  place(states, usedKeys(counts, keys))
  const { rotation, resumed } = startRotation(ledger, keys, options)
  await states.moveLedgerKey(keys.keyring, rotation.reason)
  const tally = new Tally(workload(counts, keys, rotation), report)
  const ending = await moveAll(options, keys, ledger, rotation, tally)
  const remains = await scrub(options, ledger, ending)
  return {
    outcome: outcomeOf(ending, remains),
    reason: rotation.reason,
    mode: rotation.mode,
    target: rotation.target,
    ledger: states.origin,
    resumed,
    passes: ending.passes,
    ...tally.counts,
    pending: ending.pending,
    quarantined: ending.failures.report(),
    ...(keys.branchKeys !== undefined && { branchKeys: branchKeyReport(ending, keys) }),
    remains,
    census: named(ending.counts, keys, keyNames(keys.keyring, ledger.keys.all())),
    milliseconds: Math.round(performance.now() - started),
  }
}

function branchKeyReport({ upkeep, pendingBranchKeys, counts }: Ending, keys: RotationKeys): BranchKeyReport {
  const { rewrapped, renewed, failed } = upkeep
  const destroyedRecords = counts.reduce((sum, count) => sum + destroyedIn(count, keys), 0)
  return { rewrapped, renewed, pending: pendingBranchKeys, failed, destroyedRecords }
}

/** All that can be refused is refused here, before a file or a row is touched. */
async function checkEverything(options: MoveOptions, keys: RotationKeys): Promise<PlacedCensus[]> {
  const { stores, batch = DEFAULT_BATCH, within = false } = options
  if (!Number.isInteger(batch) || batch < 1 || batch > MAX_BATCH) {
    throw new KeyfoldError('ERR_ARGUMENT', `a batch has 1 to ${MAX_BATCH} records`)
  }
  if (options.mode === 'unseal') checkUnseal(options)
  await checkStores(stores)
  const counts = await countAll(stores)
  if (options.plan !== undefined) checkFit(options.plan, { ...options, keys, counts, now: new Date() })
  // To unseal, the first batch shows whether keys open; that is before anything is written.
  const reason = options.plan?.reason ?? options.reason ?? 'rotation'
  if (options.mode !== 'unseal') await checkKeys(workAhead({ stores, keys, counts, reason, within }))
  return counts
}

function checkUnseal({ stores, plan, reason }: MoveOptions): void {
  if (plan !== undefined || reason === 'compromise') throw new KeyfoldError('ERR_ARGUMENT', 'to unseal takes no plan and no reason')
  for (const { name, unseal } of stores) {
    if (unseal === undefined) throw rotationError('ERR_STORE_UNSUITED', `${name} cannot put plaintext back`)
  }
}

async function moveAll(
  options: MoveOptions, keys: RotationKeys, ledger: Ledger, rotation: LedgerRotation, tally: Tally,
): Promise<Ending> {
  const { id, reason, mode } = rotation
  const { stores, batch = DEFAULT_BATCH, within = false, signal } = options
  for (const store of stores) await store.prepare()
  const control = new RunControl(ledger, id, signal, (paused) => tally.pause(paused))
  const ending = await makePasses({ ledger, rotation: id, work: { keys, reason, mode, within, tools: keys }, batch, tally, control, signal }, stores)
  // With a record set aside it stays open: once that is repaired, the next run deals with it as this one would have.
  if (ending.cancelled) finishCancelled(ledger, rotation)
  else if (isFinished(ending)) finish(ledger, rotation, tally)
  return ending
}

function finish(ledger: Ledger, { id }: LedgerRotation, { counts }: Tally): void {
  ledger.rotations.finish(id, 'done')
  ledger.events.add('rotation-finished', { rotation: id, detail: counts })
}

function isFinished({ interrupted, pending, pendingBranchKeys, failures, upkeep }: Ending): boolean {
  return !interrupted && pending === 0 && pendingBranchKeys === 0 && failures.total === 0 && upkeep.failed.length === 0
}

/**
 * Goes on with the rotation that was cut, or begins one. What a compromise began stays one: after a kill, or under a still newer key, a plain
 * `run` must not merely rewrap the data keys that were exposed. Whoever has the master key has the branch keys that it wrapped, so these are
 * exposed too, those of the active one included.
 */
function startRotation(
  ledger: Ledger, keys: RotationKeys, { reason = 'rotation', mode = 'move', plan }: MoveOptions,
): { rotation: LedgerRotation; resumed: boolean } {
  const target = keys.keyring.active.id
  const cut = ledger.rotations.unfinished()
  if (cut !== undefined && ledger.rotations.wish(cut.id) === 'pause') throw rotationError('ERR_ROTATION_PAUSED', 'the rotation under way is paused')
  if (cut?.reason === 'compromise' && mode === 'unseal') {
    const hint = 'Let it end first: kms-rotate run.'
    throw rotationError('ERR_ROTATION_COMPROMISE', 'the rotation under way gives new data keys after a compromise', { hint })
  }
  const before = cut?.mode === 'unseal' ? undefined : cut?.reason
  const strongest = mode !== 'unseal' && [reason, plan?.reason, before].includes('compromise') ? 'compromise' : 'rotation'
  const resumed = cut?.target === target && cut.reason === strongest && (cut.mode === 'unseal') === (mode === 'unseal')
  const exposed = strongest === 'compromise' && !resumed ? (keys.branchKeys?.ids() ?? []) : []
  const kept = plan && { sha256: plan.sha256, document: encodePlan(plan) }
  const rotation = resumed ? cut : ledger.rotations.begin(strongest, target, { mode, plan: kept, exposed })
  ledger.events.add(resumed ? 'rotation-resumed' : 'rotation-begun', { rotation: rotation.id, detail: { reason: strongest, mode, target } })
  keys.expose(ledger.rotations.exposed())
  return { rotation, resumed }
}

function workload(counts: readonly PlacedCensus[], keys: RotationKeys, { reason, mode }: LedgerRotation): number {
  const ofColumn = (count: PlacedCensus): number =>
    reason === 'compromise' ? count.plaintext + count.malformed + sealedIn(count) - destroyedIn(count, keys) : pendingIn(count, keys, mode)
  return counts.reduce((sum, count) => sum + ofColumn(count), 0)
}

async function scrub({ stores, scrub: wanted = true }: MoveOptions, ledger: Ledger, ending: Ending): Promise<Remains[]> {
  if (ending.interrupted) return []
  return wanted ? scrubPending(stores, ledger.scrubs) : unscrubbed(ledger.scrubs)
}

function outcomeOf({ cancelled, interrupted, pending, pendingBranchKeys, failures, upkeep }: Ending, remains: readonly Remains[]): RotationOutcome {
  if (cancelled) return 'cancelled'
  if (interrupted) return 'interrupted'
  if (failures.total > 0 || upkeep.failed.length > 0) return 'quarantined'
  if (pending > 0 || pendingBranchKeys > 0) return 'pending'
  return remains.length > 0 ? 'scrub-pending' : 'done'
}
