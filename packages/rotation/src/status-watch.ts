import { setTimeout as sleep } from 'node:timers/promises'
import { isKeyfoldError, KeyfoldError } from '@keyfold/core'
import type { Ledger } from './ledger/types.ts'
import type { StatusOptions, StatusReport } from './status.ts'
import { status } from './status.ts'

export interface WatchStatusOptions extends Omit<StatusOptions, 'ledger'> {
  /** As a function it is asked each time, until there is one: a run that begins meanwhile makes it. */
  readonly ledger?: Ledger | undefined | (() => Promise<Ledger | undefined>)
  /** Milliseconds from one report to the next, at least 100; 2000 where it is left out. Longer where counting would take more than a fifth. */
  readonly intervalMs?: number
  /** Ends the iteration, without an error. */
  readonly signal?: AbortSignal | undefined
}

/** A status, and how it moves. */
export interface WatchedStatus extends StatusReport {
  /** When it was counted, ISO 8601. */
  readonly at: string
  /** Records that are where they should be; in a run after a compromise those that it has dealt with. */
  readonly done: number
  readonly total: number
  /** Over the last half minute; null where nothing is known yet. */
  readonly recordsPerSecond: number | null
  /** Null where nothing moves, or nothing is known yet. */
  readonly secondsLeft: number | null
}

const WINDOW_MS = 30_000

/**
 * Reports the status again and again, with the rate at which it changes, whoever rotates. Never ends by itself. Changes nothing; where a lock of
 * somebody else holds up a count, that one is left out.
 *
 * @throws KeyfoldError ERR_ARGUMENT, and what `status` throws
 * @example for await (const { done, total } of watchStatus({ stores, keyring, ledger, signal })) draw(done / total)
 */
export async function* watchStatus(options: WatchStatusOptions): AsyncGenerator<WatchedStatus, void, undefined> {
  const { intervalMs = 2000, signal } = options
  if (!Number.isFinite(intervalMs) || intervalMs < 100) throw new KeyfoldError('ERR_ARGUMENT', 'an interval has at least 100 milliseconds')
  const pace = new Pace()
  let { ledger } = options
  for (;;) {
    if (signal?.aborted === true) return
    const started = performance.now()
    if (typeof ledger === 'function') ledger = (await ledger()) ?? ledger
    const report = await unlessLocked({ ...options, ledger: typeof ledger === 'function' ? undefined : ledger })
    const took = report === undefined ? 0 : performance.now() - started
    if (report !== undefined) yield { ...report, at: new Date().toISOString(), ...pace.of(report) }
    await pause(Math.max(intervalMs, 4 * took), signal)
  }
}

async function unlessLocked(options: StatusOptions): Promise<StatusReport | undefined> {
  try {
    return await status(options)
  } catch (error) {
    if (isKeyfoldError(error, 'ERR_SQLITE_BUSY', 'ERR_LEDGER_BUSY')) return undefined
    throw error
  }
}

async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(milliseconds, undefined, { signal })
  } catch (error) {
    if (signal?.aborted !== true) throw error
  }
}

interface Moment {
  readonly at: number
  readonly done: number
}

/** Tells a rate from the reports of the last half minute, by a clock that nobody sets. */
class Pace {
  #moments: Moment[] = []
  #kind = ''

  of(report: StatusReport): Pick<WatchedStatus, 'done' | 'total' | 'recordsPerSecond' | 'secondsLeft'> {
    const { kind, done, total } = progressIn(report)
    const now = performance.now()
    // Another rotation, or the end of one: what was counted before is of something else.
    if (kind !== this.#kind) this.#moments = []
    this.#kind = kind
    const first = this.#moments.find(({ at }) => now - at <= WINDOW_MS)
    this.#moments = [...this.#moments.filter(({ at }) => now - at <= WINDOW_MS), { at: now, done }]
    if (first === undefined) return { done, total, recordsPerSecond: null, secondsLeft: done >= total ? 0 : null }
    const perSecond = Math.max(0, ((done - first.done) * 1000) / Math.max(1, now - first.at))
    const secondsLeft = done >= total ? 0 : perSecond > 0 ? Math.ceil((total - done) / perSecond) : null
    return { done, total, recordsPerSecond: Math.round(perSecond), secondsLeft }
  }
}

/**
 * After a compromise every record stands under the active key from the beginning: there the rotation's own count tells. Where somebody leaves
 * Keyfold, what is plaintext is done.
 */
function progressIn({ keys, stores, rotation }: StatusReport): { kind: string; done: number; total: number } {
  const sum = (pick: (column: StatusReport['stores'][number]) => number): number => stores.reduce((all, column) => all + pick(column), 0)
  const active = keys.filter(({ state }) => state === 'active').map(({ id }) => id)
  const total = sum((column) => column.total - column.null - (column.destroyed ?? 0))
  const measured = (kind: string, done: number) => ({ kind, done: Math.min(done, total), total })
  if (rotation?.mode === 'unseal') return measured('unseal', sum(({ plaintext }) => plaintext))
  if (rotation?.reason === 'compromise') {
    return measured(`compromise ${rotation.startedAt}`, rotation.sealed + rotation.rewrapped + rotation.reencrypted)
  }
  return measured(active.join(), sum(({ byKey, behind = 0 }) => Math.max(0, ...active.map((id) => byKey[id] ?? 0)) - behind))
}
