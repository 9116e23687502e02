import type { RecordStore } from '@keyfold/core'
import type { Stop } from './between-batches.ts'
import type { PlacedCensus } from './census.ts'
import { countAll, pendingIn } from './census.ts'
import { Failures } from './failures.ts'
import type { ColumnPlace } from './ledger/types.ts'
import type { ColumnPass, PassRun } from './pass.ts'
import { passOver } from './pass.ts'
import type { BranchKeyCount, Upkeep } from './rotation-keys.ts'
import { NO_UPKEEP } from './rotation-keys.ts'

/** How the passes of a run ended. */
export interface Ending {
  /** What ended the run before it was through. */
  readonly stopped: Stop | undefined
  /** Records that are still not where they should be, though they could be: something else keeps writing. */
  readonly pending: number
  readonly passes: number
  /** Of the last pass: a record that was repaired meanwhile is not among them. */
  readonly failures: Failures
  readonly upkeep: Upkeep
  /** Branch keys that still do not stand under the active master key, though they could. */
  readonly pendingBranchKeys: number
  readonly counts: readonly PlacedCensus[]
}

/** An application that keeps writing under an old key could make a run endless. */
const MAX_PASSES = 8

/**
 * Goes over all columns until nothing is left but what cannot be moved; branch keys before records, in each pass. Later passes pick up what was
 * inserted behind the cursor and what another writer changed at the same moment; they read only what is not current, so they are short.
 *
 * @param before the columns as they were counted before the run
 */
export async function makePasses(run: PassRun, stores: readonly RecordStore[], before: readonly PlacedCensus[]): Promise<Ending> {
  const { keys } = run.work
  let upkeep = NO_UPKEEP
  for (let pass = 1; ; pass++) {
    const failures = new Failures(run.ledger.pseudonymKey)
    run.tally.startPass(pass)
    const leaves = run.work.mode === 'unseal'
    const kept = leaves ? NO_UPKEEP : await keys.upkeep({ within: run.work.within, signal: run.between.signal })
    upkeep = { ...kept, rewrapped: upkeep.rewrapped + kept.rewrapped, renewed: upkeep.renewed + kept.renewed }
    const full = pass === 1 ? before.filter((count) => isMostlyPending(count, run.work)) : []
    const outcome = kept.interrupted ? { ...NOTHING, stopped: run.between.stop() } : await passOverAll(run, stores, full, failures)
    const moved = await keys.look()
    const counts = await countAll(stores)
    const left: Left = {
      records: counts.reduce((sum, count) => sum + pendingIn(count, keys, run.work.mode), 0),
      branchKeys: leaves ? 0 : branchKeysLeft(keys.branchKeys, kept),
      exact: counts.every((count) => keys.countTells(count)) && (!moved || outcome.stuck === 0),
    }
    const pending = Math.max(0, left.records - (outcome.stopped !== undefined ? 0 : outcome.stuck))
    const common = { passes: pass, failures, upkeep, counts, pending, pendingBranchKeys: left.branchKeys, stopped: outcome.stopped }
    const idle = !moved && kept.rewrapped === 0 && kept.renewed === 0 && isIdle(outcome)
    if (outcome.stopped !== undefined || idle || isExplained(left, outcome)) return common
    if (pass === MAX_PASSES) return { ...common, pending: left.branchKeys > 0 ? pending : Math.max(1, pending) }
  }
}

function branchKeysLeft(count: BranchKeyCount | undefined, { failed }: Upkeep): number {
  if (count === undefined) return 0
  return count.exposed + count.behind.filter((behind) => failed.every(({ keyId }) => keyId !== behind)).length
}

interface Left {
  readonly records: number
  readonly branchKeys: number
  /** Whether the counts tell all that is left. */
  readonly exact: boolean
}

/** What the pass left alone explains the whole count. */
function isExplained({ records, branchKeys, exact }: Left, { stuck }: ColumnPass): boolean {
  return exact && records <= stuck && branchKeys === 0
}

/** A pass over everything that found nothing to change: another would not either, and what the count still shows is reported as pending. */
function isIdle({ partial, changed, conflicts }: ColumnPass): boolean {
  return !partial && changed === 0 && conflicts === 0
}

const NOTHING: ColumnPass = { changed: 0, conflicts: 0, stuck: 0, partial: false, stopped: undefined }

function isMostlyPending(count: PlacedCensus, { keys, mode }: PassRun['work']): boolean {
  return pendingIn(count, keys, mode) * 2 > count.total - count.null
}

/** @param full columns most of whose records have something to be done */
async function passOverAll(run: PassRun, stores: readonly RecordStore[], full: readonly ColumnPlace[], failures: Failures): Promise<ColumnPass> {
  let all = NOTHING
  for (const store of stores) {
    for (const column of store.columns) {
      const place = { store: store.name, table: column.table, column: column.column }
      const sweep = run.work.reason === 'compromise' && !run.ledger.rotations.checkpoint(run.rotation, place).swept
      const most = full.some((one) => one.store === place.store && one.table === place.table && one.column === place.column)
      all = joined(all, await passOver(run, store, place, sweep ? 'sweep' : most ? 'most' : 'some', failures))
      if (all.stopped !== undefined) return all
    }
  }
  return all
}

function joined(a: ColumnPass, b: ColumnPass): ColumnPass {
  return {
    changed: a.changed + b.changed,
    conflicts: a.conflicts + b.conflicts,
    stuck: a.stuck + b.stuck,
    partial: a.partial || b.partial,
    stopped: a.stopped ?? b.stopped,
  }
}
