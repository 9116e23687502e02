import { askStore, everyVersion } from './branch-key-reads.ts'
import { toHex } from './bytes.ts'
import { KeyfoldError } from './errors.ts'
import { parse } from './format.ts'
import type { BranchKeyStore, StoredBranchKey } from './types.ts'

/** What is left of a destroyed partition: which keys it had, and when its records are unreadable. Holds nothing secret. */
export interface BranchKeyReceipt {
  readonly partition: string
  /** Of the destroyed branch keys, 24 hex digits each. */
  readonly keyIds: readonly string[]
  /** Of the master keys (24 hex digits) under which they were when this call destroyed them: what opens a copy of the store from before. */
  readonly masterKeyIds: readonly string[]
  /** ISO 8601, by this machine's clock. */
  readonly destroyedAt: string
  /** When every process with this time to live has forgotten them. ISO 8601. */
  readonly cachesExpireAt: string
  /** What must hold before nobody can read the records. */
  readonly conditions: readonly string[]
}

/** As long as others make keys for the partition at the same time. */
const MOST_ROUNDS = 100

/** Destroys every version in the store. May be called again, after a failure too: what is destroyed stays so. */
export async function shred(store: BranchKeyStore, partition: string, ttlMs: number): Promise<BranchKeyReceipt> {
  const masterKeys = new Set<string>()
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const versions = await everyVersion(store, partition)
    const live = versions.filter(({ sealed }) => sealed !== null)
    if (live.length === 0) return receiptOf(partition, versions, masterKeys, ttlMs)
    for (const key of live) {
      for (const id of masterKeyIdsOf(key)) masterKeys.add(id)
      await askStore(store, (asked) => asked.replace(key, null))
    }
  }
  throw new KeyfoldError('ERR_BRANCH_KEY_STORE', 'the store did not destroy a branch key')
}

/** Of the master keys that wrap a branch key; none for a row that is no envelope: destroying it is right all the same. */
function masterKeyIdsOf({ sealed }: StoredBranchKey): string[] {
  try {
    return parse(sealed!).entries.map(({ keyId }) => toHex(keyId))
  } catch {
    return []
  }
}

function receiptOf(
  partition: string,
  versions: readonly StoredBranchKey[],
  masterKeys: ReadonlySet<string>,
  ttlMs: number,
): BranchKeyReceipt {
  if (versions.length === 0)
    throw new KeyfoldError('ERR_KEY_NOT_FOUND', 'the partition has no branch key', { hint: 'Check the name of the partition, and the store.' })
  const now = Date.now()
  return {
    partition,
    keyIds: versions.map(({ keyId }) => toHex(keyId)),
    masterKeyIds: [...masterKeys],
    destroyedAt: new Date(now).toISOString(),
    cachesExpireAt: new Date(now + ttlMs).toISOString(),
    conditions: [
      'every process that had the keys at hand has forgotten them: its time to live is over, or it has ended',
      'no copy of the store from before remains (backups, replicas, snapshots), or the master keys that wrapped the branch keys are destroyed',
    ],
  }
}
