import { setImmediate as breathe } from 'node:timers/promises'
import type { ReadOptions, RecordStore, StoredRecord } from '@keyfold/core'
import type { Failures } from './failures.ts'
import type { Action, KeyWork, Worked } from './key-work.ts'
import { ACTIONS, workOn } from './key-work.ts'
import type { Checkpoint, ColumnPlace, Ledger } from './ledger/types.ts'
import type { RunControl } from './run-control.ts'
import type { Tally } from './tally.ts'
import { COUNTED_AS } from './tally.ts'
import { WRITE } from './write-changes.ts'

/** What the passes of a run share. */
export interface PassRun {
  readonly ledger: Ledger
  readonly rotation: number
  readonly work: KeyWork
  readonly batch: number
  readonly tally: Tally
  readonly control: RunControl
  readonly signal: AbortSignal | undefined
}

/** One pass over one column. */
export interface ColumnPass {
  /** Cells that were replaced, and that another writer had changed meanwhile. */
  changed: number
  conflicts: number
  /** What a census counts as pending though this pass left it alone: see `Worked.claims`. */
  stuck: number
  /** It began at a checkpoint, and so did not see the whole column. */
  readonly partial: boolean
  readonly interrupted: boolean
}

/** In a second pass a checkpoint saves nothing but reading, so a few in a second do. A sweep saves each, since it would write a batch again. */
const CHECKPOINT_MS = 250

/**
 * Goes over a column once, from its checkpoint on: read a batch, do its key work, write it by compare-and-swap, then save the checkpoint. A kill
 * between any two of these leaves rows that are done, and at most a checkpoint that lags.
 */
export async function passOver(run: PassRun, store: RecordStore, place: ColumnPlace, sweep: boolean, failures: Failures): Promise<ColumnPass> {
  const cursor = new Cursor(run, place)
  const result: ColumnPass = { changed: 0, conflicts: 0, stuck: 0, partial: cursor.position !== undefined, interrupted: false }
  // Those that are still bad are found again on the way.
  if (!result.partial) run.ledger.quarantine.clear(place)
  try {
    for (let more = true; more; ) {
      await breathe() // signals and timers get their turn
      if (await run.control.stops()) return { ...result, interrupted: true }
      const records = await store.read(place, optionsFor(run, place, cursor.position, sweep))
      if (records.length > 0) await dealWith(run, store, place, records, { sweep, cursor, failures, result })
      more = records.length === run.batch
    }
    cursor.finishPass()
  } finally {
    cursor.saveQuietly()
  }
  return result
}

interface BatchParts {
  readonly sweep: boolean
  readonly cursor: Cursor
  readonly failures: Failures
  readonly result: ColumnPass
}

async function dealWith(run: PassRun, store: RecordStore, place: ColumnPlace, records: readonly StoredRecord[], parts: BatchParts): Promise<void> {
  const { cursor, failures, result } = parts
  const worked = await workOn(run.work, place, records, parts.sweep)
  const refused = await replace(run, store, place, worked, parts)
  setAside(run, place, [...worked.failures, ...refused], failures)
  result.stuck += worked.claims + refused.length
  cursor.advance(records.at(-1)!.position, parts.sweep)
  run.tally.progress(place, worked.failures.length + refused.length)
}

/** Into the report, and into the ledger, where they stay listed after the run. */
function setAside({ ledger, rotation }: PassRun, place: ColumnPlace, found: Worked['failures'], failures: Failures): void {
  if (found.length === 0) return
  ledger.quarantine.add(rotation, place, found.map(({ record, code }) => ({ record: failures.add(place, record, code), code })))
}

/** Gives what the store refused. */
async function replace(
  run: PassRun, store: RecordStore, place: ColumnPlace, { changes }: Worked, { cursor, result }: BatchParts,
): Promise<Worked['failures']> {
  const all: Array<Worked['failures'][number]> = []
  // Before the first cell is replaced, so that a run after a kill still scrubs.
  if (changes.seal.length > 0 || changes.reencrypt.length > 0) run.tally.requireScrub(run.ledger, place.store)
  for (const action of ACTIONS) {
    if (changes[action].length === 0) continue
    const { written, refused } = await WRITE[action](store, place, changes[action])
    const lost = changes[action].length - written - refused.length
    all.push(...refused)
    result.changed += written
    result.conflicts += lost
    cursor.count(action, written)
    run.tally.count(action, written, lost)
  }
  return all
}

function optionsFor({ batch, work }: PassRun, place: ColumnPlace, after: string | undefined, sweep: boolean): ReadOptions {
  const notUnder = work.mode === 'unseal' ? undefined : work.keys.currentId(place)
  return { limit: batch, ...(after !== undefined && { after }), ...(!sweep && notUnder !== undefined && { notUnder }) }
}

/** Where a pass stands in a column, and what is saved of it. */
class Cursor {
  readonly #run: PassRun
  readonly #place: ColumnPlace
  #checkpoint: Checkpoint
  #savedAt = 0
  #dirty = false

  constructor(run: PassRun, place: ColumnPlace) {
    this.#run = run
    this.#place = place
    this.#checkpoint = run.ledger.rotations.checkpoint(run.rotation, place)
  }

  get position(): string | undefined {
    return this.#checkpoint.position
  }

  count(action: Action, written: number): void {
    const field = COUNTED_AS[action]
    this.#checkpoint = { ...this.#checkpoint, [field]: this.#checkpoint[field] + written }
    this.#dirty = true
  }

  advance(position: string, atOnce: boolean): void {
    this.#checkpoint = { ...this.#checkpoint, position }
    this.#dirty = true
    if (atOnce || performance.now() - this.#savedAt >= CHECKPOINT_MS) this.#save()
  }

  finishPass(): void {
    this.#checkpoint = { ...this.#checkpoint, position: undefined, swept: true }
    this.#save()
  }

  /** On the way out, perhaps with an error that must not be hidden behind another: a checkpoint that was not saved lags, no more. */
  saveQuietly(): void {
    try {
      if (this.#dirty) this.#save()
    } catch {
      // The rows are written, and the next run finds them done.
    }
  }

  #save(): void {
    this.#run.ledger.rotations.save(this.#run.rotation, this.#place, this.#checkpoint)
    this.#savedAt = performance.now()
    this.#dirty = false
  }
}
