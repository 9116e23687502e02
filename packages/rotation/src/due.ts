import type { KeyState } from '@keyfold/core'
import type { Ledger } from './ledger/types.ts'

/** Something about the time of a key that somebody should know, before the rest is read. */
export interface StatusWarning {
  /**
   * `overdue`: its cryptoperiod is over. `due-soon`: it ends within 30 days. `start-unknown`: there is a cryptoperiod, and no ledger says when the
   * key came into use. `clock-behind`: the ledger is of a later time than the clock shows; what is due is judged by the ledger's.
   */
  readonly code: 'overdue' | 'due-soon' | 'start-unknown' | 'clock-behind'
  /** The key; for `clock-behind` null. */
  readonly key: string | null
  readonly due: string | null
  /** Whole days that are left, or that it is overdue, or that the clock is behind. */
  readonly days: number | null
}

interface DueKey {
  readonly id: string
  readonly state: KeyState
  readonly due: string | null
}

const DAY_MS = 86_400_000
/** So long before a key is due, it is said. */
const AHEAD_DAYS = 30
/** Clocks of two machines differ by this much without harm. */
const CLOCK_SKEW_MS = 300_000

/** When a key's cryptoperiod ends: that of the active key, where it is known since when it is that. */
export function dueOf({ state, since }: { readonly state: KeyState; readonly since?: string | undefined }, days: number | undefined): string | null {
  if (state !== 'active' || since === undefined || days === undefined) return null
  return new Date(Date.parse(since) + days * DAY_MS).toISOString().replace(/\.\d+Z$/, 'Z')
}

/** The latest time that the ledger speaks of, in milliseconds; undefined where it speaks of none. */
export function newestTime(ledger: Ledger | undefined): number | undefined {
  if (ledger === undefined) return undefined
  const times = [...ledger.keys.all().map(({ since }) => since), ledger.rotations.unfinished()?.updatedAt ?? []].flat()
  return times.length === 0 ? undefined : Math.max(...times.map((time) => Date.parse(time)))
}

/** @param newest as `newestTime`: a clock that was set back must not make an overdue key look young */
export function warningsOf(keys: readonly DueKey[], days: number | undefined, newest: number | undefined): StatusWarning[] {
  const clock = Date.now()
  const now = Math.max(clock, newest ?? 0)
  const behind: StatusWarning[] =
    now - clock > CLOCK_SKEW_MS ? [{ code: 'clock-behind', key: null, due: null, days: Math.floor((now - clock) / DAY_MS) }] : []
  if (days === undefined) return behind
  return [...keys.filter(({ state }) => state === 'active').flatMap((key) => dueWarning(key, now)), ...behind]
}

function dueWarning({ id: key, due }: DueKey, now: number): StatusWarning[] {
  if (due === null) return [{ code: 'start-unknown', key, due, days: null }]
  const left = Date.parse(due) - now
  if (left <= 0) return [{ code: 'overdue', key, due, days: Math.floor((now - Date.parse(due)) / DAY_MS) }]
  return left <= AHEAD_DAYS * DAY_MS ? [{ code: 'due-soon', key, due, days: Math.floor(left / DAY_MS) }] : []
}
