/** What is asked of a branch key store, and how far it is believed: what it gives is authenticated later, what it claims is checked here. */
import { destroyed } from './branch-key-seal.ts'
import { KeyfoldError } from './errors.ts'
import type { CoreErrorCode } from './errors.ts'
import type { BranchKeyStore, StoredBranchKey } from './types.ts'

const MOST_CHARACTERS = 255

/** Checks the name of a partition. */
export function checkedName(partition: string, code: CoreErrorCode = 'ERR_ARGUMENT'): string {
  const sound = typeof partition === 'string' && partition !== '' && partition.length <= MOST_CHARACTERS && partition.isWellFormed()
  if (!sound) throw new KeyfoldError(code, `the name of a partition has 1 to ${MOST_CHARACTERS} characters, none of them a lone surrogate`)
  return partition
}

/** Asks a store; ERR_KEY_UNAVAILABLE where it fails, since that says nothing about the key. */
export async function askStore<T>(store: BranchKeyStore, ask: (store: BranchKeyStore) => T | Promise<T>): Promise<T> {
  try {
    return await ask(store)
  } catch (error) {
    if (error instanceof KeyfoldError) throw error
    throw new KeyfoldError('ERR_KEY_UNAVAILABLE', 'the branch key store failed', {
      cause: error,
      hint: 'See the cause. The records are intact: try again when the store can be reached.',
    })
  }
}

/** Every version of a partition, destroyed ones among them. ERR_BRANCH_KEY_STORE for what no partition looks like. */
export async function everyVersion(store: BranchKeyStore, partition: string): Promise<readonly StoredBranchKey[]> {
  const versions = await askStore(store, (asked) => asked.versions(partition))
  let last = 0
  for (const key of versions) {
    const follows = key.partition === partition && Number.isSafeInteger(key.version) && key.version > last
    if (!follows) throw new KeyfoldError('ERR_BRANCH_KEY_STORE', 'the store gave a branch key of another partition, or versions out of order')
    last = key.version
  }
  return versions
}

/**
 * As `everyVersion`, of a partition that lives. One destroyed version says that the partition is to be forgotten, also where a newer one was made
 * in the same moment.
 *
 * @throws KeyfoldError ERR_BRANCH_KEY_DESTROYED
 */
export async function liveVersions(store: BranchKeyStore, partition: string): Promise<readonly StoredBranchKey[]> {
  const versions = await everyVersion(store, partition)
  const gone = versions.find(({ sealed }) => sealed === null)
  if (gone !== undefined) throw destroyed(gone.keyId)
  return versions
}
