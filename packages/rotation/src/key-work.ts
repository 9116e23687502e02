import type { ColumnRef, KeySource, RecordChange, StoredRecord, SyncKeySource } from '@keyfold/core'
import { inspect, open, reencrypt, rewrap, seal } from '@keyfold/core'
import { isPending } from './census.ts'
import { recordFault } from './failures.ts'
import type { Action } from './key-batches.ts'
import { ACTIONS, Job, performMany } from './key-batches.ts'
import type { Mode, Reason } from './ledger/types.ts'
import type { RotationKeys, Tools } from './rotation-keys.ts'
import { needsWaiting } from './rotation-keys.ts'

/** What replaces a record: an envelope, or for `unseal` its plaintext. */
export class Change implements RecordChange {
  readonly record: StoredRecord
  readonly bytes: Uint8Array

  constructor(record: StoredRecord, bytes: Uint8Array) {
    this.record = record
    this.bytes = bytes
  }

  get envelope(): Uint8Array {
    return this.bytes
  }
}

/** The key work of one batch. */
export interface Worked {
  readonly changes: Readonly<Record<Action, readonly Change[]>>
  readonly failures: ReadonlyArray<{ readonly record: StoredRecord; readonly code: string }>
  /** How often a census counts the records that were left alone as pending: those that failed, and those with an entry of a foreign key. */
  readonly claims: number
}

/** Key work to be done: what for, with which keys, and where. */
export interface KeyWork {
  readonly keys: RotationKeys
  readonly reason: Reason
  readonly mode: Mode
  /** Key services may move data keys by themselves. */
  readonly within: boolean
  /** So many records are with key services at once, each with one call at a time; 16 where it is left out. */
  readonly concurrency?: number
  /** The keys themselves, or those of a rehearsal. */
  readonly tools: Tools
}

type Context = StoredRecord['context']
type AsyncCalls = Readonly<Record<Action, (source: KeySource, value: Uint8Array, context: Context) => Promise<Uint8Array>>>

const asyncCalls = (within: boolean): AsyncCalls => ({
  seal,
  rewrap: (source, value, context) => rewrap(source, value, context, { within }),
  reencrypt,
  unseal: open,
})

/**
 * Does the key work of a batch, before and outside of any transaction. In a sweep every sealed record gets a new data key, else only those
 * that are not current. Where keys are at hand records are not awaited one by one: that would cost as much as their key work.
 *
 * @throws KeyfoldError when a key is out of reach: ERR_KEY_UNAVAILABLE, ERR_KEY_DENIED. A bad record is a failure in the result.
 */
export async function workOn(work: KeyWork, column: ColumnRef, records: readonly StoredRecord[], sweep: boolean): Promise<Worked> {
  const batch = new Batch(work, column)
  const jobs: Job[] = []
  for (const record of records) {
    const job = batch.choose(record, sweep)
    if (job !== undefined) jobs.push(job)
  }
  const { source } = work.tools
  if (jobs.length > 0) await work.tools.unlock(jobs.map(({ record }) => record))
  await performAsync(batch, work, work.keys.atOnce ? performSync(batch, source as SyncKeySource, jobs) : jobs)
  return batch
}

/** Undefined for a record that is left alone. */
function jobFor({ keys, reason, mode }: KeyWork, record: StoredRecord, sweep: boolean): Job | undefined {
  if (mode === 'unseal') return record.sealed && !keys.isShredded(record) ? new Job(record, 'unseal') : undefined
  if (!record.sealed) return new Job(record, 'seal')
  if (keys.isShredded(record) || (!sweep && keys.isCurrent(record))) return undefined
  return new Job(record, reason === 'compromise' || keys.isExposed(record) ? 'reencrypt' : 'rewrap')
}

class Batch implements Worked {
  readonly changes: Record<Action, Change[]> = { seal: [], rewrap: [], reencrypt: [], unseal: [] }
  readonly failures: Array<{ record: StoredRecord; code: string }> = []
  claims = 0
  readonly #work: KeyWork
  readonly #column: ColumnRef

  constructor(work: KeyWork, column: ColumnRef) {
    this.#work = work
    this.#column = column
  }

  /** What there is to do with a record, where that can be told; counts it as left alone where there is nothing. */
  choose(record: StoredRecord, sweep: boolean): Job | undefined {
    try {
      const job = jobFor(this.#work, record, sweep)
      if (job === undefined) this.#leave(record)
      return job
    } catch (error) {
      this.fail(record, error)
      return undefined
    }
  }

  done({ action, record }: Job, bytes: Uint8Array): void {
    this.changes[action].push(new Change(record, bytes))
  }

  fail(record: StoredRecord, error: unknown): void {
    this.failures.push({ record, code: recordFault(error) })
    this.#leave(record)
  }

  #leave({ sealed, value }: StoredRecord): void {
    if (sealed) this.claims += this.#claimsOf(value)
    else if (this.#work.mode !== 'unseal') this.claims += 1
  }

  #claimsOf(envelope: Uint8Array): number {
    try {
      const { keys, mode } = this.#work
      return inspect(envelope).entries.filter(({ keyId }) => isPending(keys.standing(this.#column, keyId), mode)).length
    } catch {
      return 1 // counted as malformed
    }
  }
}

/** Gives the jobs that somebody has to wait for. */
function performSync(batch: Batch, source: SyncKeySource, jobs: readonly Job[]): Job[] {
  const waiting: Job[] = []
  for (const action of ACTIONS) {
    const alike = jobs.filter((job) => job.action === action)
    performMany(source, action, alike).forEach((outcome, i) => {
      const job = alike[i]!
      if (outcome.status === 'fulfilled') batch.done(job, outcome.value)
      else if (needsWaiting(outcome.reason)) waiting.push(job)
      else batch.fail(job.record, outcome.reason)
    })
  }
  return waiting
}

async function performAsync(batch: Batch, { tools, within, concurrency = 16 }: KeyWork, jobs: readonly Job[]): Promise<void> {
  const calls = asyncCalls(within)
  await inPool(jobs, concurrency, async (job) => {
    const { action, record } = job
    try {
      batch.done(job, await calls[action](tools.source, record.value, record.context))
    } catch (error) {
      batch.fail(record, error)
    }
  })
}

/** The first failure ends it: no further one is begun, and those under way come to their end, so that no call is left running behind an error. */
async function inPool<T>(items: readonly T[], size: number, work: (item: T) => Promise<void>): Promise<void> {
  const failures: unknown[] = []
  const left = items.values()
  const worker = async (): Promise<void> => {
    for (const item of left) {
      if (failures.length > 0) return
      await work(item).catch((error: unknown) => failures.push(error))
    }
  }
  await Promise.all(Array.from({ length: Math.min(size, items.length) }, worker))
  if (failures.length > 0) throw failures[0]
}
