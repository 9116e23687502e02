import type { Keyring, RecordStore } from '@keyfold/core'
import type { PlacedCensus } from './census.ts'
import { countAll, pendingIn } from './census.ts'
import { Failures } from './failures.ts'
import type { ColumnPass, PassRun } from './pass.ts'
import { passOver } from './pass.ts'
import type { Reason } from './ledger/types.ts'

/** How the passes of a run ended. */
export interface Ending {
  readonly interrupted: boolean
  /** Records that are still not where they should be, though they could be: something else keeps writing. */
  readonly pending: number
  readonly passes: number
  /** Of the last pass: a record that was repaired meanwhile is not among them. */
  readonly failures: Failures
  readonly counts: readonly PlacedCensus[]
}

/** An application that keeps writing under an old key could make a run endless. */
const MAX_PASSES = 8

/**
 * Goes over all columns until nothing is left but what cannot be moved. Later passes pick up what was inserted behind the cursor and what
 * another writer changed at the same moment; they read only what is not under the sealing key, so they are short.
 */
export async function makePasses(run: PassRun, stores: readonly RecordStore[], keyring: Keyring, reason: Reason): Promise<Ending> {
  for (let pass = 1; ; pass++) {
    const failures = new Failures(run.ledger.pseudonymKey)
    run.tally.startPass(pass)
    const outcome = await passOverAll(run, stores, reason, failures)
    const counts = await countAll(stores)
    const left = counts.reduce((sum, count) => sum + pendingIn(count, keyring), 0)
    const common = { passes: pass, failures, counts }
    if (outcome.interrupted) return { ...common, interrupted: true, pending: left }
    const pending = left - outcome.stuck
    if (isSettled(run, outcome, left)) return { ...common, interrupted: false, pending: Math.max(0, pending) }
    if (pass === MAX_PASSES) return { ...common, interrupted: false, pending: Math.max(1, pending) }
  }
}

/**
 * Either what the pass left alone explains the whole count, or a pass over everything found nothing to change: then another would not either,
 * and what the count still shows is reported as pending.
 */
function isSettled(run: PassRun, { partial, changed, conflicts, stuck }: ColumnPass, left: number): boolean {
  if (!partial && changed === 0 && conflicts === 0) return true
  // With several sealing keys a count cannot tell who lacks one of them.
  return run.notUnder !== undefined && left <= stuck
}

async function passOverAll(run: PassRun, stores: readonly RecordStore[], reason: Reason, failures: Failures): Promise<ColumnPass> {
  let all: ColumnPass = { changed: 0, conflicts: 0, stuck: 0, partial: false, interrupted: false }
  for (const store of stores) {
    for (const column of store.columns) {
      const place = { store: store.name, table: column.table, column: column.column }
      const sweep = reason === 'compromise' && !run.ledger.rotations.checkpoint(run.rotation, place).swept
      all = joined(all, await passOver(run, store, place, sweep, failures))
      if (all.interrupted) return all
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
    interrupted: a.interrupted || b.interrupted,
  }
}
