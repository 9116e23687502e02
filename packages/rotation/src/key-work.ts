import type { Keyring, RecordChange, StoredRecord, SyncKeyWrapper } from '@keyfold/core'
import { inspect, isCurrent, isSyncKeyWrapper, reencrypt, reencryptSync, rewrap, rewrapSync, seal, sealSync } from '@keyfold/core'
import { recordFault } from './failures.ts'
import { hexOf } from './key-names.ts'
import type { Reason } from './ledger/types.ts'

/** What happens to a record: first sealing, the same data key under another KEK, or a new data key. */
export type Action = 'seal' | 'rewrap' | 'reencrypt'

export const ACTIONS: readonly Action[] = ['seal', 'rewrap', 'reencrypt']

/** The key work of one batch. */
export interface Worked {
  readonly changes: Readonly<Record<Action, readonly RecordChange[]>>
  readonly failures: ReadonlyArray<{ readonly record: StoredRecord; readonly code: string }>
  /** How often a census counts the records that were left alone as pending: those that failed, and those with an entry of a foreign key. */
  readonly claims: number
}

/**
 * Does the key work of a batch, before and outside of any transaction. In a sweep every sealed record gets a new data key, else only those
 * that are not current.
 *
 * @throws KeyfoldError when a key is out of reach: ERR_KEY_UNAVAILABLE, ERR_KEY_DENIED. A bad record is a failure in the result.
 */
export type KeyWork = (records: readonly StoredRecord[], sweep: boolean) => Worked | Promise<Worked>

type Context = StoredRecord['context']
type SyncCalls = Readonly<Record<Action, (keyring: Keyring<SyncKeyWrapper>, value: Uint8Array, context: Context) => Uint8Array>>
type AsyncCalls = Readonly<Record<Action, (keyring: Keyring, value: Uint8Array, context: Context) => Promise<Uint8Array>>>

const SYNC: SyncCalls = { seal: sealSync, rewrap: rewrapSync, reencrypt: reencryptSync }
const asyncCalls = (within: boolean): AsyncCalls => ({
  seal,
  rewrap: (keyring, value, context) => rewrap(keyring, value, context, { within }),
  reencrypt,
})

/** So many calls of a key service are under way at once. */
const CONCURRENT_CALLS = 16

/**
 * Sync where no key of the keyring needs I/O: awaiting each record would cost as much as its key work.
 *
 * @param within key services may move data keys by themselves
 */
export function keyWork(keyring: Keyring, reason: Reason, within = false): KeyWork {
  const calls = asyncCalls(within)
  return isSyncKeyring(keyring)
    ? (records, sweep) => workSync(keyring, records, chooser(keyring, reason, sweep))
    : async (records, sweep) => workAsync(keyring, records, chooser(keyring, reason, sweep), calls)
}

export function isSyncKeyring(keyring: Keyring): keyring is Keyring<SyncKeyWrapper> {
  return keyring.wrappers.every(isSyncKeyWrapper)
}

type Choose = (record: StoredRecord) => Action | undefined

function chooser(keyring: Keyring, reason: Reason, sweep: boolean): Choose {
  const move = reason === 'compromise' ? 'reencrypt' : 'rewrap'
  return ({ sealed, value }) => {
    if (!sealed) return 'seal'
    return !sweep && isCurrent(keyring, value) ? undefined : move
  }
}

class Batch implements Worked {
  readonly changes: Record<Action, RecordChange[]> = { seal: [], rewrap: [], reencrypt: [] }
  readonly failures: Array<{ record: StoredRecord; code: string }> = []
  claims = 0
  readonly #sealing: ReadonlySet<string>

  constructor(keyring: Keyring) {
    this.#sealing = new Set(keyring.sealing.map(({ keyId }) => hexOf(keyId)))
  }

  fail(record: StoredRecord, error: unknown): void {
    this.failures.push({ record, code: recordFault(error) })
    this.leave(record)
  }

  leave({ sealed, value }: StoredRecord): void {
    this.claims += sealed ? this.#claimsOf(value) : 1
  }

  #claimsOf(envelope: Uint8Array): number {
    try {
      return inspect(envelope).entries.filter(({ keyId }) => !this.#sealing.has(keyId)).length
    } catch {
      return 1 // counted as malformed
    }
  }
}

function workSync(keyring: Keyring<SyncKeyWrapper>, records: readonly StoredRecord[], choose: Choose): Worked {
  const batch = new Batch(keyring)
  for (const record of records) {
    try {
      const action = choose(record)
      if (action === undefined) batch.leave(record)
      else batch.changes[action].push({ record, envelope: SYNC[action](keyring, record.value, record.context) })
    } catch (error) {
      batch.fail(record, error)
    }
  }
  return batch
}

async function workAsync(keyring: Keyring, records: readonly StoredRecord[], choose: Choose, calls: AsyncCalls): Promise<Worked> {
  const batch = new Batch(keyring)
  const one = async (record: StoredRecord): Promise<void> => {
    try {
      const action = choose(record)
      if (action === undefined) batch.leave(record)
      else batch.changes[action].push({ record, envelope: await calls[action](keyring, record.value, record.context) })
    } catch (error) {
      batch.fail(record, error)
    }
  }
  for (let at = 0; at < records.length; at += CONCURRENT_CALLS) {
    // All of them end before a failure is passed on: no call of a key service is left running behind an error.
    const settled = await Promise.allSettled(records.slice(at, at + CONCURRENT_CALLS).map(one))
    const broken = settled.find((result) => result.status === 'rejected')
    if (broken !== undefined) throw broken.reason
  }
  return batch
}
