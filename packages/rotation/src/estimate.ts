import type { RecordStore } from '@keyfold/core'
import type { Change, KeyWork } from './key-work.ts'
import { workOn } from './key-work.ts'
import type { ColumnPlace } from './ledger/types.ts'
import { PAGE_BYTES } from './page.ts'
import type { Work, WorkAhead } from './work-ahead.ts'
import { recordsIn } from './work-ahead.ts'

/** The work that a plan counted in one column. */
export type ColumnWork = ColumnPlace & Work

export interface Estimate {
  readonly milliseconds: number
  readonly sampledRecords: number
  readonly method: string
  readonly sizeChangeBytes: number
}

/** What one record of a column was found to take. */
interface Sample {
  readonly records: number
  readonly microseconds: number
  /** Bytes that an envelope has more than the plaintext that it replaces, and more than the envelope under the other key. */
  readonly sealGrowth: number
  readonly moveGrowth: number
}

const SAMPLED_COLUMNS = 50
const SAMPLED_RECORDS = 2000
/** A key service bills each call. */
const SAMPLED_REMOTE = 20
/** Compare-and-swap of one row in a batch (docs/rotation.md, "How long"). */
const WRITE_MICROSECONDS = 3

/**
 * Reads a few records of each column that has work, does their key work in memory, and throws the results away. Changes nothing.
 */
export async function estimate(
  { stores, keys, reason, within }: Pick<WorkAhead, 'stores' | 'keys' | 'reason' | 'within'>, columns: readonly ColumnWork[],
): Promise<Estimate> {
  const busy = columns.filter((column) => recordsIn(column) > 0)
  const samples = new Map<ColumnWork, Sample>()
  const work: KeyWork = { keys, reason, mode: 'move', within, tools: busy.length === 0 ? keys : await keys.rehearsal() }
  const budget = keys.atOnce ? SAMPLED_RECORDS : SAMPLED_REMOTE
  const limit = Math.min(500, Math.max(1, Math.floor(budget / Math.max(1, busy.length))))
  for (const column of busy.slice(0, SAMPLED_COLUMNS)) {
    const store = stores.find(({ name }) => name === column.store)!
    samples.set(column, await sample(store, column, work, limit))
  }
  return summed(busy, samples)
}

async function sample(store: RecordStore, column: ColumnWork, work: KeyWork, limit: number): Promise<Sample> {
  // The first time through, code is compiled and pages are fetched: what counts is the second.
  if (work.keys.atOnce) await timed(store, column, work, limit)
  return timed(store, column, work, limit)
}

async function timed(store: RecordStore, column: ColumnWork, work: KeyWork, limit: number): Promise<Sample> {
  const started = performance.now()
  const sweep = work.reason === 'compromise'
  const notUnder = sweep ? undefined : work.keys.currentId(column)
  const records = await store.read(column, { limit, maxBytes: PAGE_BYTES, ...(notUnder !== undefined && { notUnder }) })
  const worked = await workOn(work, column, records, sweep)
  const microseconds = ((performance.now() - started) * 1000) / Math.max(1, records.length)
  const { seal, rewrap, reencrypt } = worked.changes
  return { records: records.length, microseconds, sealGrowth: growthOf(seal), moveGrowth: growthOf([...rewrap, ...reencrypt]) }
}

function growthOf(changes: readonly Change[]): number {
  const grown = changes.reduce((sum, { record, bytes }) => sum + bytes.length - record.value.length, 0)
  return grown / Math.max(1, changes.length)
}

function summed(columns: readonly ColumnWork[], samples: ReadonlyMap<ColumnWork, Sample>): Estimate {
  const found = [...samples.values()]
  const average = (pick: (sample: Sample) => number): number => found.reduce((sum, one) => sum + pick(one), 0) / Math.max(1, found.length)
  const typical: Sample = {
    records: 0,
    microseconds: average((one) => one.microseconds),
    sealGrowth: average((one) => one.sealGrowth),
    moveGrowth: average((one) => one.moveGrowth),
  }
  let microseconds = 0
  let growth = 0
  for (const column of columns) {
    const one = samples.get(column) ?? typical
    microseconds += recordsIn(column) * (one.microseconds + WRITE_MICROSECONDS)
    growth += column.seal * one.sealGrowth + (column.rewrap + column.reencrypt) * one.moveGrowth
  }
  const sampledRecords = found.reduce((sum, { records }) => sum + records, 0)
  return {
    milliseconds: Math.round(microseconds / 1000),
    sizeChangeBytes: Math.round(growth),
    sampledRecords,
    method: `read and key work of ${sampledRecords} records, measured in memory; writing taken as ${WRITE_MICROSECONDS} microseconds a record`,
  }
}
