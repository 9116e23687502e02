import type { Keyring, RecordStore } from '@keyfold/core'
import { createKeyring } from '@keyfold/core'
import type { PlacedCensus } from './census.ts'
import { countAll, sealedUnder } from './census.ts'
import { rotationError } from './errors.ts'
import type { FailureReport } from './failures.ts'
import { Failures } from './failures.ts'
import { keyRoles } from './key-names.ts'
import type { ColumnPlace, Ledger } from './ledger/types.ts'
import { nearest } from './nearest.ts'
import type { OpenProgress } from './open-all.ts'
import { entryOpener, openColumn } from './open-all.ts'
import type { Running } from './running.ts'
import { running } from './running.ts'

export interface RetireOptions {
  readonly stores: readonly RecordStore[]
  readonly keyring: Keyring
  readonly ledger: Ledger
  /** `key-file:2026q3` */
  readonly key: string
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: OpenProgress) => void
}

/** Records that claim a key. */
export interface Needed extends ColumnPlace {
  readonly records: number
}

export interface RetireReport {
  /** `needed`: it is the active key, or records claim it. `damaged`: there are records that do not open without it. */
  readonly outcome: 'retired' | 'already-retired' | 'needed' | 'damaged'
  readonly key: string
  readonly active: boolean
  readonly needed: readonly Needed[]
  readonly opened: number
  readonly failed: FailureReport
}

/**
 * Takes a key out of use: decrypt-only becomes disabled, at once. Refused while one record claims it. Before that every record is opened with a
 * keyring that lacks the key, since a count believes what the records claim.
 *
 * @throws KeyfoldError ERR_KEY_UNKNOWN, ERR_KEY_MISMATCH, ERR_INTERRUPTED, ERR_KEY_UNAVAILABLE, ERR_KEY_DENIED; a refusal is in the report
 */
export function retire(options: RetireOptions): Running<OpenProgress, RetireReport> {
  return running((report) => perform(options, report), options.onProgress)
}

async function perform(options: RetireOptions, report: Report): Promise<RetireReport> {
  const { stores, keyring, ledger, key } = options
  ledger.keys.register(keyRoles(keyring))
  const target = findKey(ledger, key)
  const failures = new Failures(ledger.pseudonymKey)
  const result = { key, active: target.state === 'active', needed: [] as Needed[], opened: 0, failed: failures.report() }
  const needed = neededBy(await countAll(stores), target.keyId)
  if (result.active || needed.length > 0) return { ...result, needed, outcome: 'needed' }
  if (target.state === 'disabled') return { ...result, outcome: 'already-retired' }
  const opened = await openWithout(options, failures, report)
  if (failures.total > 0) return { ...result, opened, failed: failures.report(), outcome: 'damaged' }
  // Opening took its time: an application that still seals under the key shows now.
  const since = neededBy(await countAll(stores), target.keyId)
  if (since.length > 0) return { ...result, opened, needed: since, outcome: 'needed' }
  ledger.keys.setState(key, 'disabled', `retired: no record of ${opened} needs it`)
  return { ...result, opened, outcome: 'retired' }
}

function findKey(ledger: Ledger, id: string): ReturnType<Ledger['keys']['all']>[number] {
  const known = ledger.keys.all()
  const key = known.find((candidate) => candidate.id === id)
  if (key !== undefined) return key
  const near = nearest(id, known.map((candidate) => candidate.id))
  throw rotationError('ERR_KEY_UNKNOWN', `there is no such key${near === undefined ? '' : `; did you mean ${near}?`}`)
}

function neededBy(counts: readonly PlacedCensus[], keyId: string): Needed[] {
  return counts.flatMap((count) => {
    const records = sealedUnder(count, keyId)
    return records === 0 ? [] : [{ store: count.store, table: count.table, column: count.column, records }]
  })
}

type Report = (progress: OpenProgress) => void

async function openWithout({ stores, keyring, key, signal }: RetireOptions, failures: Failures, report: Report): Promise<number> {
  const [active, ...recovery] = keyring.sealing
  const decryptOnly = keyring.wrappers.filter((wrapper) => !keyring.sealing.includes(wrapper) && wrapper.id !== key)
  const walk = { openOne: entryOpener(createKeyring({ active: active!, recovery, decryptOnly })), failures, signal }
  const total = (await countAll(stores)).reduce((sum, count) => sum + count.total - count.null - count.plaintext, 0)
  let done = 0
  for (const store of stores) {
    for (const { table, column } of store.columns) {
      const place = { store: store.name, table, column }
      const progress = (opened: number): void => report({ ...place, opened: done + opened, failed: failures.total, total })
      done += await openColumn(walk, store, place, () => true, progress)
    }
  }
  return done
}
