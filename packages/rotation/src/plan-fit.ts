import { createHash } from 'node:crypto'
import type { Keyring, RecordStore } from '@keyfold/core'
import type { Json } from './canonical-json.ts'
import { canonicalJson } from './canonical-json.ts'
import type { PlacedCensus } from './census.ts'
import { byMaster } from './census.ts'
import { rotationError } from './errors.ts'
import { hexOf, keyNames } from './key-names.ts'
import type { ColumnPlace, Reason } from './ledger/types.ts'
import type { Plan } from './plan-file.ts'
import type { RotationKeys } from './rotation-keys.ts'
import type { Work } from './work-ahead.ts'
import { recordsIn, workAhead } from './work-ahead.ts'

/** What a plan is held against. */
export interface Circumstances {
  readonly stores: readonly RecordStore[]
  readonly keys: RotationKeys
  readonly config?: Json
  readonly reason?: Reason
  readonly counts: readonly PlacedCensus[]
  readonly now: Date
}

/** The plan may come from another machine. */
const CLOCK_SKEW_MS = 600_000
/** An application goes on writing after the plan: a tenth more than it counted, or so many records, are its share. */
const MORE_RECORDS = 1000

/**
 * Refuses a plan that no longer fits. That fewer records are left than it counted is no matter: a plan whose run was cut fits the rest. That there
 * are many more is: an older copy of the database was put back, say, and the run would cost what nobody agreed to.
 *
 * @throws KeyfoldError ERR_PLAN_EXPIRED, ERR_PLAN_STALE
 */
export function checkFit(plan: Plan, { stores, keys, config, reason, counts, now }: Circumstances): void {
  if (now.getTime() + CLOCK_SKEW_MS < Date.parse(plan.createdAt)) {
    throw stale(`it is of ${plan.createdAt}, and the clock has not come there yet: whether it expired nobody can tell`)
  }
  if (now.getTime() >= Date.parse(plan.expiresAt)) throw rotationError('ERR_PLAN_EXPIRED', `the plan expired at ${plan.expiresAt}`)
  if (plan.reason === 'compromise' && reason === 'rotation') throw stale('it re-encrypts after a compromise, and a plain rotation was asked for')
  if (plan.binds.config !== configHash(config)) throw stale('the configuration is not the one that it was made from')
  checkKeys(plan, keys.keyring)
  checkColumns(plan, stores)
  checkSeen(plan, keys, counts)
  checkAmount(plan, workAhead({ stores, keys, counts, reason: plan.reason, within: false }).works)
}

export function configHash(config: Json | undefined): string | null {
  return config === undefined ? null : createHash('sha256').update(canonicalJson(config)).digest('hex')
}

/** The keys of a keyring as a plan binds them. */
export function boundKeys(keyring: Keyring): Plan['binds']['keys'] {
  return keyring.wrappers.map((wrapper) => ({
    id: wrapper.id,
    keyId: hexOf(wrapper.keyId),
    role: keyring.sealing.includes(wrapper) ? 'active' : 'decrypt-only',
  }))
}

/** The columns of all stores, in their order. */
function placesOf(stores: readonly RecordStore[]): ColumnPlace[] {
  return stores.flatMap(({ name, columns }) => columns.map(({ table, column }) => ({ store: name, table, column })))
}

/** The master keys that records come down to: a new branch key under one of them changes nothing for a plan. */
export function seenKeys(counts: readonly PlacedCensus[], keys: RotationKeys): string[] {
  return [...new Set(counts.flatMap((count) => [...byMaster(count, keys).keys()]))].sort()
}

function checkKeys({ binds }: Plan, keyring: Keyring): void {
  const now = boundKeys(keyring)
  const same = (a: (typeof now)[number], b: (typeof now)[number]): boolean => a.id === b.id && a.keyId === b.keyId && a.role === b.role
  const gone = binds.keys.filter((key) => !now.some((other) => same(key, other)))
  const changed = [...gone, ...now.filter((key) => !binds.keys.some((other) => same(key, other)))]
  if (changed.length > 0) throw stale(`the keys are not those that it was made with: ${[...new Set(changed.map(({ id }) => id))].join(', ')}`)
}

function checkColumns({ columns }: Plan, stores: readonly RecordStore[]): void {
  const key = ({ store, table, column }: ColumnPlace): string => canonicalJson([store, table, column])
  const planned = columns.map(key)
  const now = placesOf(stores).map(key)
  if (planned.length !== now.length || planned.some((place) => !now.includes(place))) throw stale('the stores have other columns than it counted')
}

/** A key that no record claimed then: an older copy of the database was put back, or somebody else seals into it. */
function checkSeen({ binds }: Plan, keys: RotationKeys, counts: readonly PlacedCensus[]): void {
  const { keyring } = keys
  const known = new Set([...binds.seen, ...keyring.sealing.map(({ keyId }) => hexOf(keyId))])
  const strange = seenKeys(counts, keys).filter((keyId) => !known.has(keyId))
  if (strange.length > 0) throw stale(`there are records under a key that it did not count: ${strange.map(keyNames(keyring)).join(', ')}`)
}

function checkAmount({ totals }: Plan, works: readonly Work[]): void {
  const sum = (pick: (work: Work) => number): number => works.reduce((total, work) => total + pick(work), 0)
  const kinds: ReadonlyArray<readonly [what: string, pick: (work: Work) => number]> = [
    ['to seal', ({ seal }) => seal],
    // what was sealed since may be among those that a compromise re-encrypts
    ['to seal or move', recordsIn],
  ]
  for (const [what, pick] of kinds) {
    const [then, now] = [pick(totals), sum(pick)]
    if (now > then + Math.max(MORE_RECORDS, then / 10)) throw stale(`there are ${now} records ${what}, and it counted ${then}`)
  }
}

function stale(fact: string): Error {
  return rotationError('ERR_PLAN_STALE', `the plan no longer fits: ${fact}`)
}
