import type { BranchKeyProgress, BranchKeys } from '@keyfold/core'
import { isKeyfoldError, rewrapBranchKeys } from '@keyfold/core'
import type { BranchKeyView } from './branch-key-view.ts'
import { rotationError } from './errors.ts'
import { recordFault } from './failures.ts'
import type { Upkeep, UpkeepOptions } from './rotation-keys.ts'

/**
 * Makes a new version where the newest one was exposed, then puts every branch key under the active master key. Each key is replaced only if it is
 * still what was read: killed anywhere, a second call does what is left. A key that is altered, or under a master key that is not held, is reported.
 *
 * @throws KeyfoldError where a key service or the store is out of reach
 */
export async function maintain(
  keys: BranchKeys,
  view: BranchKeyView,
  exposed: ReadonlySet<string>,
  options: UpkeepOptions,
): Promise<Upkeep> {
  let renewed = 0
  for (const { partition, keyId } of view.sealing()) {
    if (!exposed.has(keyId)) continue
    if (options.signal?.aborted === true) return { rewrapped: 0, renewed, failed: [], interrupted: true }
    if (await renew(keys, partition.name)) renewed++
  }
  const { rewrapped, failed, interrupted } = await rewrap(keys, options)
  return { rewrapped, renewed, failed, interrupted }
}

/** False where the partition was destroyed in the same moment: nothing seals in it any more. */
async function renew(keys: BranchKeys, partition: string): Promise<boolean> {
  try {
    await keys.rotate(partition)
    return true
  } catch (error) {
    if (isKeyfoldError(error, 'ERR_BRANCH_KEY_DESTROYED')) return false
    throw error
  }
}

/** Opens every live branch key of a store with the keyring; those that do not open. */
export async function openBranchKeys(keys: BranchKeys, view: BranchKeyView, signal: AbortSignal | undefined): Promise<Upkeep['failed']> {
  const failed: Array<{ keyId: string; code: string }> = []
  for (const { keyId } of view.live()) {
    if (signal?.aborted === true) throw rotationError('ERR_INTERRUPTED', 'interrupted while branch keys were opened; nothing was changed')
    try {
      await openOne(keys, keyId)
    } catch (error) {
      // destroyed since the view was taken: needs nothing
      if (!isKeyfoldError(error, 'ERR_BRANCH_KEY_DESTROYED')) failed.push({ keyId, code: recordFault(error) })
    }
  }
  return failed
}

/** Asks for the key as opening a record does, and waits where that does. */
async function openOne(keys: BranchKeys, keyId: string): Promise<void> {
  const steps = keys.openingKey(Buffer.from(keyId, 'hex'))
  for (let next = steps.next(); next.done !== true; ) next = await next.value.async().then((result) => steps.next(result))
}

type Rewrapped = Pick<BranchKeyProgress, 'rewrapped' | 'failed'> & { readonly interrupted: boolean }

async function rewrap({ keyring, store }: BranchKeys, options: UpkeepOptions): Promise<Rewrapped> {
  let last: Pick<BranchKeyProgress, 'rewrapped' | 'failed'> = { rewrapped: 0, failed: [] }
  try {
    for await (const progress of rewrapBranchKeys(keyring, store, options)) last = progress
    return { ...last, interrupted: false }
  } catch (error) {
    if (isKeyfoldError(error, 'ERR_INTERRUPTED')) return { ...last, interrupted: true }
    throw error
  }
}
