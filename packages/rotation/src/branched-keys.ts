import type { BranchKeys, ColumnRef, Keyring, StoredRecord } from '@keyfold/core'
import { createBranchKeys, inspect, memoryBranchKeyStore } from '@keyfold/core'
import { maintain, openBranchKeys } from './branch-key-upkeep.ts'
import type { SeenBranchKey } from './branch-key-view.ts'
import { BranchKeyView } from './branch-key-view.ts'
import { keyringLacking } from './master-keys.ts'
import type { BranchKeyCount, RotationKeys, Standing, Tools, Upkeep, UpkeepOptions } from './rotation-keys.ts'

/** Branch keys: records are sealed under them, and they stand under the master keys of a keyring. */
export class BranchedKeys implements RotationKeys {
  readonly source: BranchKeys
  readonly atOnce = true
  #view: BranchKeyView
  #exposed: ReadonlySet<string>

  private constructor(source: BranchKeys, view: BranchKeyView, exposed: ReadonlySet<string>) {
    this.source = source
    this.#view = view
    this.#exposed = exposed
  }

  /** @param exposed key ids that a compromise exposed */
  static async of(keys: BranchKeys, exposed: ReadonlySet<string>): Promise<BranchedKeys> {
    // With nothing at hand: what the application's own object holds may be older than what the store says.
    return new BranchedKeys(keys.withKeyring(keys.keyring), await BranchKeyView.of(keys.store), exposed)
  }

  get keyring(): Keyring {
    return this.source.keyring
  }

  get branchKeys(): BranchKeyCount {
    return this.#view.count(this.keyring, this.#exposed)
  }

  standing(column: ColumnRef, keyId: string): Standing {
    const key = this.#view.find(keyId)
    if (key === undefined) return this.#holdsMaster(keyId) ? 'older' : 'unknown'
    if (key.state === 'destroyed') return 'destroyed'
    if (!this.#opens(key)) return 'unknown'
    return this.#sealingId(this.#partitionIn(column) ?? key.partition.name) === keyId ? 'current' : 'older'
  }

  #opens({ state, masterKeyIds }: SeenBranchKey): boolean {
    return state === 'live' && masterKeyIds.some((id) => this.#holdsMaster(id))
  }

  #holdsMaster(keyId: string): boolean {
    return this.keyring.find(Buffer.from(keyId, 'hex')) !== undefined
  }

  /** What seals in a partition; an exposed key does so no more. */
  #sealingId(partition: string): string | undefined {
    const key = this.#view.sealingKey(partition)
    return key !== undefined && this.#opens(key) && !this.#exposed.has(key.keyId) ? key.keyId : undefined
  }

  /** The partition of all records of a column; undefined where they have one each. */
  #partitionIn({ table, column }: ColumnRef): string | undefined {
    const [one, other] = ['1', '2'].map((id) => partitionOf(this.source, { table, column, id }))
    return one === other ? one : undefined
  }

  countTells(column: ColumnRef): boolean {
    return this.#partitionIn(column) !== undefined
  }

  currentId(column: ColumnRef): string | undefined {
    const partition = this.#partitionIn(column)
    return partition && this.#sealingId(partition)
  }

  seals(column: ColumnRef): boolean {
    const partition = this.#partitionIn(column)
    return partition === undefined || !this.#view.isDestroyed(partition)
  }

  mastersOf(keyId: string): readonly string[] {
    const key = this.#view.find(keyId)
    return key === undefined || key.state === 'malformed' ? [keyId] : key.masterKeyIds
  }

  isCurrent({ value, context }: StoredRecord): boolean {
    const held = this.#entriesOf(value).filter((keyId) => this.#view.find(keyId) !== undefined || this.#holdsMaster(keyId))
    return held.length === 1 && this.#sealingId(this.source.partitionOf(context)) === held[0]
  }

  isShredded({ value }: StoredRecord): boolean {
    if (!this.#view.hasDestroyed) return false
    const keyIds = this.#entriesOf(value)
    const states = new Set(keyIds.map((keyId) => this.#view.find(keyId)?.state))
    return states.has('destroyed') && !states.has('live') && !states.has('malformed') && !keyIds.some((keyId) => this.#holdsMaster(keyId))
  }

  isExposed({ value }: StoredRecord): boolean {
    return this.#exposed.size > 0 && this.#entriesOf(value).some((keyId) => this.#exposed.has(keyId))
  }

  #entriesOf(envelope: Uint8Array): string[] {
    return inspect(envelope).entries.map(({ keyId }) => keyId)
  }

  async unlock(records: readonly StoredRecord[]): Promise<void> {
    const partitions = new Set(records.flatMap(({ context }) => partitionOf(this.source, context) ?? []))
    // Too many to be at hand at once, one of them destroyed, a key out of reach: each record then says so itself.
    await this.source.unlock(partitions).catch(() => undefined)
  }

  async look(): Promise<boolean> {
    const before = this.#view
    this.#view = await BranchKeyView.of(this.source.store)
    if (this.#view.sealsAs(before)) return false
    // A key at hand may be older than the one that the store has now.
    this.source.forget()
    return true
  }

  async upkeep(options: UpkeepOptions): Promise<Upkeep> {
    const done = await maintain(this.source, this.#view, this.#exposed, options)
    await this.look()
    return done
  }

  expose(keyIds: Iterable<string>): void {
    this.#exposed = new Set([...this.#exposed, ...keyIds])
  }

  lacking(masterKeyId: string): BranchedKeys {
    return new BranchedKeys(this.source.withKeyring(keyringLacking(this.keyring, masterKeyId)), this.#view, this.#exposed)
  }

  async openAll(signal: AbortSignal | undefined): Promise<Upkeep['failed']> {
    return openBranchKeys(this.source, this.#view, signal)
  }

  async rehearsal(): Promise<Tools> {
    const scratch = createBranchKeys({ keyring: this.keyring, store: memoryBranchKeyStore(), partition: 'rehearsal' })
    await scratch.unlock(['rehearsal'])
    const source = { sealingKeys: scratch.sealingKeys.bind(scratch), openingKey: this.source.openingKey.bind(this.source) }
    return { source, unlock: async () => undefined }
  }
}

/** Undefined where the context names no partition. */
function partitionOf(keys: BranchKeys, context: StoredRecord['context']): string | undefined {
  try {
    return keys.partitionOf(context)
  } catch {
    return undefined
  }
}
