/** What batches take and give, and how much of it. */
import { KeyfoldError } from './errors.ts'
import type { Sealed } from './record.ts'
import type { EncryptionContext } from './types.ts'

/** What one batch may hold. Its caller cuts a larger one, for he knows where. */
export const BATCH_LIMITS = {
  records: 65_536,
  /** 256 MiB in all, characters in the place of bytes for text: plaintexts and envelopes are in memory at once. */
  bytes: 0x1000_0000,
} as const

/** A record that is to be sealed. */
export interface PlainRecord {
  /** Text (stored as UTF-8) or bytes. */
  readonly plaintext: string | Uint8Array
  /** What the record is, such as `{ table, column, id }`. */
  readonly context: EncryptionContext
}

/** A record that is to be opened or moved. */
export interface SealedRecord<E extends Sealed = Sealed> {
  /** The envelope, in its bytes or its text form. */
  readonly envelope: E
  /** The pairs that it was sealed with. */
  readonly context: EncryptionContext
}

/** How envelopes are handed out. */
export interface BatchOptions {
  /**
   * Small envelopes may lie side by side in larger buffers, as small Buffers of Node.js do: a batch is made quicker, while one envelope that is kept
   * keeps its neighbours, and one that is handed to a thread by its buffer takes them along. False by default.
   */
  readonly shared?: boolean
}

/** What became of one record of a batch: of the shape that `Promise.allSettled` gives, with the error's type. */
export type Outcome<T> =
  { readonly status: 'fulfilled'; readonly value: T } | { readonly status: 'rejected'; readonly reason: KeyfoldError }

/** Refuses what is no batch or too large a one, before anything is done with it. */
export function checkBatch<R extends object>(records: readonly R[], payloadOf: (record: R) => unknown): void {
  if (!isArray(records)) throw new KeyfoldError('ERR_ARGUMENT', 'a batch is an array of records')
  if (records.length > BATCH_LIMITS.records) throw overLimit('records', records.length, BATCH_LIMITS.records)
  let bytes = 0
  for (let i = 0; i < records.length; i++) {
    const record = records[i]!
    if (typeof record !== 'object' || record === null) throw new KeyfoldError('ERR_ARGUMENT', `records[${i}] is no object`)
    bytes += lengthOf(payloadOf(record))
  }
  if (bytes > BATCH_LIMITS.bytes) throw overLimit('bytes', bytes, BATCH_LIMITS.bytes)
}

function isArray(value: unknown): boolean {
  return Array.isArray(value)
}

/** What is neither text nor bytes is refused later, where its place is named. */
function lengthOf(payload: unknown): number {
  return typeof payload === 'string' || payload instanceof Uint8Array ? payload.length : 0
}

function overLimit(what: string, count: number, limit: number): KeyfoldError {
  return new KeyfoldError('ERR_LIMIT', `the batch has ${count} ${what}, at most ${limit} are allowed`, {
    hint: 'Cut the batch into several; seal records of hundreds of megabytes one by one, or as streams.',
  })
}
