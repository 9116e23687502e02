import type { Keyring, KeyWrapper } from '@keyfold/core'
import { isRewrapKeyWrapper, isSyncKeyWrapper } from '@keyfold/core'
import { hexOf } from './key-names.ts'
import type { Reason } from './ledger/types.ts'
import type { Plan } from './plan-file.ts'
import type { BranchKeyCount } from './rotation-keys.ts'
import type { WorkAhead } from './work-ahead.ts'
import { recordsIn } from './work-ahead.ts'

/** What a run asks of one master key, at most. */
export interface Calls {
  wraps: number
  unwraps: number
  /** Data keys that the key's own service puts under all sealing keys. */
  moves: number
}

/** Calls of master keys. Under branch keys they go with the number of these, not of the records. */
export function callsAhead(ahead: WorkAhead): ReadonlyMap<KeyWrapper, Calls> {
  const { keys: { keyring, branchKeys } } = ahead
  const calls = new Map(keyring.wrappers.map((wrapper) => [wrapper, { wraps: 0, unwraps: 0, moves: 0 }]))
  const opened = recordsOpened(ahead)
  for (const [wrapper, ofKey] of calls) {
    const how = ahead.within && movesItself(wrapper, keyring, ahead.reason) ? 'moves' : 'unwraps'
    // No service moves a record's data key to a branch key: it does not have that.
    ofKey[branchKeys === undefined ? how : 'unwraps'] += opened.get(wrapper)!
    if (branchKeys !== undefined) ofKey[keyring.sealing.includes(wrapper) ? 'unwraps' : how] += branchKeysOpened(wrapper, branchKeys, ahead)
  }
  const moved = sum(Array.from(calls.values(), ({ moves }) => moves))
  const wrapped = branchKeys === undefined ? sum(ahead.works.map(recordsIn)) : branchKeysWrapped(branchKeys, ahead)
  for (const wrapper of keyring.sealing) calls.get(wrapper)!.wraps += wrapped - moved
  return calls
}

/**
 * As a plan states them: a seal is a wrap by each sealing key, a move also an unwrap, or, where the service moves it, one call for each of these.
 *
 * @param once keys that are called beside, once for each time that they are listed: to ask them beforehand, and for the ledger's own key
 */
export function keyCalls(ahead: WorkAhead, once: readonly KeyWrapper[]): Pick<Plan, 'keyCalls' | 'remoteKeyCalls'> {
  const { sealing } = ahead.keys.keyring
  const beside = (wrapper: KeyWrapper): number => once.filter((called) => called === wrapper).length
  const total = ({ wraps, unwraps, moves }: Calls): number => wraps + unwraps + moves * sealing.length
  const calls = Array.from(callsAhead(ahead), ([wrapper, ofKey]) => [wrapper, total(ofKey) + beside(wrapper)] as const)
  const remote = sum(calls.map(([wrapper, count]) => (isSyncKeyWrapper(wrapper) ? 0 : count)))
  return { keyCalls: Object.fromEntries(calls.map(([{ id }, count]) => [id, count])), remoteKeyCalls: remote }
}

/** Whether the service of a key can move its records to every sealing key; a compromise asks for new data keys. */
function movesItself(source: KeyWrapper, { sealing }: Keyring, reason: Reason): boolean {
  return reason === 'rotation' && isRewrapKeyWrapper(source) && sealing.every((target) => source.canRewrapTo(target))
}

/** Records that are moved and stand under master keys directly, by the key that opens them: of several entries one, of an older key if any. */
function recordsOpened({ keys: { keyring }, counts, works }: WorkAhead): ReadonlyMap<KeyWrapper, number> {
  const opened = new Map(keyring.wrappers.map((wrapper) => [wrapper, 0]))
  const older = keyring.wrappers.filter((wrapper) => !keyring.sealing.includes(wrapper))
  for (const [i, { byKey }] of counts.entries()) {
    let left = works[i]!.rewrap + works[i]!.reencrypt
    for (const wrapper of [...older, ...keyring.sealing]) {
      const some = Math.min(left, byKey.get(hexOf(wrapper.keyId)) ?? 0)
      opened.set(wrapper, opened.get(wrapper)! + some)
      left -= some
    }
  }
  return opened
}

/** To move them; or, those of the active key, to seal and open records with them. */
function branchKeysOpened(wrapper: KeyWrapper, { byMaster, live }: BranchKeyCount, { keys: { keyring }, works }: WorkAhead): number {
  if (!keyring.sealing.includes(wrapper)) return byMaster.get(hexOf(wrapper.keyId)) ?? 0
  return wrapper === keyring.active ? Math.min(live, 2 * sum(works.map(recordsIn))) : 0
}

/** Those that move, those that get a new version, and those that are made for partitions without one. */
function branchKeysWrapped({ behind, exposed, partitions }: BranchKeyCount, { keys, counts, works, reason }: WorkAhead): number {
  const made = counts.map((count, i) => {
    const records = recordsIn(works[i]!)
    if (!keys.countTells(count)) return records
    return records > 0 && keys.currentId(count) === undefined ? 1 : 0
  })
  return behind.length + (reason === 'compromise' ? partitions : exposed) + sum(made)
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
