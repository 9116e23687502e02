/** What is done with a batch of records, in steps: as record.ts does it with one, but each key is asked for all that it is to wrap or unwrap. */
import type { PlainRecord, SealedRecord } from './batch-input.ts'
import { checkBatch } from './batch-input.ts'
import type { Allocate } from './bytes.ts'
import { wipe } from './bytes.ts'
import { canonicalContext } from './context.ts'
import { KeyfoldError } from './errors.ts'
import type { Entry, Envelope } from './format.ts'
import { encode, parse, WrappedEntry } from './format.ts'
import { append, wrapAll } from './key-batch.ts'
import type { KeySource } from './key-source.ts'
import type { OpenedDek, Wanted } from './open-dek.ts'
import { openDeks } from './open-dek.ts'
import type { Draft, Sealed } from './record.ts'
import { draft, finish, foreignEntries, inFormOf, openBody, payloadOf } from './record.ts'
import type { Steps } from './steps.ts'
import { attempt, together } from './steps.ts'
import { toBytes } from './text-form.ts'
import type { CanonicalContext, KeyWrapper } from './types.ts'

/** Something, or why it cannot be. */
type Result<T> = T | KeyfoldError

/** A record whose data key is to be opened. A class, not a literal: see format.ts. */
class BatchRecord implements Wanted {
  /** As it was given. */
  readonly sealed: Sealed
  readonly envelope: Envelope
  readonly context: CanonicalContext
  #opened: OpenedDek | undefined

  constructor({ envelope, context }: SealedRecord) {
    this.sealed = envelope
    this.context = canonicalContext(context)
    this.envelope = parse(toBytes(envelope))
  }

  /** Itself, with its data key. */
  with(opened: OpenedDek): BatchRecord {
    this.#opened = opened
    return this
  }

  get opened(): OpenedDek {
    return this.#opened!
  }

  get dek(): Uint8Array {
    return this.opened.dek
  }
}

export function* sealManySteps(keys: KeySource, records: readonly PlainRecord[]): Steps<Uint8Array[]> {
  checkBatch(records, ({ plaintext }) => plaintext)
  const plain = records.map(({ plaintext, context }, i) =>
    assertGood(
      i,
      attemptNow(() => ({ payload: payloadOf(plaintext), context: canonicalContext(context) })),
    ),
  )
  const drafts: Draft[] = []
  try {
    for (const { payload, context } of plain) drafts.push(draft(payload, context))
    const sealing = yield* sealingForEach(keys, drafts, assertGood)
    const entries = yield* wrapForEach(sealing, drafts)
    return drafts.map((record, i) => finish(record, orThrow(entries[i]!)))
  } finally {
    for (const { dek } of drafts) wipe(dek)
  }
}

/** The keys that are to seal each record. `check` gets what each asking came to, and may throw to end all of it. */
function* sealingForEach(
  keys: KeySource,
  records: ReadonlyArray<{ readonly context: CanonicalContext }>,
  check: (i: number, keys: Result<readonly KeyWrapper[]>) => Result<readonly KeyWrapper[]> = (_, result) => result,
): Steps<Array<Result<readonly KeyWrapper[]>>> {
  const { sealing } = keys
  if (sealing !== undefined) return records.map(() => sealing)
  return yield* together(
    records.map(function* ({ context }, i) {
      return check(i, yield* attempt(keys.sealingKeys(context)))
    }),
  )
}

export function* openManySteps(keys: KeySource, records: readonly SealedRecord[]): Steps<Array<Result<Uint8Array>>> {
  const opened = yield* openAll(keys, records)
  try {
    return opened.map((one) => (one instanceof KeyfoldError ? one : attemptNow(() => openBody(one.envelope, one.opened, one.context))))
  } finally {
    wipeAll(opened)
  }
}

/** Gives each envelope in the form that it was given in. */
export function* rewrapManySteps(keys: KeySource, records: readonly SealedRecord[], allocate?: Allocate): Steps<Array<Result<Sealed>>> {
  const opened = yield* openAll(keys, records)
  try {
    return inFormsOf(opened, yield* forGood(opened, (good) => rewrapOpened(keys, good, allocate)))
  } finally {
    wipeAll(opened)
  }
}

/** A new data key for each. Gives each envelope in the form that it was given in. */
export function* reencryptManySteps(keys: KeySource, records: readonly SealedRecord[], allocate?: Allocate): Steps<Array<Result<Sealed>>> {
  const opened = yield* openAll(keys, records)
  try {
    return inFormsOf(opened, yield* forGood(opened.map(redraft), (good) => sealAgain(keys, good, allocate)))
  } finally {
    wipeAll(opened)
  }
}

/** What was opened, sealed under a new data key that is yet to be wrapped: its plaintext is there no longer than that takes. */
function redraft(opened: Result<BatchRecord>): Result<Draft> {
  if (opened instanceof KeyfoldError) return opened
  return attemptNow(() => {
    const plaintext = openBody(opened.envelope, opened.opened, opened.context)
    try {
      return draft(plaintext, opened.context)
    } finally {
      wipe(plaintext)
    }
  })
}

function* sealAgain(keys: KeySource, drafts: readonly Draft[], allocate: Allocate | undefined): Steps<Array<Result<Uint8Array>>> {
  try {
    const sealing = yield* sealingForEach(keys, drafts)
    const entries = yield* wrapForEach(sealing, drafts)
    return drafts.map((one, i) => attemptNow(() => finish(one, orThrow(entries[i]!), allocate)))
  } finally {
    for (const { dek } of drafts) wipe(dek)
  }
}

function* rewrapOpened(keys: KeySource, records: readonly BatchRecord[], allocate: Allocate | undefined): Steps<Array<Result<Uint8Array>>> {
  const sealing = yield* sealingForEach(keys, records)
  const entries = yield* wrapForEach(sealing, records)
  // Of one entry, none is foreign: most batches have no other, and a step for each record would cost as much as its key work.
  const several = records.some(({ envelope }) => envelope.entries.length > 1)
  const foreign = several ? yield* together(records.map(({ envelope }) => attempt(foreignEntries(keys, envelope)))) : []
  return records.map(({ envelope: { suite, body } }, i) =>
    attemptNow(() => {
      const held = orThrow(entries[i]!)
      const all = several ? held.concat(orThrow(foreign[i]!)) : held
      return encode({ suite, body, entries: all }, allocate)
    }),
  )
}

/** Each envelope in the form that its record was given in: as it was then, whatever the caller has done to his list since. */
function inFormsOf(records: ReadonlyArray<Result<BatchRecord>>, envelopes: ReadonlyArray<Result<Uint8Array>>): Array<Result<Sealed>> {
  return envelopes.map((envelope, i) => attemptNow(() => inFormOf(orThrow(records[i]!).sealed, orThrow(envelope))))
}

/** Opens the data keys of a batch. The caller wipes them. */
function* openAll(keys: KeySource, records: readonly SealedRecord[]): Steps<Array<Result<BatchRecord>>> {
  checkBatch(records, ({ envelope }) => envelope)
  const wanted = records.map((record) => attemptNow(() => new BatchRecord(record)))
  return yield* forGood(wanted, function* (good) {
    const deks = yield* openDeks(keys, good)
    return deks.map((one, i) => (one instanceof KeyfoldError ? one : good[i]!.with(one)))
  })
}

/**
 * Wraps the data key of each record under each of its keys. A key that fails takes the records that it was to seal along; for these, no further
 * key is asked.
 *
 * @param sealing the keys of each record
 */
function* wrapForEach(
  sealing: ReadonlyArray<Result<readonly KeyWrapper[]>>,
  records: ReadonlyArray<Pick<Draft, 'dek' | 'context'>>,
): Steps<Array<Result<Entry[]>>> {
  const results = sealing.map((keys): Result<Entry[]> => (keys instanceof KeyfoldError ? keys : Array.of<Entry>())) // no literal: see format.ts
  for (const [wrapper, group] of byKey(sealing)) {
    const live = group.filter((record) => !(results[record] instanceof KeyfoldError))
    const [deks, contexts] = [live.map((record) => records[record]!.dek), live.map((record) => records[record]!.context)]
    const wraps = yield* attempt(wrapAll(wrapper, deks, contexts))
    live.forEach((record, i) => {
      if (wraps instanceof KeyfoldError) results[record] = wraps
      else {
        const { materialId, bytes } = wraps[i]!
        orThrow(results[record]!)[orThrow(sealing[record]!).indexOf(wrapper)] = new WrappedEntry(wrapper.keyId, materialId, bytes)
      }
    })
  }
  return results
}

/** Records of different partitions have different keys: the places of those that each key is to wrap for. */
function byKey(sealing: ReadonlyArray<Result<readonly KeyWrapper[]>>): Map<KeyWrapper, number[]> {
  const groups = new Map<KeyWrapper, number[]>()
  sealing.forEach((keys, record) => {
    if (!(keys instanceof KeyfoldError)) for (const wrapper of keys) append(groups, wrapper, record)
  })
  return groups
}

/** Works on those that are no error; the errors stay in their places. */
function* forGood<A extends object, B>(
  items: ReadonlyArray<Result<A>>,
  work: (good: readonly A[]) => Steps<Array<Result<B>>>,
): Steps<Array<Result<B>>> {
  const good = items.filter((item): item is A => !(item instanceof KeyfoldError))
  const results = yield* work(good)
  let next = 0
  return items.map((item) => (item instanceof KeyfoldError ? item : results[next++]!))
}

function attemptNow<T>(work: () => T): Result<T> {
  try {
    return work()
  } catch (error) {
    if (error instanceof KeyfoldError) return error
    throw error
  }
}

function orThrow<T>(result: Result<T>): T {
  if (result instanceof KeyfoldError) throw result
  return result
}

/** For what ends the whole batch: says which record it was. */
function assertGood<T>(i: number, result: Result<T>): T {
  if (!(result instanceof KeyfoldError)) return result
  throw new KeyfoldError(result.code, `records[${i}]: ${result.message}`, { hint: result.hint, cause: result.cause })
}

function wipeAll(records: ReadonlyArray<Result<BatchRecord>>): void {
  for (const record of records) if (record instanceof BatchRecord) record.opened.wipe()
}
