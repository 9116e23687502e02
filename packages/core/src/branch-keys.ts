/** Branch keys: records are sealed locally under intermediate keys, and the key service is called once for each of these (docs/branch-keys.md). */
import { BoundedMap } from './bounded-map.ts'
import type { BranchKeyLimits } from './branch-key-limits.ts'
import { checkedLimits } from './branch-key-limits.ts'
import { askStore, checkedName, liveVersions } from './branch-key-reads.ts'
import type { OpenBranchKey } from './branch-key-seal.ts'
import { branchKeyName, makeBranchKey, openBranchKey } from './branch-key-seal.ts'
import type { BranchKeyReceipt } from './branch-key-shred.ts'
import { shred } from './branch-key-shred.ts'
import { equalBytes } from './bytes.ts'
import { canonicalContext } from './context.ts'
import { KeyfoldError } from './errors.ts'
import { InFlight } from './in-flight.ts'
import type { KeySource } from './key-source.ts'
import type { Keyring } from './keyring.ts'
import type { Steps } from './steps.ts'
import { perform } from './steps.ts'
import type { BranchKeyStore, CanonicalContext, EncryptionContext, KeyWrapper, StoredBranchKey, SyncKeyWrapper } from './types.ts'

export interface BranchKeysOptions extends BranchKeyLimits {
  /** Its active key (and recovery keys) wrap the branch keys; records that were sealed under it directly open too. */
  readonly keyring: Keyring
  readonly store: BranchKeyStore
  /** Which branch key a record belongs to: always the one of this name, or the one named by this pair of the record's context. */
  readonly partition: string | { readonly by: string }
}

/** A branch key at hand. */
interface Held extends OpenBranchKey {
  /** On the monotonic clock. */
  readonly expiresAt: number
  /** Records that were sealed under it here; one count for all that is held of one key. */
  readonly uses: { count: number }
}

/** What is known of a partition. */
interface Partition {
  /** Its newest key: the one that seals. */
  readonly sealing: Held
  /** Every version, the oldest first. */
  readonly versions: readonly StoredBranchKey[]
}

const CONCURRENT_CALLS = 16

/** The branch keys of an application. Goes wherever a keyring goes. Made by `createBranchKeys`. */
export class BranchKeys implements KeySource<SyncKeyWrapper> {
  readonly keyring: Keyring
  readonly store: BranchKeyStore
  readonly #partition: BranchKeysOptions['partition']
  readonly #limits: Required<BranchKeyLimits>
  readonly #held: BoundedMap<string, Held>
  readonly #partitions: BoundedMap<string, Partition>
  readonly #opening = new InFlight<Held>()
  readonly #finding = new InFlight<Held | undefined>()
  readonly #loading = new InFlight<Partition>()

  constructor(options: BranchKeysOptions) {
    this.keyring = options.keyring
    this.store = options.store
    this.#partition = checkedPartition(options.partition)
    this.#limits = checkedLimits(options)
    this.#held = new BoundedMap(this.#limits.maxKeys)
    this.#partitions = new BoundedMap(this.#limits.maxKeys)
  }

  /** The same branch keys, opened by another keyring (or the same), with nothing at hand yet: what is done with them leaves these as they are. */
  withKeyring(keyring: Keyring): BranchKeys {
    return new BranchKeys({ ...this.#limits, keyring, store: this.store, partition: this.#partition })
  }

  /** The partition of a record. ERR_CONTEXT_INVALID where its context does not name one. */
  partitionOf(context: EncryptionContext): string {
    return this.#partitionIn(canonicalContext(context))
  }

  /**
   * Gets every version of these partitions at hand, and makes a first one where there is none: the sync twins work with them until the time to
   * live is over. Asks store and key service only where less than half of that time is left, so that it may be called often.
   *
   * @throws KeyfoldError ERR_LIMIT for more keys than `maxKeys`; ERR_BRANCH_KEY_DESTROYED; what keyring and store throw
   */
  async unlock(partitions: Iterable<string>): Promise<void> {
    const names = [...new Set(partitions)].map((name) => checkedName(name))
    const until = monotonic() + this.#limits.ttlMs / 2
    let keys = 0
    for (let at = 0; at < names.length; at += CONCURRENT_CALLS) {
      const counts = await allOf(names.slice(at, at + CONCURRENT_CALLS).map((name) => this.#unlock(name, until)))
      keys += counts.reduce((sum, count) => sum + count)
      if (keys > this.#limits.maxKeys)
        throw new KeyfoldError('ERR_LIMIT', `more branch keys are to be at hand than maxKeys, ${this.#limits.maxKeys}, allows`, {
          hint: 'Raise maxKeys, or unlock fewer partitions at once.',
        })
    }
  }

  /**
   * Makes a new version of a partition's key, which seals from now on; other processes follow within their time to live. What is sealed under
   * older ones still opens, and moves to the new one by `rewrap`.
   *
   * @throws KeyfoldError as `seal`
   */
  async rotate(partition: string): Promise<{ readonly version: number; readonly keyId: Uint8Array }> {
    const { sealing } = await this.#load(checkedName(partition), 0, true)
    return { version: sealing.version, keyId: Uint8Array.from(sealing.wrapper.keyId) }
  }

  /**
   * Destroys every version of a partition's key for good: crypto-shredding. Its records are unreadable once the conditions in the receipt hold, and
   * nothing is sealed for it again. After an error, call it again.
   *
   * @throws KeyfoldError ERR_KEY_NOT_FOUND for a partition without a key; what the store throws
   */
  async destroy(partition: string): Promise<BranchKeyReceipt> {
    const receipt = await shred(this.store, checkedName(partition), this.#limits.ttlMs)
    this.forget()
    return receipt
  }

  /** Forgets every key at hand; what needs one next asks store and key service again. */
  forget(): void {
    this.#held.clear()
    this.#partitions.clear()
  }

  /** The newest branch key of the record's partition; made where there is none, or where the newest one is past its limits. */
  *sealingKeys(context: CanonicalContext): Steps<readonly SyncKeyWrapper[]> {
    const partition = this.#partitionIn(context)
    const known = this.#partitions.get(partition)
    const { sealing } =
      known !== undefined && isFresh(known.sealing) && !this.#isWorn(known.sealing)
        ? known
        : yield* perform({ async: () => this.#load(partition), sync: () => notAtHand('the branch key of the record’s partition') })
    sealing.uses.count++
    this.#held.get(idOf(sealing.wrapper.keyId)) // used, so that others make room first
    return [sealing.wrapper]
  }

  /** The branch key of this id, or the master key: records that were sealed before there were branch keys open too. */
  *openingKey(keyId: Uint8Array): Steps<KeyWrapper | undefined> {
    const master = this.keyring.find(keyId)
    if (master !== undefined) return master
    const known = this.#held.get(idOf(keyId))
    const held =
      known !== undefined && isFresh(known)
        ? known
        : yield* perform({ async: () => this.#find(keyId), sync: () => notAtHand(branchKeyName(keyId)) })
    if (held !== undefined) this.#assertNewEnough(held)
    return held?.wrapper
  }

  #partitionIn({ pairs }: CanonicalContext): string {
    if (typeof this.#partition === 'string') return this.#partition
    const { by } = this.#partition
    const pair = pairs.find(([key]) => key === by)
    if (pair === undefined) throw new KeyfoldError('ERR_CONTEXT_INVALID', `the encryption context has no ${by}, which names the branch key`)
    return checkedName(pair[1], 'ERR_CONTEXT_INVALID')
  }

  #isWorn({ createdAt, uses }: Pick<Held, 'createdAt' | 'uses'>): boolean {
    return uses.count >= this.#limits.maxUses || Date.now() - createdAt >= this.#limits.maxAgeMs
  }

  #assertNewEnough({ partition, version, wrapper }: Held): void {
    const { minimumVersion } = this.#limits
    const ofPartition = typeof minimumVersion === 'object' && Object.hasOwn(minimumVersion, partition) ? minimumVersion[partition]! : 1
    const least = typeof minimumVersion === 'number' ? minimumVersion : ofPartition
    if (version < least) throw new KeyfoldError('ERR_KEY_TOO_OLD', `${wrapper.id} is of version ${version}, at least ${least} is asked for`)
  }

  /** @returns how many keys are at hand for it */
  async #unlock(partition: string, until: number): Promise<number> {
    const known = this.#partitions.get(partition)
    const fresh = known !== undefined && isFresh(known.sealing, until) && !this.#isWorn(known.sealing)
    const { versions } = fresh ? known : await this.#load(partition, until)
    const asked = monotonic()
    await allOf(versions.map((stored) => this.#open(stored, asked, until)))
    return versions.length
  }

  /** Reads a partition from the store, and opens its newest key or makes one. Those who ask at the same time share it. */
  #load(partition: string, until = monotonic(), renew = false): Promise<Partition> {
    return this.#loading.once(`${renew} ${partition}`, async () => {
      const asked = monotonic()
      // what was made while the store answered need not be in its answer
      const seen = this.#partitions.get(partition)?.sealing.version ?? 0
      const versions = await liveVersions(this.store, partition)
      const newest = versions.at(-1)
      if ((newest?.version ?? 0) < seen)
        throw new KeyfoldError('ERR_BRANCH_KEY_STORE', `the store no longer has version ${seen} of a branch key, which it had before`)
      const worn = newest === undefined || renew || this.#isWorn({ ...newest, uses: this.#usesOf(newest.keyId) })
      return this.#keep(partition, worn ? await this.#make(partition, newest) : { sealing: await this.#open(newest, asked, until), versions })
    })
  }

  /** A version that was made meanwhile is not given up for an older one. */
  #keep(partition: string, loaded: Partition): Partition {
    const known = this.#partitions.get(partition)
    if (known !== undefined && known.sealing.version > loaded.sealing.version) return known
    this.#partitions.set(partition, loaded)
    return loaded
  }

  /** Makes the version behind `newest`. It seals nothing before the store has shown that it kept it. */
  async #make(partition: string, newest: StoredBranchKey | undefined): Promise<Partition> {
    const version = (newest?.version ?? 0) + 1
    const asked = monotonic()
    const { stored, open } = await makeBranchKey(this.keyring, { partition, version, createdAt: Date.now() })
    await askStore(this.store, (store) => store.insert(stored))
    const versions = await liveVersions(this.store, partition)
    const last = versions.at(-1)
    if (last === undefined || last.version < version) throw new KeyfoldError('ERR_BRANCH_KEY_STORE', 'the store did not keep a new branch key')
    // Where another process was first, its key is as good.
    const ours = equalBytes(last.keyId, stored.keyId) && equalBytes(last.sealed!, stored.sealed!)
    return { sealing: ours ? this.#hold(open, asked) : await this.#open(last, asked), versions }
  }

  #find(keyId: Uint8Array): Promise<Held | undefined> {
    return this.#finding.once(idOf(keyId), async () => {
      const asked = monotonic()
      const stored = await askStore(this.store, (store) => store.find(keyId))
      if (stored === undefined) return undefined
      if (!equalBytes(stored.keyId, keyId)) throw new KeyfoldError('ERR_BRANCH_KEY_STORE', 'the store gave another branch key than was asked for')
      return this.#open(stored, asked)
    })
  }

  /** The key of a row that was read at `asked`; calls the key service where what is at hand is not fresh until `until`. */
  #open(stored: StoredBranchKey, asked: number, until = monotonic()): Promise<Held> {
    return this.#opening.once(idOf(stored.keyId), async () => {
      const held = this.#held.get(idOf(stored.keyId))
      if (held !== undefined && isFresh(held, until)) return held
      return this.#hold(await openBranchKey(this.keyring, stored), asked)
    })
  }

  #hold(open: OpenBranchKey, asked: number): Held {
    const held = { ...open, expiresAt: asked + this.#limits.ttlMs, uses: this.#usesOf(open.wrapper.keyId) }
    this.#held.set(idOf(open.wrapper.keyId), held)
    return held
  }

  #usesOf(keyId: Uint8Array): Held['uses'] {
    return this.#held.get(idOf(keyId))?.uses ?? { count: 0 }
  }
}

/**
 * Makes the branch keys of an application. A branch key is a key of 32 bytes that wraps the data keys of records; the keyring wraps it, and the store
 * keeps it. Sealing and opening call the key service only where a branch key is not at hand: when it is first used, and once in each time to live.
 *
 * @throws KeyfoldError ERR_ARGUMENT
 * @example
 * const keys = createBranchKeys({ keyring, store: memoryBranchKeyStore(), partition: { by: 'tenant' } })
 * const envelope = await seal(keys, 'text', { tenant: '7', table: 'notes', id: '1' })
 */
export function createBranchKeys(options: BranchKeysOptions): BranchKeys {
  return new BranchKeys(options)
}

function checkedPartition(partition: BranchKeysOptions['partition']): BranchKeysOptions['partition'] {
  if (typeof partition === 'string') return checkedName(partition)
  if (typeof partition?.by === 'string' && partition.by !== '') return { by: partition.by }
  throw new KeyfoldError('ERR_ARGUMENT', 'partition is the name of a partition, or { by: the key of a pair of the encryption context }')
}

/** A key id as a map's key; hex would cost more than the rest of a look-up. */
function idOf(keyId: Uint8Array): string {
  return String.fromCharCode(...keyId)
}

/** Milliseconds that no change of the date moves. */
function monotonic(): number {
  return performance.now()
}

function isFresh({ expiresAt }: Held, until = monotonic()): boolean {
  return expiresAt > until
}

function notAtHand(what: string): never {
  throw new KeyfoldError('ERR_BRANCH_KEY_LOCKED', `${what} is not at hand, or not any more`)
}

/** As Promise.all, but no call is left running behind an error. */
async function allOf<T>(calls: ReadonlyArray<Promise<T>>): Promise<T[]> {
  const ends = await Promise.allSettled(calls)
  return ends.map((end) => {
    if (end.status === 'rejected') throw end.reason
    return end.value
  })
}
