import { KeyfoldError } from '../errors.ts'
import { keychainLibrary } from './keychain-backends.ts'
import { storeError } from './keychain-errors.ts'
import type { KeychainBackend } from './keychain-place.ts'
import { parsePlace, placeId } from './keychain-place.ts'
import { entryState } from './keychain-secret-service.ts'

/** Linux and the BSDs: whatever has no keychain of the system's own. */
const HAS_SECRET_SERVICE = process.platform !== 'darwin' && process.platform !== 'win32'

type Awaitable<T> = T | PromiseLike<T>

/** A keychain of one's own, in place of the operating system's. Each method throws where it cannot do what it is asked. */
export interface KeychainStore {
  /** The entry's text; null or undefined only where there is none. A keychain that is locked throws, since it cannot know. */
  get(service: string, account: string): Awaitable<string | null | undefined>
  /** Writes an entry, in place of one that is there. Durable when it returns. */
  set(service: string, account: string, text: string): Awaitable<unknown>
  /** Removes an entry, if there is one. */
  delete(service: string, account: string): Awaitable<unknown>
}

/** How a keychain is reached. */
export interface KeychainOptions {
  /** `keyring` (@napi-rs/keyring, the default), `keytar`, or a store of one's own. On Linux the two do not see each other's entries. */
  backend?: KeychainBackend | KeychainStore
  /**
   * Milliseconds that one question to the keychain may take, from 50 to 600,000. By default 10,000 on Linux, where nobody is ever asked for a
   * password, and 60,000 elsewhere, where the system may ask the user.
   */
  timeoutMs?: number
}

/** One entry of a keychain. Its errors have codes, and every call ends in time. */
export interface Entry {
  /** `keychain:service/account` */
  readonly id: string
  /** Its text; undefined where it is certain that there is none. */
  get(): Promise<string | undefined>
  set(text: string): Promise<void>
  delete(): Promise<void>
}

/**
 * The entry of a place, through the library that options or URI name. Calls nothing yet.
 *
 * @throws KeyfoldError ERR_KEY_ID_INVALID, ERR_ARGUMENT; ERR_RUNTIME where the library is not installed or cannot be loaded
 */
export async function entryAt(place: string, options: KeychainOptions): Promise<Entry> {
  const at = parsePlace(place)
  const timeoutMs = checkedTimeout(options.timeoutMs ?? (HAS_SECRET_SERVICE ? 10_000 : 60_000))
  const store = await storeFor(options.backend === undefined ? (at.backend ?? 'keyring') : options.backend, timeoutMs)
  const id = placeId(at)
  const bounded = <T>(call: () => Awaitable<T>): Promise<T> => within(timeoutMs, id, call)
  return {
    id,
    get: async () => textOf(await bounded(() => store.get(at.service, at.account)), id),
    set: async (text) => void (await bounded(() => store.set(at.service, at.account, text))),
    delete: async () => void (await bounded(() => store.delete(at.service, at.account))),
  }
}

async function storeFor(backend: KeychainBackend | KeychainStore, timeoutMs: number): Promise<KeychainStore> {
  if (isStore(backend)) return backend
  if (backend !== 'keyring' && backend !== 'keytar')
    throw new KeyfoldError('ERR_ARGUMENT', "the backend of a keychain is 'keyring', 'keytar' or { get, set, delete }")
  const library = await keychainLibrary(backend)
  if (!HAS_SECRET_SERVICE) return library.store
  return askingFirst(library.store, (service, account) => entryState(library.attributes(service, account), timeoutMs))
}

/**
 * On Linux the libraries show a prompt where the keychain is locked, and wait for it in a thread that nothing can end. So the service is asked
 * first, and the library called only where it has nothing to ask. `get` then knows "none" from the service; the library's null is not believed.
 */
export function askingFirst(store: KeychainStore, stateOf: (service: string, account: string) => ReturnType<typeof entryState>): KeychainStore {
  const isThere = async (service: string, account: string): Promise<boolean> => {
    const state = await stateOf(service, account)
    if (state === 'locked') throw new KeyfoldError('ERR_KEYCHAIN_LOCKED', 'the keychain is locked')
    if (state === 'no-keychain') throw new KeyfoldError('ERR_KEYCHAIN_UNAVAILABLE', 'the keychain service runs, and has no keychain yet')
    if (state === 'ambiguous') throw new KeyfoldError('ERR_KEYCHAIN_ENTRY_INVALID', 'the keychain has several entries for one place')
    return state === 'present'
  }
  return {
    async get(service, account) {
      if (!(await isThere(service, account))) return undefined
      const text = await store.get(service, account)
      if (typeof text === 'string') return text
      throw new KeyfoldError('ERR_KEY_DENIED', 'the keychain has the entry and did not give it out')
    },
    async set(service, account, text) {
      await isThere(service, account)
      await store.set(service, account, text)
    },
    async delete(service, account) {
      if (await isThere(service, account)) await store.delete(service, account)
    },
  }
}

function isStore(backend: unknown): backend is KeychainStore {
  const { get, set, delete: remove } = (backend ?? {}) as Partial<KeychainStore>
  return [get, set, remove].every((method) => typeof method === 'function')
}

function textOf(text: unknown, id: string): string | undefined {
  if (text === null || text === undefined) return undefined
  if (typeof text === 'string') return text
  throw new KeyfoldError('ERR_KEYCHAIN_ENTRY_INVALID', `the entry of ${id} is not text`)
}

/** A call that goes on after its time cannot be stopped, only left. */
async function within<T>(timeoutMs: number, id: string, call: () => Awaitable<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    const error = new KeyfoldError('ERR_KEYCHAIN_UNAVAILABLE', `the keychain did not answer within ${timeoutMs} ms`)
    timer = setTimeout(() => reject(error), timeoutMs)
  })
  try {
    return await Promise.race([(async () => call())(), late])
  } catch (error) {
    throw storeError(error, id)
  } finally {
    clearTimeout(timer)
  }
}

function checkedTimeout(value: number): number {
  if (Number.isInteger(value) && value >= 50 && value <= 600_000) return value
  throw new KeyfoldError('ERR_ARGUMENT', 'timeoutMs is an integer from 50 to 600000')
}
