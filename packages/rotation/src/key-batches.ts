import type { Outcome, SealedRecord, StoredRecord, SyncKeySource } from '@keyfold/core'
import {
  isKeyfoldError, openManySync, openSync, reencryptManySync, reencryptSync, rewrapManySync, rewrapSync, sealManySync, sealSync,
} from '@keyfold/core'

/** What happens to a record: first sealing, the same data key under another KEK, a new data key, or its plaintext put back. */
export type Action = 'seal' | 'rewrap' | 'reencrypt' | 'unseal'

export const ACTIONS: readonly Action[] = ['seal', 'rewrap', 'reencrypt', 'unseal']

/** A record, and what is to happen to it. */
export class Job implements SealedRecord<Uint8Array> {
  readonly record: StoredRecord
  readonly action: Action

  constructor(record: StoredRecord, action: Action) {
    this.record = record
    this.action = action
  }

  get envelope(): Uint8Array {
    return this.record.value
  }

  get context(): StoredRecord['context'] {
    return this.record.context
  }
}

type Context = Job['record']['context']
type One = (source: SyncKeySource, value: Uint8Array, context: Context) => Uint8Array
type Many = (source: SyncKeySource, jobs: readonly Job[]) => Array<Outcome<Uint8Array>>

/** A batch is written, and then forgotten. */
const SHARED = { shared: true }
const ONE: Readonly<Record<Action, One>> = { seal: sealSync, rewrap: rewrapSync, reencrypt: reencryptSync, unseal: openSync }
const MANY: Readonly<Record<Action, Many>> = {
  seal: (source, jobs) => sealedAll(source, jobs) ?? jobs.map((job) => perform(source, job)),
  rewrap: (source, jobs) => rewrapManySync(source, jobs, SHARED),
  reencrypt: (source, jobs) => reencryptManySync(source, jobs, SHARED),
  unseal: (source, jobs) => openManySync(source, jobs),
}

/** A record of more bytes goes by itself: a batch would save nothing, and core's batches are bounded. */
const LARGE_BYTES = 0x10_0000
/** Core takes many more, but what it makes for each of them is alive until the call ends, and the garbage collector goes through all of that. */
const PER_CALL = 256

/** Does the key work of jobs at once, in few calls of the keys; what became of each, in their order. One that fails holds up no other. */
export function performMany(source: SyncKeySource, action: Action, jobs: readonly Job[]): Array<Outcome<Uint8Array>> {
  const outcomes: Array<Outcome<Uint8Array>> = []
  for (let at = 0; at < jobs.length; at = outcomes.length) {
    const end = endOfCall(jobs, at)
    if (end === at) outcomes.push(perform(source, jobs[at]!))
    else for (const outcome of MANY[action](source, jobs.slice(at, end))) outcomes.push(outcome)
  }
  return outcomes
}

/** Where the run of jobs that begins at `at` ends: before a large one, and after as many as a call takes. */
function endOfCall(jobs: readonly Job[], at: number): number {
  let end = at
  while (end < jobs.length && end < at + PER_CALL && jobs[end]!.record.value.length <= LARGE_BYTES) end++
  return end
}

/** Undefined where one of them cannot be sealed: core seals all of a batch or nothing. */
function sealedAll(source: SyncKeySource, jobs: readonly Job[]): Array<Outcome<Uint8Array>> | undefined {
  try {
    const records = jobs.map(({ record: { value: plaintext, context } }) => ({ plaintext, context }))
    return sealManySync(source, records).map((value) => ({ status: 'fulfilled', value }))
  } catch (error) {
    if (isKeyfoldError(error)) return undefined
    throw error
  }
}

function perform(source: SyncKeySource, { action, record: { value, context } }: Job): Outcome<Uint8Array> {
  try {
    return { status: 'fulfilled', value: ONE[action](source, value, context) }
  } catch (error) {
    if (isKeyfoldError(error)) return { status: 'rejected', reason: error }
    throw error
  }
}
