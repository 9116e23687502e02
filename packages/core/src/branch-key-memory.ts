import { equalBytes, toHex } from './bytes.ts'
import type { StoredBranchKey, SyncBranchKeyStore } from './types.ts'

/**
 * A branch key store that ends with the process, and takes every record sealed under its keys with it: for tests, and for data that lives no
 * longer than the process.
 *
 * @example const keys = createBranchKeys({ keyring, store: memoryBranchKeyStore(), partition: 'cache' })
 */
export function memoryBranchKeyStore(): SyncBranchKeyStore {
  return new BranchKeyTable('memory')
}

/** The rules of a branch key store, over maps. The file store keeps its view of the file in one. */
export class BranchKeyTable implements SyncBranchKeyStore {
  readonly name: string
  readonly #keys = new Map<string, StoredBranchKey>()
  readonly #partitions = new Map<string, StoredBranchKey['keyId'][]>()
  /** Key ids in order; made when it is asked for. */
  #order: readonly string[] | undefined

  constructor(name: string) {
    this.name = name
  }

  versions(partition: string): StoredBranchKey[] {
    const keys = (this.#partitions.get(partition) ?? []).map((keyId) => this.find(keyId)!)
    return keys.sort((one, other) => one.version - other.version)
  }

  find(keyId: Uint8Array): StoredBranchKey | undefined {
    const found = this.#keys.get(toHex(keyId))
    return found && copyOf(found)
  }

  insert(key: StoredBranchKey): boolean {
    if (this.#keys.has(toHex(key.keyId)) || this.versions(key.partition).some(({ version }) => version === key.version)) return false
    const kept = copyOf(key)
    this.#keys.set(toHex(key.keyId), kept)
    this.#partitions.set(key.partition, [...(this.#partitions.get(key.partition) ?? []), kept.keyId])
    this.#order = undefined
    return true
  }

  replace(key: StoredBranchKey, sealed: Uint8Array | null): boolean {
    const known = this.#keys.get(toHex(key.keyId))
    if (known === undefined || known.sealed === null || key.sealed === null || !equalBytes(known.sealed, key.sealed)) return false
    this.#keys.set(toHex(key.keyId), copyOf({ ...known, sealed }))
    return true
  }

  list({ after, limit }: { readonly after?: Uint8Array; readonly limit: number }): StoredBranchKey[] {
    this.#order ??= [...this.#keys.keys()].sort()
    const from = after === undefined ? 0 : firstBehind(this.#order, toHex(after))
    return this.#order.slice(from, from + limit).map((id) => copyOf(this.#keys.get(id)!))
  }
}

/** Where the first text behind `text` stands in a sorted list. */
function firstBehind(sorted: readonly string[], text: string): number {
  let from = 0
  let to = sorted.length
  while (from < to) {
    const middle = (from + to) >>> 1
    if (sorted[middle]! > text) to = middle
    else from = middle + 1
  }
  return from
}

function copyOf(key: StoredBranchKey): StoredBranchKey {
  return { ...key, keyId: Uint8Array.from(key.keyId), sealed: key.sealed && Uint8Array.from(key.sealed) }
}
