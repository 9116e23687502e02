/**
 * One core for sync and async, as in `@keyfold/core`: an operation on a table is a generator that yields the cells that it wants sealed or
 * opened, and the two drivers below differ in how they ask the keys, and in nothing else.
 */
import type { EncryptionContext, KeySource, SyncKeySource } from '@keyfold/core'
import { isKeyfoldError, KeyfoldError, open, openSync, seal, sealSync } from '@keyfold/core'

/** A cell to seal or to open. */
export type CellJob = {
  readonly context: EncryptionContext
  /** The column's name for errors, `table.column`. */
  readonly column: string
} & ({ readonly seal: Uint8Array } | { readonly open: Uint8Array | string })

/** The cells that an operation waits for; null for NULL, which is neither sealed nor opened. */
type Step = ReadonlyArray<CellJob | null>
type Results = ReadonlyArray<Uint8Array | null>

export type KeySteps<T> = Generator<Step, T, Results>

/** Has cells sealed or opened; the results come in their order. */
export function* withKeys(jobs: Step): KeySteps<Results> {
  return jobs.every((job) => job === null) ? jobs.map(() => null) : yield jobs
}

/** Performs an operation; the cells of a step go to the key wrappers at once. */
export async function runAsync<T>(keys: KeySource, steps: KeySteps<T>): Promise<T> {
  let next = steps.next()
  while (next.done !== true) next = steps.next(await Promise.all(next.value.map((job) => performAsync(keys, job))))
  return next.value
}

/** Performs an operation at once; ERR_SYNC_UNSUPPORTED where a key needs I/O, ERR_BRANCH_KEY_LOCKED where one is not at hand. */
export function runSync<T>(keys: SyncKeySource, steps: KeySteps<T>): T {
  let next = steps.next()
  while (next.done !== true) next = steps.next(next.value.map((job) => performSync(keys, job)))
  return next.value
}

async function performAsync(keys: KeySource, job: CellJob | null): Promise<Uint8Array | null> {
  if (job === null) return null
  try {
    return await ('seal' in job ? seal(keys, job.seal, job.context) : open(keys, job.open, job.context))
  } catch (error) {
    throw inColumn(job.column, error)
  }
}

function performSync(keys: SyncKeySource, job: CellJob | null): Uint8Array | null {
  if (job === null) return null
  try {
    return 'seal' in job ? sealSync(keys, job.seal, job.context) : openSync(keys, job.open, job.context)
  } catch (error) {
    throw inColumn(job.column, error)
  }
}

/** Says in which column an error arose; not in which row, whose id may say more than a log should hold. */
export function inColumn(column: string, error: unknown): unknown {
  if (!isKeyfoldError(error)) return error
  return new KeyfoldError(error.code, `${column}: ${error.message}`, { hint: error.hint, cause: error.cause })
}
