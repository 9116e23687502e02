import { createHmac } from 'node:crypto'
import type { StoredRecord } from '@keyfold/core'
import { canonicalContext, KeyfoldError } from '@keyfold/core'
import type { ColumnPlace } from './ledger/types.ts'

/** A record that did not open, without anything of its content or its id. */
export interface FailedRecord extends ColumnPlace {
  /** `rec:` and 16 hex digits: the same record has the same pseudonym in every report of one ledger. */
  readonly record: string
  /** Why: the code of the error. */
  readonly code: string
}

/** The records that did not open: all of them counted, the first of them listed. */
export interface FailureReport {
  readonly total: number
  readonly byCode: Readonly<Record<string, number>>
  readonly records: readonly FailedRecord[]
}

/** So many are listed; a report stays readable, and memory flat, when a million fail. */
const LISTED = 100

/** A key, or the store of branch keys, that is out of reach says nothing about the record: the work stops, and goes on when it is back. */
const KEY_TROUBLE = new Set([
  'ERR_KEY_UNAVAILABLE',
  'ERR_KEY_THROTTLED',
  'ERR_KEY_DENIED',
  'ERR_KEY_DISABLED',
  'ERR_KEY_PENDING_DELETION',
  'ERR_KEY_MISSING',
  'ERR_KEY_SERVICE_RESPONSE',
  'ERR_SYNC_UNSUPPORTED',
  'ERR_BRANCH_KEY_LOCKED',
  'ERR_RUNTIME',
])
const STORE_TROUBLE = /^ERR_SQLITE_/

/** The code of what is wrong with a record. What is not the record's fault is thrown again. */
export function recordFault(error: unknown): string {
  if (!(error instanceof KeyfoldError) || KEY_TROUBLE.has(error.code) || STORE_TROUBLE.test(error.code)) throw error
  return error.code
}

/** Collects failures. */
export class Failures {
  readonly #pseudonymKey: Uint8Array
  readonly #byCode = new Map<string, number>()
  readonly #records: FailedRecord[] = []
  #total = 0

  constructor(pseudonymKey: Uint8Array) {
    this.#pseudonymKey = pseudonymKey
  }

  get total(): number {
    return this.#total
  }

  /** @returns the pseudonym of the record */
  add({ store, table, column }: ColumnPlace, record: StoredRecord, code: string): string {
    this.#total += 1
    this.#byCode.set(code, (this.#byCode.get(code) ?? 0) + 1)
    const name = pseudonym(this.#pseudonymKey, store, record)
    if (this.#records.length < LISTED) this.#records.push({ store, table, column, record: name, code })
    return name
  }

  report(): FailureReport {
    return { total: this.#total, byCode: Object.fromEntries(this.#byCode), records: [...this.#records] }
  }
}

/** Keyed, since a row id is easily guessed from its plain hash. */
function pseudonym(key: Uint8Array, store: string, record: StoredRecord): string {
  return `rec:${createHmac('sha256', key).update(`${store}\0`).update(identityOf(record)).digest('hex').slice(0, 16)}`
}

/** A record whose context has no canonical form (an id that is too long) needs a name too: such records are what a report is about. */
function identityOf({ context, position }: StoredRecord): string | Uint8Array {
  try {
    return canonicalContext(context).bytes
  } catch {
    return position
  }
}
