import type { RecordStore } from '@keyfold/core'
import { KeyfoldError } from '@keyfold/core'
import { randomBytes } from 'node:crypto'
import type { NamedCensus } from './census.ts'
import { countAll, destroyedIn, named } from './census.ts'
import { fewerThan } from './confidence.ts'
import type { FailureReport } from './failures.ts'
import { Failures } from './failures.ts'
import type { LedgerKeyStatus } from './inspect-states.ts'
import { inspectStates } from './inspect-states.ts'
import { keyNames } from './key-names.ts'
import type { GivenKeys } from './keys-of.ts'
import { keysOf } from './keys-of.ts'
import type { ColumnPlace, Ledger } from './ledger/types.ts'
import type { OpenProgress, Walk } from './open-all.ts'
import { entryOpener, openColumn, opener } from './open-all.ts'
import type { Running } from './running.ts'
import { running } from './running.ts'
import type { Wanted } from './sample.ts'
import { freshSeed, sampler, wantedOf } from './sample.ts'

const DEFAULT_SAMPLE = 1000

export interface VerifyOptions {
  readonly stores: readonly RecordStore[]
  /** A keyring, or branch keys. */
  readonly keyring: GivenKeys
  /** Gives the pseudonyms of its reports; without one they hold for this report alone. */
  readonly ledger?: Ledger | undefined
  /** Opens every record, and every entry of a record that the keyring holds a key for. */
  readonly full?: boolean
  /** About how many records of each column are opened otherwise; 1000 where it is left out. */
  readonly sample?: number
  /** How sure the statement about a sample is: above 0 and below 1, 0.99 where it is left out. */
  readonly confidence?: number
  /** Instead of `sample`: as many records as it takes to say that fewer than this share of each column is bad; above 0 and below 1. */
  readonly margin?: number
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
  /** Null where every record was opened: nothing is left to chance. */
  readonly confidence: number | null
  /** With this confidence, fewer than so many of a million records of any one column are bad: the most of `columns`, null where one has null. */
  readonly ruledOutPerMillion: number | null
  readonly columns: readonly VerifiedColumn[]
  /** Whether the ledger's states of keys, by which keys are loaded and named, are what was written; null where there is nothing to check. */
  readonly ledgerKey: LedgerKeyStatus | null
  readonly census: readonly NamedCensus[]
}

/** What was opened of one column. */
export interface VerifiedColumn extends ColumnPlace {
  /** Sealed records that can be opened, as counted at the beginning. */
  readonly records: number
  readonly opened: number
  readonly failed: number
  /** 0 where all were opened; null where one did not open: then nothing is ruled out. */
  readonly ruledOutPerMillion: number | null
}

/**
 * Opens records under their contexts, all of them or a sample, and ends with a census. Changes nothing. What a sample says is told by the
 * hypergeometric distribution: docs/rotation.md, "What a sample says".
 *
 * @throws KeyfoldError ERR_LEDGER_ALTERED, ERR_ARGUMENT, ERR_KEY_UNAVAILABLE, ERR_KEY_DENIED, ERR_INTERRUPTED; a record that does not open is in
 *   the report
 * @example const { failed, ruledOutPerMillion } = await verify({ stores, keyring, ledger, confidence: 0.99, margin: 0.001 })
 */
export function verify(options: VerifyOptions): Running<OpenProgress, VerifyReport> {
  return running((report) => perform(options, report), options.onProgress)
}

async function perform(options: VerifyOptions, report: (progress: OpenProgress) => void): Promise<VerifyReport> {
  const { stores, keyring, ledger, full = false, seed = freshSeed(), confidence = 0.99 } = options
  const wanted = full ? { records: Infinity } : wantedIn(options, confidence)
  const keys = await keysOf(keyring, ledger)
  const ledgerKey = await inspectStates(ledger, keys.keyring)
  const failures = new Failures(ledger?.pseudonymKey ?? randomBytes(32))
  let destroyed = 0
  const openOne = full ? entryOpener(keys) : opener(keys)
  const walk = { keys, openOne, failures, onShredded: () => void destroyed++, signal: options.signal, onFailure: options.onFailure }
  const samples = (await countAll(stores)).map((count): Sample => {
    const { store, table, column, total, null: empty, plaintext, malformed } = count
    const records = Math.max(0, total - empty - plaintext - malformed - destroyedIn(count, keys))
    return { place: { store, table, column }, records, wanted: Math.min(records, wantedOf(records, wanted)) }
  })
  const columns = await openColumns(walk, stores, samples, seed, confidence, report)
  const bounds = columns.map(({ ruledOutPerMillion }) => ruledOutPerMillion)
  return {
    full,
    seed: full ? null : seed,
    opened: columns.reduce((sum, column) => sum + column.opened, 0),
    failed: failures.report(),
    ...(keys.branchKeys !== undefined && { destroyed }),
    confidence: full ? null : confidence,
    ruledOutPerMillion: bounds.includes(null) ? null : Math.max(0, ...bounds.map(Number)),
    columns,
    ledgerKey,
    census: named(await countAll(stores), keys, keyNames(keys.keyring, ledger?.keys.all())),
  }
}

function wantedIn({ sample, margin }: VerifyOptions, confidence: number): Wanted {
  const isShare = (share: number): boolean => share > 0 && share < 1
  if (!isShare(confidence) || (margin !== undefined && !isShare(margin))) {
    throw new KeyfoldError('ERR_ARGUMENT', 'confidence and margin are shares above 0 and below 1')
  }
  if (margin !== undefined) {
    if (sample !== undefined) throw new KeyfoldError('ERR_ARGUMENT', 'the margin says how large the sample is: give one of them')
    return { confidence, margin }
  }
  const records = sample ?? DEFAULT_SAMPLE
  if (!Number.isSafeInteger(records) || records < 1) throw new KeyfoldError('ERR_ARGUMENT', 'a sample has at least one record')
  return { records }
}

/** What is to be opened of one column. */
interface Sample {
  readonly place: ColumnPlace
  readonly records: number
  readonly wanted: number
}

async function openColumns(
  walk: Walk, stores: readonly RecordStore[], samples: readonly Sample[], seed: string, confidence: number, report: (progress: OpenProgress) => void,
): Promise<VerifiedColumn[]> {
  const columns: VerifiedColumn[] = []
  let openedBefore = 0
  for (const [i, { place, records, wanted }] of samples.entries()) {
    const store = stores.find(({ name }) => name === place.store)!
    const failedBefore = walk.failures.total
    const later = samples.slice(i + 1).reduce((sum, sample) => sum + sample.wanted, 0)
    const step = (opened: number, total: number): void => report({ ...place, opened, failed: walk.failures.total, total })
    const told = (opened: number): void => step(openedBefore + opened, openedBefore + failedBefore + wanted + later)
    const opened = await openColumn(walk, store, place, sampler(seed, place, wanted, records), told)
    openedBefore += opened
    // How many a sample has is known when it is taken.
    step(openedBefore, openedBefore + walk.failures.total + later)
    const failed = walk.failures.total - failedBefore
    columns.push({ ...place, records, opened, failed, ruledOutPerMillion: failed > 0 ? null : bound({ records, wanted, opened }, confidence) })
  }
  return columns
}

function bound({ records, wanted, opened }: { records: number; wanted: number; opened: number }, confidence: number): number {
  return wanted >= records ? 0 : Math.ceil((fewerThan(records, opened, confidence) * 1_000_000) / records)
}
