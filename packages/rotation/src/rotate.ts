import { KeyfoldError } from '@keyfold/core'
import { BatchSize } from './batch-size.ts'
import { BetweenBatches } from './between-batches.ts'
import type { PlacedCensus } from './census.ts'
import { countAll, destroyedIn, named, pendingIn, sealedIn, usedKeys } from './census.ts'
import { finishCancelled } from './control.ts'
import { rotationError } from './errors.ts'
import { keyNames, keyRoles } from './key-names.ts'
import { checkKeys } from './key-preflight.ts'
import { KeyService, throughService } from './key-service.ts'
import type { IsUsed, Placing } from './key-states.ts'
import { KeyStates, registering } from './key-states.ts'
import { keysOf } from './keys-of.ts'
import type { KeyRoles, Ledger, LedgerRotation } from './ledger/types.ts'
import type { PassRun } from './pass.ts'
import type { Ending } from './passes.ts'
import { makePasses } from './passes.ts'
import { checkFit } from './plan-fit.ts'
import { checkStores } from './preflight.ts'
import type { BranchKeyReport, MoveOptions, RotateOptions, RotationOutcome, RotationReport } from './rotate-options.ts'
import type { RotationKeys } from './rotation-keys.ts'
import { RunControl } from './run-control.ts'
import type { CheckedLimits } from './run-options.ts'
import { checkedLimits } from './run-options.ts'
import type { Running } from './running.ts'
import { running } from './running.ts'
import type { Remains } from './scrub.ts'
import { scrubPending, unscrubbed } from './scrub.ts'
import { chooseRotation, startRotation } from './start-rotation.ts'
import type { RotationProgress } from './tally.ts'
import { Tally } from './tally.ts'
import { whoIs } from './who.ts'
import { withLease } from './with-lease.ts'
import { workAhead } from './work-ahead.ts'

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
  return running((report) => moveTo(options, report, registering), options.onProgress)
}

/** How the ledger learns the roles of keys: from the configuration, or by a rollback. */
export type Asked = (roles: KeyRoles, isUsed: IsUsed, by: string) => Placing

/** The one way in which records are moved, whatever made the key the active one. */
export async function moveTo(options: MoveOptions, report: Report, asked: Asked): Promise<RotationReport> {
  const started = performance.now()
  const limits = checkedLimits(options)
  const by = whoIs(options.by)
  let tally: Tally | undefined
  const service = new KeyService({ rps: limits.kmsRps, signal: options.signal, onThrottled: () => tally?.again() })
  const keys = await keysOf(throughService(options.keyring, service))
  const counts = await checkEverything(options, keys)
  const ledger = typeof options.ledger === 'function' ? await options.ledger() : options.ledger
  return withLease(ledger, async () => {
    // Whatever the ledger has to say against it, and whatever can fail at a key service, comes before the first change.
    const chosen = chooseRotation(ledger, keys.keyring.active.id, options)
    const place = asked(keyRoles(keys.keyring), usedKeys(counts, keys), by)
    const states = await KeyStates.open(ledger, keys.keyring, place)
    const putUnder = await states.sealLedgerKey(keys.keyring, chosen.reason)
    states.place(place)
    const rotation = startRotation(ledger, keys, chosen, options)
    putUnder()
    const size = new BatchSize(limits.batch, limits.gentle)
    const slowedBy = (): RotationProgress['slowedBy'] => (service.throttled ? 'key-service' : size.slowed ? 'database' : null)
    tally = new Tally(workload(counts, keys, rotation), slowedBy, report)
    const run = runOf(options, { ledger, keys, rotation, limits, size, tally, started })
    const ending = await moveAll(options, run, rotation, counts)
    const remains = await scrub(options, ledger, ending)
    return reportOf({ run, rotation, ending, remains, resumed: chosen.cut !== undefined, states, started })
  })
}

type Report = (progress: RotationProgress) => void

interface Parts {
  readonly ledger: Ledger
  readonly keys: RotationKeys
  readonly rotation: LedgerRotation
  readonly limits: CheckedLimits
  readonly size: BatchSize
  readonly tally: Tally
  readonly started: number
}

function runOf({ signal, within = false }: MoveOptions, { ledger, keys, rotation, limits, size, tally, started }: Parts): PassRun {
  const { maxDuration, maxErrors, concurrency } = limits
  const { id, reason, mode } = rotation
  const control = new RunControl(ledger, id, (paused) => tally.again(paused))
  const between = new BetweenBatches({ signal, maxDuration, maxErrors, started }, size, control, () => tally.quarantined)
  return { ledger, rotation: id, work: { keys, reason, mode, within, tools: keys, concurrency }, between, tally }
}

interface Outcome {
  readonly run: PassRun
  readonly rotation: LedgerRotation
  readonly ending: Ending
  readonly remains: readonly Remains[]
  readonly resumed: boolean
  readonly states: KeyStates
  readonly started: number
}

function reportOf({ run, rotation, ending, remains, resumed, states, started }: Outcome): RotationReport {
  const { keys } = run.work
  return {
    outcome: outcomeOf(ending, remains),
    reason: rotation.reason,
    mode: rotation.mode,
    target: rotation.target,
    ledger: states.origin,
    resumed,
    passes: ending.passes,
    ...run.tally.counts,
    pending: ending.pending,
    quarantined: ending.failures.report(),
    ...(keys.branchKeys !== undefined && { branchKeys: branchKeyReport(ending, keys) }),
    remains,
    census: named(ending.counts, keys, keyNames(keys.keyring, run.ledger.keys.all())),
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
  const { stores, within = false } = options
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
  { stores }: MoveOptions,
  run: PassRun,
  rotation: LedgerRotation,
  before: readonly PlacedCensus[],
): Promise<Ending> {
  for (const store of stores) await store.prepare()
  const ending = await makePasses(run, stores, before)
  // With a record set aside it stays open: once that is repaired, the next run deals with it as this one would have.
  if (ending.stopped === 'cancelled') finishCancelled(run.ledger, rotation)
  else if (isFinished(ending)) finish(run.ledger, rotation, run.tally)
  return ending
}

function finish(ledger: Ledger, { id }: LedgerRotation, { counts }: Tally): void {
  ledger.rotations.finish(id, 'done')
  ledger.events.add('rotation-finished', { rotation: id, detail: counts })
}

function isFinished({ stopped, pending, pendingBranchKeys, failures, upkeep }: Ending): boolean {
  return stopped === undefined && pending === 0 && pendingBranchKeys === 0 && failures.total === 0 && upkeep.failed.length === 0
}

function workload(counts: readonly PlacedCensus[], keys: RotationKeys, { reason, mode }: LedgerRotation): number {
  const ofColumn = (count: PlacedCensus): number =>
    reason === 'compromise' ? count.plaintext + count.malformed + sealedIn(count) - destroyedIn(count, keys) : pendingIn(count, keys, mode)
  return counts.reduce((sum, count) => sum + ofColumn(count), 0)
}

async function scrub({ stores, scrub: wanted = true }: MoveOptions, ledger: Ledger, ending: Ending): Promise<Remains[]> {
  if (ending.stopped !== undefined) return []
  return wanted ? scrubPending(stores, ledger.scrubs) : unscrubbed(ledger.scrubs)
}

function outcomeOf({ stopped, pending, pendingBranchKeys, failures, upkeep }: Ending, remains: readonly Remains[]): RotationOutcome {
  if (stopped !== undefined) return stopped
  if (failures.total > 0 || upkeep.failed.length > 0) return 'quarantined'
  if (pending > 0 || pendingBranchKeys > 0) return 'pending'
  return remains.length > 0 ? 'scrub-pending' : 'done'
}
