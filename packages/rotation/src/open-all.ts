import { setImmediate as breathe } from 'node:timers/promises'
import type { KeySource, PickedRecords, RecordStore, StoredRecord, SyncKeySource } from '@keyfold/core'
import { inspect, isKeyfoldError, open, openSync } from '@keyfold/core'
import { rotationError } from './errors.ts'
import type { Failures } from './failures.ts'
import { recordFault } from './failures.ts'
import { hexOf } from './key-names.ts'
import type { ColumnPlace } from './ledger/types.ts'
import { isFull, PAGE_BYTES } from './page.ts'
import type { RotationKeys } from './rotation-keys.ts'
import { needsWaiting } from './rotation-keys.ts'
import type { Picks } from './sample.ts'

const BATCH = 500
/** Positions are short. */
const SPARSE_BATCH = 5000

export interface OpenProgress extends ColumnPlace {
  readonly opened: number
  readonly failed: number
  readonly total: number
}

/** What the columns of one walk share. */
export interface Walk {
  readonly keys: RotationKeys
  readonly openOne: OpenRecord
  readonly failures: Failures
  /** Gets each record that nothing opens any more, on purpose: it is neither opened nor failed. */
  readonly onShredded: (place: ColumnPlace, record: StoredRecord) => void | Promise<void>
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
    const { records, last } = await nextRecords(store, place, picks, after)
    for (const record of records) if (record.sealed) opened += await openRecord(walk, place, record)
    report(opened)
    if (last === undefined) return opened
    after = last
  }
}

/** The picked ones of the next stretch of a column; of a sample that is sparse the others are not read, where the store can do that. */
async function nextRecords(store: RecordStore, place: ColumnPlace, picks: Picks, after: string | undefined): Promise<PickedRecords> {
  const from = { maxBytes: PAGE_BYTES, ...(after !== undefined && { after }) }
  if (picks.sparse === true && store.pick !== undefined) return store.pick(place, { ...from, limit: SPARSE_BATCH, picks })
  const records = await store.read(place, { ...from, limit: BATCH })
  const isLast = records.length < BATCH && !isFull(records)
  return { records: records.filter(({ position }) => picks(position)), last: isLast ? undefined : records.at(-1)!.position }
}

async function openRecord(walk: Walk, place: ColumnPlace, record: StoredRecord): Promise<number> {
  try {
    if (walk.keys.isShredded(record)) return await shredded(walk, place, record)
    // Awaited only where there is something to wait for.
    const pending = walk.openOne(record)
    if (pending !== undefined) await pending
    return 1
  } catch (error) {
    // destroyed since the keys were looked at
    if (isKeyfoldError(error, 'ERR_BRANCH_KEY_DESTROYED')) return shredded(walk, place, record)
    const code = recordFault(error)
    walk.failures.add(place, record, code)
    walk.onFailure?.(place, record, code)
    return 0
  }
}

async function shredded({ onShredded }: Walk, place: ColumnPlace, record: StoredRecord): Promise<0> {
  await onShredded(place, record)
  return 0
}

/** Opens a record with whichever of its keys comes first, and wipes what came out. */
export function opener({ source, atOnce }: Pick<RotationKeys, 'source' | 'atOnce'>): OpenRecord {
  const wait: OpenRecord = async ({ value, context }) => void (await open(source, value, context)).fill(0)
  if (!atOnce) return wait
  return (record) => {
    try {
      openSync(source as SyncKeySource, record.value, record.context).fill(0)
    } catch (error) {
      if (needsWaiting(error)) return wait(record)
      throw error
    }
  }
}

/** Opens a record once with each of its keys that are held: an entry that nobody used could be broken unnoticed. */
export function entryOpener({ source, atOnce }: Pick<RotationKeys, 'source' | 'atOnce'>): OpenRecord {
  const whole = opener({ source, atOnce })
  return (record) => {
    const { entries } = inspect(record.value)
    return entries.length === 1 ? whole(record) : eachOf(entries.map(({ keyId }) => opener({ source: only(source, keyId), atOnce })), whole, record)
  }
}

/** A key source that opens with one key alone. */
function only(source: KeySource, wanted: string): KeySource {
  return {
    sealingKeys: (context) => source.sealingKeys(context),
    *openingKey(keyId) {
      return hexOf(keyId) === wanted ? yield* source.openingKey(keyId) : undefined
    },
  }
}

async function eachOf(openers: readonly OpenRecord[], whole: OpenRecord, record: StoredRecord): Promise<void> {
  let opened = 0
  for (const openOne of openers) {
    try {
      await openOne(record)
      opened++
    } catch (error) {
      if (!isKeyfoldError(error, 'ERR_KEY_NOT_FOUND')) throw error
    }
  }
  if (opened === 0) await whole(record)
}
