import type { ColumnRef, Keyring, KeyWrapper, StoredRecord } from '@keyfold/core'
import { createKeyring, isCurrent, isSyncKeyWrapper } from '@keyfold/core'
import { hexOf } from './key-names.ts'
import type { RotationKeys, Standing, Upkeep } from './rotation-keys.ts'
import { NO_UPKEEP } from './rotation-keys.ts'

/** A keyring alone: records are sealed under its keys directly. */
export class MasterKeys implements RotationKeys {
  readonly keyring: Keyring
  readonly source: Keyring
  readonly atOnce: boolean
  readonly branchKeys = undefined
  readonly #held: ReadonlyMap<string, KeyWrapper>

  constructor(keyring: Keyring) {
    this.keyring = keyring
    this.source = keyring
    // Awaiting each record would cost as much as its key work.
    this.atOnce = keyring.wrappers.every(isSyncKeyWrapper)
    this.#held = new Map(keyring.wrappers.map((wrapper) => [hexOf(wrapper.keyId), wrapper]))
  }

  standing(_: ColumnRef, keyId: string): Standing {
    const wrapper = this.#held.get(keyId)
    if (wrapper === undefined) return 'unknown'
    return this.keyring.sealing.includes(wrapper) ? 'current' : 'older'
  }

  /** With several sealing keys a count cannot tell who lacks one of them. */
  countTells(): boolean {
    return this.keyring.sealing.length === 1
  }

  currentId(): string | undefined {
    return this.countTells() ? hexOf(this.keyring.active.keyId) : undefined
  }

  seals(): boolean {
    return true
  }

  mastersOf(keyId: string): readonly string[] {
    return [keyId]
  }

  isCurrent({ value }: StoredRecord): boolean {
    return isCurrent(this.keyring, value)
  }

  isShredded(): boolean {
    return false
  }

  isExposed(): boolean {
    return false
  }

  async unlock(): Promise<void> {}

  async look(): Promise<boolean> {
    return false
  }

  async upkeep(): Promise<Upkeep> {
    return NO_UPKEEP
  }

  expose(): void {}

  lacking(masterKeyId: string): MasterKeys {
    return new MasterKeys(keyringLacking(this.keyring, masterKeyId))
  }

  async openAll(): Promise<[]> {
    return []
  }

  async rehearsal(): Promise<MasterKeys> {
    return this
  }
}

/** A keyring without one of its keys that do not seal. */
export function keyringLacking(keyring: Keyring, keyId: string): Keyring {
  const [active, ...recovery] = keyring.sealing
  const others = keyring.wrappers.filter((wrapper) => !keyring.sealing.includes(wrapper))
  return createKeyring({ active: active!, recovery, decryptOnly: others.filter((wrapper) => hexOf(wrapper.keyId) !== keyId) })
}
