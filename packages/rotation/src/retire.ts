import type { RecordStore, StoredRecord } from '@keyfold/core'
import { countAll, usedKeys } from './census.ts'
import type { FailureReport } from './failures.ts'
import { Failures } from './failures.ts'
import { keyRoles } from './key-names.ts'
import type { GivenKeys } from './keys-of.ts'
import { keysOf } from './keys-of.ts'
import type { LedgerOrigin } from './key-states.ts'
import { KeyStates } from './key-states.ts'
import type { KeyDraft } from './ledger/types.ts'
import type { Who } from './ledger/key-changes.ts'
import { wasCompromised } from './ledger/key-changes.ts'
import type { ColumnPlace, Ledger } from './ledger/types.ts'
import type { OpenProgress } from './open-all.ts'
import { entryOpener, openColumn } from './open-all.ts'
import type { Needed, References } from './references.ts'
import { isReferenced, referencesTo } from './references.ts'
import type { RotationKeys, Upkeep } from './rotation-keys.ts'
import type { Running } from './running.ts'
import { running } from './running.ts'
import { opensUnder } from './shredded.ts'
import { whoIs } from './who.ts'
import { withLease } from './with-lease.ts'

export interface RetireOptions {
  readonly stores: readonly RecordStore[]
  /** A keyring, or branch keys. */
  readonly keyring: GivenKeys
  readonly ledger: Ledger
  /** `key-file:2026q3` */
  readonly key: string
  /** Who is said to have done it; the operating system's user where it is left out. */
  readonly by?: string
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: OpenProgress) => void
}

export interface RetireReport {
  /** `needed`: it is the active key, or records claim it. `damaged`: there are records that do not open without it. */
  readonly outcome: 'retired' | 'already-retired' | 'needed' | 'damaged'
  readonly key: string
  readonly active: boolean
  readonly needed: readonly Needed[]
  /** Whether the ledger's own key is under it: a run moves that. */
  readonly ledgerKey: boolean
  readonly ledger: LedgerOrigin
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
 * Takes a key out of use: it becomes disabled, at once. Refused while one record claims it, one branch key that it wraps lives, or the ledger's own
 * key is under it. Before that every record and branch key is opened with a keyring that lacks the key, since a count believes what they claim; and
 * after it all of them are counted once more: where a record under it appeared meanwhile, the key goes back to what it was.
 *
 * @throws KeyfoldError ERR_LEASE_HELD, ERR_KEY_UNKNOWN, ERR_KEY_MISMATCH, ERR_KEY_STATE, ERR_CLOCK, ERR_LEDGER_…, ERR_INTERRUPTED,
 *   ERR_KEY_UNAVAILABLE, ERR_KEY_DENIED; a refusal is in the report
 * @example const { outcome } = await retire({ stores, keyring, ledger, key: 'key-file:2026q3' })
 */
export function retire(options: RetireOptions): Running<OpenProgress, RetireReport> {
  return running((report) => withLease(options.ledger, async () => perform(options, report)), options.onProgress)
}

async function perform(options: RetireOptions, report: Report): Promise<RetireReport> {
  const { stores, ledger, key } = options
  const by = whoIs(options.by)
  const keys = await keysOf(options.keyring, ledger)
  const states = await KeyStates.open(ledger, keys.keyring)
  // A name that nobody knows is refused before the keys of the configuration are registered.
  if (keys.keyring.wrappers.every(({ id }) => id !== key)) states.find(key)
  states.register(keyRoles(keys.keyring), usedKeys(await countAll(stores), keys), by)
  const target = states.find(key)
  const check = new Check(options, keys, states, target.keyId, report)
  const active = target.state === 'active'
  await check.count(stores)
  if (target.state === 'destroyed') return check.report('already-retired')
  if (target.state === 'disabled') return check.isNeeded ? takenBack(check, states, key, by) : check.report('already-retired')
  if (active || check.isNeeded) return check.report('needed', active)
  await check.openWithout(stores)
  if (check.isDamaged) return check.report('damaged')
  states.change((draft) => disable(draft, key, { by, reason: `retired: no record of ${check.opened} needs it` }))
  // Opening took its time: an application that still seals under the key shows now, and a process that starts from here on does not get it.
  await keys.look()
  await check.count(stores)
  return check.isNeeded ? takenBack(check, states, key, by) : check.report('retired')
}

/** The time from which the cool-off counts must not lie in the past. */
function disable(draft: KeyDraft, key: string, who: Who): void {
  draft.assertClock()
  draft.move(key, 'disabled', 'retire', who)
}

/** Also what a kill left between the change and the count after it. */
function takenBack(check: Check, states: KeyStates, key: string, by: string): RetireReport {
  const state = wasCompromised(states.past(key)) ? 'compromised' : 'decrypt-only'
  states.move(key, state, 'enable', { by, reason: 'something under it appeared' })
  return check.report('needed')
}

type Report = (progress: OpenProgress) => void

/** What is found out about a key before it is retired. */
class Check {
  readonly #options: RetireOptions
  readonly #keys: RotationKeys
  readonly #without: RotationKeys
  readonly #states: KeyStates
  readonly #keyId: string
  readonly #progress: Report
  readonly #failures: Failures
  #found: References | undefined
  #failedBranchKeys: Upkeep['failed'] = []
  #destroyed = 0
  opened = 0

  constructor(options: RetireOptions, keys: RotationKeys, states: KeyStates, keyId: string, progress: Report) {
    this.#options = options
    this.#keys = keys
    this.#states = states
    this.#without = keys.lacking(keyId)
    this.#keyId = keyId
    this.#progress = progress
    this.#failures = new Failures(options.ledger.pseudonymKey)
  }

  get isNeeded(): boolean {
    return this.#found !== undefined && isReferenced(this.#found)
  }

  get isDamaged(): boolean {
    return this.#failures.total > 0 || this.#failedBranchKeys.length > 0
  }

  /** By what records and branch keys claim. */
  async count(stores: readonly RecordStore[]): Promise<void> {
    this.#found = await referencesTo(this.#keyId, stores, this.#keys, this.#states)
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
    const { needed = [], ledgerKey = false, branchKeys: wrapped = 0 } = this.#found ?? {}
    const branchKeys = { needed: wrapped, failed: this.#failedBranchKeys, destroyedRecords: this.#destroyed }
    const counted = { needed, ledgerKey, ledger: this.#states.origin }
    const common = { outcome, key, active, ...counted, opened: this.opened, failed: this.#failures.report() }
    return this.#keys.branchKeys === undefined ? common : { ...common, branchKeys }
  }
}
