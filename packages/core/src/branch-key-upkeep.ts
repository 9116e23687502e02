/** What is done with all branch keys of a store at once. */
import { askStore } from './branch-key-reads.ts'
import { rewrapBranchKey } from './branch-key-seal.ts'
import { toHex } from './bytes.ts'
import { isKeyfoldError, KeyfoldError } from './errors.ts'
import { inspect, isCurrent } from './inspect.ts'
import type { Keyring } from './keyring.ts'
import type { BranchKeyStore, StoredBranchKey } from './types.ts'

/** A branch key as a census sees it. */
export interface ListedBranchKey extends Omit<StoredBranchKey, 'keyId' | 'sealed'> {
  /** 24 hex digits: the key id in the envelopes of records. */
  readonly keyId: string
  /** `malformed`: its row is no envelope. */
  readonly state: 'live' | 'destroyed' | 'malformed'
  /** Key ids of the master keys that wrap it, 24 hex digits each. Claimed by the row, not authenticated. */
  readonly masterKeyIds: readonly string[]
}

/** How far `rewrapBranchKeys` is. */
export interface BranchKeyProgress {
  readonly seen: number
  readonly rewrapped: number
  /** Were under the active key already. */
  readonly current: number
  readonly destroyed: number
  /** Another process changed them in the same moment: run again to be sure of them. */
  readonly changed: number
  /** Altered rows, and keys under a master key that the keyring lacks. */
  readonly failed: ReadonlyArray<{ readonly keyId: string; readonly code: string }>
}

const PAGE = 256
const CONCURRENT_CALLS = 16

/** Every branch key of a store, in the order of the key ids. Needs no key. */
export async function* listBranchKeys(store: BranchKeyStore): AsyncGenerator<ListedBranchKey, void> {
  for await (const page of pagesOf(store)) yield* page.map(listed)
}

function listed({ partition, version, keyId, createdAt, sealed }: StoredBranchKey): ListedBranchKey {
  const key = { partition, version, keyId: toHex(keyId), createdAt }
  if (sealed === null) return { ...key, state: 'destroyed', masterKeyIds: [] }
  try {
    return { ...key, state: 'live', masterKeyIds: inspect(sealed).entries.map((entry) => entry.keyId) }
  } catch {
    return { ...key, state: 'malformed', masterKeyIds: [] }
  }
}

/**
 * Rotates the master key: puts every branch key of the store under the keyring's active key. Records do not change, and still open: they are
 * under the branch keys. Two calls of a key service for each branch key.
 *
 * @param options `within`: as for `rewrap`, the service moves a key by itself where it can (AWS KMS: ReEncrypt), in one call; `signal` stops it
 * @returns progress after every 256 keys; at the end, the totals
 * @throws KeyfoldError what a key or the store says that is out of reach or refuses; ERR_INTERRUPTED after `signal`. Run it again: what is done stays
 * @example for await (const { seen } of rewrapBranchKeys(keyring, store)) console.log(seen)
 */
export async function* rewrapBranchKeys(
  keyring: Keyring,
  store: BranchKeyStore,
  { signal, within = false }: { readonly signal?: AbortSignal | undefined; readonly within?: boolean | undefined } = {},
): AsyncGenerator<BranchKeyProgress, BranchKeyProgress> {
  const progress = { seen: 0, rewrapped: 0, current: 0, destroyed: 0, changed: 0, failed: [] as Array<{ keyId: string; code: string }> }
  for await (const page of pagesOf(store)) {
    for (let at = 0; at < page.length; at += CONCURRENT_CALLS) {
      if (signal?.aborted === true) throw new KeyfoldError('ERR_INTERRUPTED', 'the work on the branch keys was stopped')
      // all of them end before an error is passed on: no call is left running behind it
      const ends = await Promise.allSettled(page.slice(at, at + CONCURRENT_CALLS).map((key) => rewrapOne(keyring, store, key, within)))
      for (const [i, end] of ends.entries()) {
        if (end.status === 'fulfilled') progress[end.value]++
        else progress.failed.push({ keyId: toHex(page[at + i]!.keyId), code: codeOfBadKey(end.reason) })
      }
    }
    progress.seen += page.length
    yield { ...progress, failed: [...progress.failed] }
  }
  return progress
}

type Done = 'rewrapped' | 'current' | 'destroyed' | 'changed'

async function rewrapOne(keyring: Keyring, store: BranchKeyStore, key: StoredBranchKey, within: boolean): Promise<Done> {
  if (key.sealed === null) return 'destroyed'
  if (looksCurrent(keyring, key.sealed)) return 'current'
  const sealed = await rewrapBranchKey(keyring, key, within)
  return (await askStore(store, (asked) => asked.replace(key, sealed))) ? 'rewrapped' : 'changed'
}

/** What is no envelope is not current: rewrapping it gives the error. */
function looksCurrent(keyring: Keyring, sealed: Uint8Array): boolean {
  try {
    return isCurrent(keyring, sealed)
  } catch {
    return false
  }
}

/** The code of an error that is about one branch key; any other is thrown on. */
function codeOfBadKey(error: unknown): string {
  if (isKeyfoldError(error, 'ERR_BRANCH_KEY_STORE', 'ERR_KEY_NOT_FOUND')) return error.code
  throw error
}

async function* pagesOf(store: BranchKeyStore): AsyncGenerator<readonly StoredBranchKey[], void> {
  let after: Uint8Array | undefined
  for (;;) {
    const options = after === undefined ? { limit: PAGE } : { limit: PAGE, after }
    const page = await askStore(store, (asked) => asked.list(options))
    if (page.length > 0) yield page
    if (page.length < PAGE) return
    after = page.at(-1)!.keyId
  }
}
