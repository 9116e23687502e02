import type { RecordStore } from '@keyfold/core'
import { KeyfoldError } from '@keyfold/core'
import { randomBytes } from 'node:crypto'
import type { NamedCensus, PlacedCensus } from './census.ts'
import { countAll, named, sealedIn } from './census.ts'
import type { FailureReport } from './failures.ts'
import { Failures } from './failures.ts'
import { keyNames } from './key-names.ts'
import type { GivenKeys } from './keys-of.ts'
import { keysOf } from './keys-of.ts'
import type { Ledger } from './ledger/types.ts'
import type { OpenProgress, Walk } from './open-all.ts'
import { entryOpener, openColumn, opener } from './open-all.ts'
import type { Running } from './running.ts'
import { running } from './running.ts'
import { freshSeed, ruledOutPerMillion, sampler } from './sample.ts'

export interface VerifyOptions {
  readonly stores: readonly RecordStore[]
  /** A keyring, or branch keys. */
  readonly keyring: GivenKeys
  /** Gives the pseudonyms of its reports; without one they hold for this report alone. */
  readonly ledger?: Ledger | undefined
  /** Opens every record, and every entry of a record that the keyring holds a key for. */
  readonly full?: boolean
  /** How many records of each column are opened otherwise; 1000 where it is left out. */
  readonly sample?: number
  /** Picks the sample; a fresh one where it is left out. The report states it. */
  readonly seed?: string
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: OpenProgress) => void
  /** Gets each record that did not open with its own context, row id included. */
  readonly onFailure?: Walk['onFailure']
}

export interface VerifyReport {
  readonly full: boolean
  /** Null where every record was opened. */
  readonly seed: string | null
  readonly opened: number
  readonly failed: FailureReport
  /** Records whose branch key was destroyed, among those that were to be opened: no damage. Only where the keys are branch keys. */
  readonly destroyed?: number
  /** A clean sample rules out, with 95 % confidence, that more than so many of a million records are bad; 0 where all were opened. */
  readonly ruledOutPerMillion: number
  readonly census: readonly NamedCensus[]
}

/**
 * Opens records under their contexts, all of them or a sample, and ends with a census. Changes nothing.
 *
 * @throws KeyfoldError ERR_KEY_UNAVAILABLE, ERR_KEY_DENIED, ERR_INTERRUPTED; a record that does not open is in the report
 */
export function verify(options: VerifyOptions): Running<OpenProgress, VerifyReport> {
  return running((report) => perform(options, report), options.onProgress)
}

async function perform(options: VerifyOptions, report: (progress: OpenProgress) => void): Promise<VerifyReport> {
  const { stores, keyring, ledger, full = false, sample = 1000, seed = freshSeed() } = options
  if (!Number.isSafeInteger(sample) || sample < 1) throw new KeyfoldError('ERR_ARGUMENT', 'a sample has at least one record')
  const keys = await keysOf(keyring, ledger)
  const failures = new Failures(ledger?.pseudonymKey ?? randomBytes(32))
  let destroyed = 0
  const openOne = full ? entryOpener(keys) : opener(keys)
  const walk = { keys, openOne, failures, onShredded: () => void destroyed++, signal: options.signal, onFailure: options.onFailure }
  const counts = await countAll(stores)
  const wanted = full ? Infinity : sample
  const opened = await openColumns(walk, stores, counts, (count) => sampler(seed, count, wanted, sealedIn(count)), wanted, report)
  return {
    full,
    seed: full ? null : seed,
    opened,
    failed: failures.report(),
    ...(keys.branchKeys !== undefined && { destroyed }),
    ruledOutPerMillion: full ? 0 : ruledOutPerMillion(opened),
    census: named(await countAll(stores), keys, keyNames(keys.keyring, ledger?.keys.all())),
  }
}

async function openColumns(
  walk: Walk, stores: readonly RecordStore[], counts: readonly PlacedCensus[], picksOf: (count: PlacedCensus) => (position: string) => boolean,
  wanted: number, report: (progress: OpenProgress) => void,
): Promise<number> {
  const total = counts.reduce((sum, count) => sum + Math.min(wanted, sealedIn(count)), 0)
  let done = 0
  for (const count of counts) {
    const store = stores.find(({ name }) => name === count.store)!
    const place = { store: count.store, table: count.table, column: count.column }
    const progress = (opened: number): void => report({ ...place, opened: done + opened, failed: walk.failures.total, total })
    done += await openColumn(walk, store, place, picksOf(count), progress)
  }
  return done
}
