import { equalBytes } from './bytes.ts'
import { KeyfoldError } from './errors.ts'
import { KEY_ID_LENGTH } from './format.ts'
import type { KeySource } from './key-source.ts'
import type { Steps } from './steps.ts'
import type { KeyWrapper } from './types.ts'

export interface KeyringOptions<W extends KeyWrapper = KeyWrapper> {
  /** Seals. */
  active: W
  /** Seal beside the active one, so that each of them can open alone: disaster recovery, a second region. */
  recovery?: readonly W[]
  /** Open what was sealed before; never seal. Their keys may need I/O even where the active one does not. */
  decryptOnly?: readonly KeyWrapper[]
}

/**
 * The keys of an application: those that seal and those that only open. Immutable; made by `createKeyring`. `Keyring<SyncKeyWrapper>` is what
 * the sync twins take.
 */
export class Keyring<W extends KeyWrapper = KeyWrapper> implements KeySource<W> {
  readonly #sealing: readonly W[]
  readonly #wrappers: KeyWrapper[] = []

  constructor({ active, recovery = [], decryptOnly = [] }: KeyringOptions<W>) {
    this.#sealing = [active, ...recovery]
    for (const wrapper of [...this.#sealing, ...decryptOnly]) this.#add(wrapper)
  }

  #add(wrapper: KeyWrapper): void {
    if (!isKeyWrapper(wrapper)) throw new KeyfoldError('ERR_KEYRING_INVALID', 'a member of the keyring is not a key wrapper')
    for (const other of this.#wrappers) {
      if (other.id === wrapper.id) throw new KeyfoldError('ERR_KEYRING_INVALID', `two keys have the id ${wrapper.id}`)
      if (equalBytes(other.keyId, wrapper.keyId)) {
        throw new KeyfoldError('ERR_KEYRING_INVALID', `${other.id} and ${wrapper.id} are the same key`)
      }
    }
    this.#wrappers.push(wrapper)
  }

  /** The wrapper that seals. */
  get active(): W {
    return this.#sealing[0]!
  }

  /** The active wrapper, then the recovery ones: an envelope gets an entry of each. */
  get sealing(): readonly W[] {
    return this.#sealing
  }

  /** Every wrapper, in the order in which they were given. */
  get wrappers(): readonly KeyWrapper[] {
    return [...this.#wrappers]
  }

  /** The wrapper of an envelope's key id, or undefined: a key that is not in the keyring is never called. */
  find(keyId: Uint8Array): KeyWrapper | undefined {
    for (const wrapper of this.#wrappers) if (equalBytes(wrapper.keyId, keyId)) return wrapper
    return undefined
  }

  *sealingKeys(): Steps<readonly W[]> {
    return this.#sealing
  }

  *openingKey(keyId: Uint8Array): Steps<KeyWrapper | undefined> {
    return this.find(keyId)
  }
}

/**
 * Makes a keyring.
 *
 * @example const keyring = createKeyring({ active: keyFile('./2026q4.key'), decryptOnly: [keyFile('./2026q3.key')] })
 * @throws KeyfoldError ERR_KEYRING_INVALID for two keys of one id, one key under two ids, or what is not a key wrapper
 */
export function createKeyring<W extends KeyWrapper>(options: KeyringOptions<W>): Keyring<W> {
  return new Keyring(options)
}

function isKeyWrapper(value: KeyWrapper): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof value.id === 'string' &&
    typeof value.wrap === 'function' &&
    typeof value.unwrap === 'function' &&
    value.keyId instanceof Uint8Array &&
    value.keyId.length === KEY_ID_LENGTH
  )
}
