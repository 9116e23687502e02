import type { BatchOptions, Outcome, PlainRecord, SealedRecord } from './batch-input.ts'
import { openManySteps, reencryptManySteps, rewrapManySteps, sealManySteps } from './batch-steps.ts'
import { sharedBytes } from './bytes.ts'
import { KeyfoldError } from './errors.ts'
import type { KeySource, SyncKeySource } from './key-source.ts'
import type { SameForm, Sealed } from './record.ts'
import { runAsync, runSync } from './steps.ts'

/**
 * Seals many records, each under a data key of its own: what `seal` does, with few calls of the keys. A key that does batches
 * (`BatchKeyWrapper`: key files and branch keys are such) gets up to 1024 data keys a call; any other gets 16 calls at once. All of the batch
 * is sealed, or nothing.
 *
 * @param records at most 65,536, with 256 MiB of plaintext in all
 * @returns the envelopes, in the order of the records
 * @throws KeyfoldError as `seal`, for the first record that cannot be sealed; ERR_LIMIT before any work
 * @example
 * const records = users.map(({ id, ssn }) => ({ plaintext: ssn, context: { table: 'users', column: 'ssn', id } }))
 * const envelopes = await sealMany(keyring, records)
 */
export function sealMany(keys: KeySource, records: readonly PlainRecord[]): Promise<Uint8Array[]> {
  return runAsync(sealManySteps(keys, records))
}

/** As `sealMany`, at once: for keyrings whose sealing keys need no I/O. */
export function sealManySync(keys: SyncKeySource, records: readonly PlainRecord[]): Uint8Array[] {
  return runSync(sealManySteps(keys, records))
}

/**
 * Opens many records, with few calls of the keys. A record that cannot be opened holds up no other. Where a key service is out of reach for 16
 * calls in a row, or for a whole batch, what is left for that key gets the same error without being asked for: try those again later.
 *
 * @param records at most 65,536, with 256 MiB of envelopes in all
 * @returns for each record, in its place, `{ status: 'fulfilled', value }` or `{ status: 'rejected', reason }`; the reason is what `open` would
 *   throw
 * @throws KeyfoldError ERR_LIMIT and ERR_ARGUMENT alone, before any work
 * @example for (const one of await openMany(keyring, rows)) if (one.status === 'rejected') log(one.reason.code)
 */
export async function openMany(keys: KeySource, records: readonly SealedRecord[]): Promise<Array<Outcome<Uint8Array>>> {
  return outcomesOf(await runAsync(openManySteps(keys, records)))
}

/** As `openMany`, at once; ERR_SYNC_UNSUPPORTED in the place of each record whose key needs I/O. */
export function openManySync(keys: SyncKeySource, records: readonly SealedRecord[]): Array<Outcome<Uint8Array>> {
  return outcomesOf(runSync(openManySteps(keys, records)))
}

/**
 * Puts the data keys of many records under the keyring's active key, as `rewrap` does with one. A record that cannot be moved holds up no other;
 * a key that does not wrap takes along all records that were to have an entry of it.
 *
 * @param records as for `openMany`
 * @param options `{ shared: true }` for who writes the envelopes away at once: see `BatchOptions`
 * @returns as `openMany`; an envelope has the form in which it was given
 * @throws KeyfoldError as `openMany`
 */
export async function rewrapMany<E extends Sealed>(
  keys: KeySource,
  records: ReadonlyArray<SealedRecord<E>>,
  options: BatchOptions = {},
): Promise<Array<Outcome<SameForm<E>>>> {
  return outcomesOf(await runAsync(rewrapManySteps(keys, records, allocateFor(options)))) as Array<Outcome<SameForm<E>>>
}

/** As `rewrapMany`, at once. */
export function rewrapManySync<E extends Sealed>(
  keys: SyncKeySource,
  records: ReadonlyArray<SealedRecord<E>>,
  options: BatchOptions = {},
): Array<Outcome<SameForm<E>>> {
  return outcomesOf(runSync(rewrapManySteps(keys, records, allocateFor(options)))) as Array<Outcome<SameForm<E>>>
}

/**
 * Opens many records and seals each anew, under a data key of its own, as `reencrypt` does with one. A record that cannot be opened holds up no
 * other; a key that does not wrap takes along all records that were to have an entry of it.
 *
 * @param records as for `openMany`
 * @param options as for `rewrapMany`
 * @returns as `rewrapMany`
 * @throws KeyfoldError as `openMany`
 * @example
 * const records = rows.map(({ id, ssn }) => ({ envelope: ssn, context: { table: 'users', column: 'ssn', id } }))
 * const outcomes = await reencryptMany(keyring, records)
 */
export async function reencryptMany<E extends Sealed>(
  keys: KeySource,
  records: ReadonlyArray<SealedRecord<E>>,
  options: BatchOptions = {},
): Promise<Array<Outcome<SameForm<E>>>> {
  return outcomesOf(await runAsync(reencryptManySteps(keys, records, allocateFor(options)))) as Array<Outcome<SameForm<E>>>
}

/** As `reencryptMany`, at once. */
export function reencryptManySync<E extends Sealed>(
  keys: SyncKeySource,
  records: ReadonlyArray<SealedRecord<E>>,
  options: BatchOptions = {},
): Array<Outcome<SameForm<E>>> {
  return outcomesOf(runSync(reencryptManySteps(keys, records, allocateFor(options)))) as Array<Outcome<SameForm<E>>>
}

function allocateFor({ shared = false }: BatchOptions) {
  return shared ? sharedBytes() : undefined
}

/** A class, not a literal: see format.ts. */
class Fulfilled<T> {
  readonly status = 'fulfilled'
  readonly value: T

  constructor(value: T) {
    this.value = value
  }
}

function outcomesOf<T>(results: ReadonlyArray<T | KeyfoldError>): Array<Outcome<T>> {
  return results.map((result) => (result instanceof KeyfoldError ? { status: 'rejected', reason: result } : new Fulfilled(result)))
}
