import type { RecordStore, StoredRecord } from '@keyfold/core'
import { byMaster, countAll } from './census.ts'
import { rotationError } from './errors.ts'
import type { FailureReport } from './failures.ts'
import { Failures } from './failures.ts'
import { keyRoles } from './key-names.ts'
import type { GivenKeys } from './keys-of.ts'
import { keysOf } from './keys-of.ts'
import type { ColumnPlace, Ledger } from './ledger/types.ts'
import { nearest } from './nearest.ts'
import type { OpenProgress } from './open-all.ts'
import { entryOpener, openColumn } from './open-all.ts'
import type { RotationKeys, Upkeep } from './rotation-keys.ts'
import type { Running } from './running.ts'
import { running } from './running.ts'
import { opensUnder } from './shredded.ts'

export interface RetireOptions {
  readonly stores: readonly RecordStore[]
  /** A keyring, or branch keys. */
  readonly keyring: GivenKeys
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
  /** Only where the keys are branch keys. */
  readonly branchKeys?: {
    /** Live ones that the key wraps, or that are too damaged to tell: any of them keeps it in use, with records or without. */
    readonly needed: number
    /** Those that do not open without the key, though their rows name another; by key id, 24 hex digits. */
    readonly failed: Upkeep['failed']
    /** Records whose branch key was destroyed: they need no key any more. */
    readonly destroyedRecords: number
  }
}

/**
 * Takes a key out of use: decrypt-only becomes disabled, at once. Refused while one record claims it, or one branch key that it wraps lives. Before
 * that every record and branch key is opened with a keyring that lacks the key, since a count believes what they claim.
 *
 * @throws KeyfoldError ERR_KEY_UNKNOWN, ERR_KEY_MISMATCH, ERR_INTERRUPTED, ERR_KEY_UNAVAILABLE, ERR_KEY_DENIED; a refusal is in the report
 */
export function retire(options: RetireOptions): Running<OpenProgress, RetireReport> {
  return running((report) => perform(options, report), options.onProgress)
}

async function perform(options: RetireOptions, report: Report): Promise<RetireReport> {
  const { stores, ledger, key } = options
  const keys = await keysOf(options.keyring, ledger)
  ledger.keys.register(keyRoles(keys.keyring))
  const target = findKey(ledger, key)
  const check = new Check(options, keys, target.keyId, report)
  const active = target.state === 'active'
  await check.count(stores)
  if (active || check.isNeeded) return check.report('needed', active)
  if (target.state === 'disabled') return check.report('already-retired')
  await check.openWithout(stores)
  if (check.isDamaged) return check.report('damaged')
  // Opening took its time: an application that still seals under the key shows now.
  await keys.look()
  await check.count(stores)
  if (check.isNeeded) return check.report('needed')
  ledger.keys.setState(key, 'disabled', `retired: no record of ${check.opened} needs it`)
  return check.report('retired')
}

function findKey(ledger: Ledger, id: string): ReturnType<Ledger['keys']['all']>[number] {
  const known = ledger.keys.all()
  const key = known.find((candidate) => candidate.id === id)
  if (key !== undefined) return key
  const near = nearest(id, known.map((candidate) => candidate.id))
  throw rotationError('ERR_KEY_UNKNOWN', `there is no such key${near === undefined ? '' : `; did you mean ${near}?`}`)
}

type Report = (progress: OpenProgress) => void

/** What is found out about a key before it is retired. */
class Check {
  readonly #options: RetireOptions
  readonly #keys: RotationKeys
  readonly #without: RotationKeys
  readonly #keyId: string
  readonly #progress: Report
  readonly #failures: Failures
  #needed: Needed[] = []
  #neededBranchKeys = 0
  #failedBranchKeys: Upkeep['failed'] = []
  #destroyed = 0
  opened = 0

  constructor(options: RetireOptions, keys: RotationKeys, keyId: string, progress: Report) {
    this.#options = options
    this.#keys = keys
    this.#without = keys.lacking(keyId)
    this.#keyId = keyId
    this.#progress = progress
    this.#failures = new Failures(options.ledger.pseudonymKey)
  }

  get isNeeded(): boolean {
    return this.#needed.length > 0 || this.#neededBranchKeys > 0
  }

  get isDamaged(): boolean {
    return this.#failures.total > 0 || this.#failedBranchKeys.length > 0
  }

  /** By what records and branch keys claim. */
  async count(stores: readonly RecordStore[]): Promise<void> {
    const { branchKeys } = this.#keys
    this.#neededBranchKeys = branchKeys === undefined ? 0 : (branchKeys.byMaster.get(this.#keyId) ?? 0) + branchKeys.malformed
    this.#needed = (await countAll(stores)).flatMap((count) => {
      const records = byMaster(count, this.#keys).get(this.#keyId) ?? 0
      return records === 0 ? [] : [{ store: count.store, table: count.table, column: count.column, records }]
    })
  }

  /** Opens everything with the other keys alone. */
  async openWithout(stores: readonly RecordStore[]): Promise<void> {
    const { signal } = this.#options
    this.#failedBranchKeys = await this.#without.openAll(signal)
    const onShredded = (place: ColumnPlace, record: StoredRecord): Promise<void> => this.#lookBehind(place, record)
    const walk = { keys: this.#without, openOne: entryOpener(this.#without), failures: this.#failures, signal, onShredded }
    const total = (await countAll(stores)).reduce((sum, count) => sum + count.total - count.null - count.plaintext, 0)
    for (const store of stores) {
      for (const { table, column } of store.columns) {
        const place = { store: store.name, table, column }
        const progress = (opened: number): void =>
          this.#progress({ ...place, opened: this.opened + opened, failed: this.#failures.total, total })
        this.opened += await openColumn(walk, store, place, () => true, progress)
      }
    }
  }

  /** A record that looks shredded must not be one that needs the key. */
  async #lookBehind(place: ColumnPlace, record: StoredRecord): Promise<void> {
    const master = this.#keys.keyring.find(Buffer.from(this.#keyId, 'hex'))
    if (master !== undefined && (await opensUnder(master, record))) this.#failures.add(place, record, 'ERR_KEY_NOT_FOUND')
    else this.#destroyed++
  }

  report(outcome: RetireReport['outcome'], active = false): RetireReport {
    const { key } = this.#options
    const branchKeys = { needed: this.#neededBranchKeys, failed: this.#failedBranchKeys, destroyedRecords: this.#destroyed }
    const common = { outcome, key, active, needed: this.#needed, opened: this.opened, failed: this.#failures.report() }
    return this.#keys.branchKeys === undefined ? common : { ...common, branchKeys }
  }
}
