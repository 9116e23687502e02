import type { ReadOptions, RecordStore, StoredRecord } from '@keyfold/core'
import type { BetweenBatches, Stop } from './between-batches.ts'
import type { Failures } from './failures.ts'
import { ACTIONS } from './key-batches.ts'
import type { KeyWork, Worked } from './key-work.ts'
import { workOn } from './key-work.ts'
import type { ColumnPlace, Ledger } from './ledger/types.ts'
import { Cursor } from './cursor.ts'
import { LockShare } from './lock-share.ts'
import { isFull, PAGE_BYTES } from './page.ts'
import type { Tally } from './tally.ts'
import { WRITE } from './write-changes.ts'

/** What the passes of a run share. */
export interface PassRun {
  readonly ledger: Ledger
  readonly rotation: number
  readonly work: KeyWork
  readonly between: BetweenBatches
  readonly tally: Tally
}

/**
 * What a pass deals with. A sweep gives every record a new data key. The others deal with what is not current: `most` of the records, or `some`,
 * where the store leaves out the rest, which costs it a look at every row.
 */
export type PassKind = 'sweep' | 'most' | 'some'

/** One pass over one column. */
export interface ColumnPass {
  /** Cells that were replaced, and that another writer had changed meanwhile. */
  changed: number
  conflicts: number
  /** What a census counts as pending though this pass left it alone: see `Worked.claims`. */
  stuck: number
  /** It began at a checkpoint, and so did not see the whole column. */
  readonly partial: boolean
  /** What ended it before the end of the column. */
  stopped: Stop | undefined
}

/**
 * Goes over a column once, from its checkpoint on: read a batch, do its key work, write it by compare-and-swap, then save the checkpoint. A kill
 * between any two of these leaves rows that are done, and at most a checkpoint that lags.
 *
 * A store that works elsewhere reads the next batch ahead while this one's key work is done, and writes this one meanwhile. Any store puts a batch on
 * the disk while the next one is read and worked on. Batches are written, and their checkpoints saved, one after the other all the same.
 */
export async function passOver(run: PassRun, store: RecordStore, place: ColumnPlace, kind: PassKind, failures: Failures): Promise<ColumnPass> {
  const pass = new Pass(run, store, place, kind, failures)
  try {
    await pass.run()
  } finally {
    await pass.end()
  }
  return pass.result
}

/** Records that are being read, and whether they can be the last. */
interface Page {
  readonly records: Promise<readonly StoredRecord[]>
  readonly limit: number
}

class Pass {
  readonly result: ColumnPass
  readonly #run: PassRun
  readonly #store: RecordStore
  readonly #place: ColumnPlace
  readonly #sweep: boolean
  readonly #failures: Failures
  readonly #cursor: Cursor
  readonly #lock: LockShare
  readonly #ahead: boolean
  /** The store leaves out what is current. */
  readonly #skips: boolean
  /** What is under way at the store. Both are awaited before the pass ends, however it ends. */
  #page: Page | undefined
  #writing: Promise<void> = Promise.resolve()

  constructor(run: PassRun, store: RecordStore, place: ColumnPlace, kind: PassKind, failures: Failures) {
    this.#run = run
    this.#store = store
    this.#place = place
    this.#sweep = kind === 'sweep'
    this.#skips = kind === 'some' && run.work.mode !== 'unseal'
    this.#failures = failures
    this.#cursor = new Cursor(store, run.ledger, run.rotation, place)
    this.#lock = new LockShare(store)
    this.#ahead = store.concurrent === true && !run.between.size.pauses
    this.result = { changed: 0, conflicts: 0, stuck: 0, partial: this.#cursor.position !== undefined, stopped: undefined }
  }

  async run(): Promise<void> {
    let after = this.#cursor.position
    // Those that are still bad are found again on the way.
    if (!this.result.partial) this.#run.ledger.quarantine.clear(this.#place)
    for (let more = true; more; ) {
      this.result.stopped = await this.#run.between.next()
      if (this.result.stopped !== undefined) return
      const { records: reading, limit } = this.#page ?? this.#read(after)
      this.#page = undefined
      const records = await reading
      more = records.length === limit || isFull(records)
      after = records.at(-1)?.position
      if (more && this.#ahead) this.#page = this.#read(after)
      if (records.length > 0) await this.#dealWith(records)
    }
    await this.#writing
    await this.#cursor.finishPass()
  }

  /** Nothing is left under way behind the pass, and what was written is in the checkpoint. */
  async end(): Promise<void> {
    const [written] = await Promise.allSettled([this.#writing, this.#page?.records])
    await this.#cursor.saveQuietly()
    if (written.status === 'rejected') throw written.reason
  }

  #read(after: string | undefined): Page {
    const { between, work } = this.#run
    const limit = between.size.records
    const notUnder = this.#skips ? work.keys.currentId(this.#place) : undefined
    const options: ReadOptions = { limit, maxBytes: PAGE_BYTES, ...(after !== undefined && { after }), ...(notUnder !== undefined && { notUnder }) }
    return { records: underWay(async () => this.#store.read(this.#place, options)), limit }
  }

  /** Key work for this batch while the one before it is written, or at least put on the disk; then this one's turn to be written. */
  async #dealWith(records: readonly StoredRecord[]): Promise<void> {
    const worked = await workOn(this.#run.work, this.#place, records, this.#sweep)
    await this.#writing
    await this.#lock.beforeWrite(this.#run.between.signal)
    const written = underWay(async () => this.#write(worked))
    this.#writing = underWay(async () => {
      await written
      await this.#cursor.advance(records.at(-1)!.position, this.#sweep)
    })
    if (!this.#ahead) await written
  }

  async #write(worked: Worked): Promise<void> {
    const started = performance.now()
    const refused = await this.#replace(worked)
    this.#lock.held(performance.now() - started)
    const bad = [...worked.failures, ...refused]
    this.#setAside(bad)
    this.result.stuck += worked.claims + refused.length
    this.#run.tally.progress(this.#place, bad.length)
  }

  /** Into the report, and into the ledger, where they stay listed after the run. */
  #setAside(found: Worked['failures']): void {
    if (found.length === 0) return
    const { ledger, rotation } = this.#run
    const named = found.map(({ record, code }) => ({ record: this.#failures.add(this.#place, record, code), code }))
    ledger.quarantine.add(rotation, this.#place, named)
  }

  /** Gives what the store refused. */
  async #replace({ changes }: Worked): Promise<Worked['failures']> {
    const { tally, ledger, between } = this.#run
    const all: Array<Worked['failures'][number]> = []
    // Before the first cell is replaced, so that a run after a kill still scrubs.
    if (changes.seal.length > 0 || changes.reencrypt.length > 0) tally.requireScrub(ledger, this.#place.store)
    const actions = ACTIONS.filter((action) => changes[action].length > 0)
    for (const action of actions) {
      const started = performance.now()
      const writing = WRITE[action](this.#store, this.#place, changes[action])
      // Right behind the last write: its answer may lie here for as long as the key work of the next batch takes.
      if (this.#ahead && this.#sweep && action === actions.at(-1)) this.#cursor.syncBehind()
      const { written, refused } = await writing
      between.size.wrote(performance.now() - started)
      const lost = changes[action].length - written - refused.length
      all.push(...refused)
      this.result.changed += written
      this.result.conflicts += lost
      this.#cursor.count(action, written)
      tally.count(action, written, lost)
    }
    return all
  }
}

/** Starts work that is awaited later. Until then its failure is nobody's. */
function underWay<T>(work: () => Promise<T>): Promise<T> {
  const promise = work()
  promise.catch(() => undefined)
  return promise
}
