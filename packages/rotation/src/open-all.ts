import { setImmediate as breathe } from 'node:timers/promises'
import type { Keyring, RecordStore, StoredRecord } from '@keyfold/core'
import { createKeyring, inspect, open, openSync } from '@keyfold/core'
import { rotationError } from './errors.ts'
import type { Failures } from './failures.ts'
import { recordFault } from './failures.ts'
import { isSyncKeyring } from './key-work.ts'
import { hexOf } from './key-names.ts'
import type { ColumnPlace } from './ledger/types.ts'
import type { Picks } from './sample.ts'

const BATCH = 500

export interface OpenProgress extends ColumnPlace {
  readonly opened: number
  readonly failed: number
  readonly total: number
}

/** What the columns of one walk share. */
export interface Walk {
  readonly openOne: OpenRecord
  readonly failures: Failures
  readonly signal?: AbortSignal | undefined
  /** Gets the row's own context: for the person who repairs it, never for a log. */
  readonly onFailure?: ((place: ColumnPlace, record: StoredRecord, code: string) => void) | undefined
}

export type OpenRecord = (record: StoredRecord) => void | Promise<void>

/** Opens the picked records of a column. Gives the number that opened; those that did not are in `failures`. */
export async function openColumn(
  walk: Walk, store: RecordStore, place: ColumnPlace, picks: Picks, report: (opened: number) => void,
): Promise<number> {
  let opened = 0
  for (let after: string | undefined; ; ) {
    await breathe()
    if (walk.signal?.aborted === true) throw rotationError('ERR_INTERRUPTED', 'interrupted while records were opened; nothing was changed')
    const records = await store.read(place, { limit: BATCH, ...(after !== undefined && { after }) })
    for (const record of records) if (record.sealed && picks(record.position)) opened += await openRecord(walk, place, record)
    report(opened)
    if (records.length < BATCH) return opened
    after = records.at(-1)!.position
  }
}

async function openRecord({ openOne, failures, onFailure }: Walk, place: ColumnPlace, record: StoredRecord): Promise<number> {
  try {
    // Awaited only where there is something to wait for.
    const pending = openOne(record)
    if (pending !== undefined) await pending
    return 1
  } catch (error) {
    const code = recordFault(error)
    failures.add(place, record, code)
    onFailure?.(place, record, code)
    return 0
  }
}

/** Opens a record with whichever of its keys comes first, and wipes what came out. */
export function opener(keyring: Keyring): OpenRecord {
  if (isSyncKeyring(keyring)) return ({ value, context }) => void openSync(keyring, value, context).fill(0)
  return async ({ value, context }) => void (await open(keyring, value, context)).fill(0)
}

/** Opens a record once with each of its keys that the keyring holds: an entry that nobody used could be broken unnoticed. */
export function entryOpener(keyring: Keyring): OpenRecord {
  const whole = opener(keyring)
  const single = new Map(keyring.wrappers.map((wrapper) => [hexOf(wrapper.keyId), opener(createKeyring({ active: wrapper }))]))
  return (record) => {
    const { entries } = inspect(record.value)
    if (entries.length === 1) return whole(record)
    const held = entries.flatMap(({ keyId }) => single.get(keyId) ?? [])
    return held.length === 0 ? whole(record) : eachOf(held, record)
  }
}

async function eachOf(openers: readonly OpenRecord[], record: StoredRecord): Promise<void> {
  for (const openOne of openers) await openOne(record)
}
