import type { BranchKeyStore, Keyring, ListedBranchKey } from '@keyfold/core'
import { listBranchKeys } from '@keyfold/core'
import { hexOf } from './key-names.ts'
import type { BranchKeyCount } from './rotation-keys.ts'

/** What is kept of a branch key. */
export interface SeenBranchKey {
  /** 24 hex digits. */
  readonly keyId: string
  readonly partition: Partition
  readonly version: number
  readonly state: ListedBranchKey['state']
  readonly masterKeyIds: readonly string[]
}

interface Partition {
  readonly name: string
  /** The newest version, destroyed or not. */
  newest: SeenBranchKey | undefined
  /** One destroyed version says that the partition is to be forgotten. */
  destroyed: boolean
}

/**
 * All branch keys of a store as they were at one moment, without their bytes. What the rows claim, not authenticated. There may be a million of them,
 * so what many have in common is kept once.
 */
export class BranchKeyView {
  readonly #store: string
  readonly #keys = new Map<string, SeenBranchKey>()
  readonly #partitions = new Map<string, Partition>()
  readonly #masters = new Map<string, readonly string[]>()
  #hasDestroyed = false

  private constructor(store: string) {
    this.#store = store
  }

  static async of(store: BranchKeyStore): Promise<BranchKeyView> {
    const view = new BranchKeyView(store.name)
    for await (const key of listBranchKeys(store)) view.#add(key)
    return view
  }

  #add({ keyId, partition: name, version, state, masterKeyIds }: ListedBranchKey): void {
    const partition = this.#partitions.get(name) ?? { name, newest: undefined, destroyed: false }
    const masters = masterKeyIds.join()
    const key = { keyId, partition, version, state, masterKeyIds: this.#masters.get(masters) ?? masterKeyIds }
    if (version > (partition.newest?.version ?? 0)) partition.newest = key
    partition.destroyed ||= state === 'destroyed'
    this.#hasDestroyed ||= state === 'destroyed'
    this.#partitions.set(name, partition)
    this.#masters.set(masters, key.masterKeyIds)
    this.#keys.set(keyId, key)
  }

  find(keyId: string): SeenBranchKey | undefined {
    return this.#keys.get(keyId)
  }

  /** The key that seals in a partition; undefined where there is none yet, or none any more. */
  sealingKey(partition: string): SeenBranchKey | undefined {
    const known = this.#partitions.get(partition)
    return known === undefined || known.destroyed ? undefined : known.newest
  }

  /** Whether any key was destroyed. */
  get hasDestroyed(): boolean {
    return this.#hasDestroyed
  }

  isDestroyed(partition: string): boolean {
    return this.#partitions.get(partition)?.destroyed === true
  }

  /** The key that seals, of each partition that has one. */
  *sealing(): Generator<SeenBranchKey> {
    for (const { newest, destroyed } of this.#partitions.values()) if (!destroyed && newest !== undefined) yield newest
  }

  *live(): Generator<SeenBranchKey> {
    for (const key of this.#keys.values()) if (key.state === 'live') yield key
  }

  /** Whether what seals is the same as in another view. */
  sealsAs(other: BranchKeyView): boolean {
    let count = 0
    for (const { partition, keyId } of this.sealing()) {
      count++
      if (other.sealingKey(partition.name)?.keyId !== keyId) return false
    }
    return count === Array.from(other.sealing()).length
  }

  count(keyring: Keyring, exposed: ReadonlySet<string>): BranchKeyCount {
    const states = { live: 0, destroyed: 0, malformed: 0 }
    const byMaster = new Map<string, number>()
    const behind: string[] = []
    const settled = new Set(Array.from(this.#masters.values()).filter((masterKeyIds) => standsUnder(keyring, masterKeyIds)))
    for (const { keyId, state, masterKeyIds } of this.#keys.values()) {
      states[state]++
      for (const id of masterKeyIds) byMaster.set(id, (byMaster.get(id) ?? 0) + 1)
      if (state === 'live' && !settled.has(masterKeyIds)) behind.push(keyId)
    }
    const sealing = [...this.sealing()]
    const toRenew = sealing.filter(({ keyId }) => exposed.has(keyId)).length
    const ids = (): string[] => Array.from(this.live(), ({ keyId }) => keyId)
    return { store: this.#store, ...states, byMaster, behind, partitions: sealing.length, exposed: toRenew, ids }
  }
}

/** Whether of these master keys the keyring holds exactly those that seal. */
function standsUnder(keyring: Keyring, masterKeyIds: readonly string[]): boolean {
  const held = keyring.wrappers.filter(({ keyId }) => masterKeyIds.includes(hexOf(keyId)))
  return held.length === keyring.sealing.length && held.every((wrapper) => keyring.sealing.includes(wrapper))
}
