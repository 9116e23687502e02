import { KeyfoldError } from '../errors.ts'
import { LibraryError } from './keychain-errors.ts'
import type { KeychainBackend } from './keychain-place.ts'
import type { EntryAttributes } from './keychain-secret-service.ts'

/** A library, and how its entries are found in the Secret Service: each has attributes of its own. */
interface Library {
  readonly store: TextStore
  attributes(service: string, account: string): EntryAttributes
}

interface TextStore {
  get(service: string, account: string): Promise<string | null>
  set(service: string, account: string, text: string): Promise<void>
  delete(service: string, account: string): Promise<boolean>
}

/** What of keytar is used. Not keytar's own type: it is installed only where libsecret is, and types are checked everywhere. */
interface Keytar {
  getPassword(service: string, account: string): Promise<string | null>
  setPassword(service: string, account: string, text: string): Promise<void>
  deletePassword(service: string, account: string): Promise<boolean>
}

/** By default the library would fall back to the kernel's keyring, which a restart empties, and say nothing. */
const SECRET_SERVICE = { linux: { store: 'secret-service' } } as const

/** Loads a library. ERR_RUNTIME where it is not installed, or what it needs is not: keytar needs libsecret. */
export function keychainLibrary(backend: KeychainBackend): Promise<Library> {
  return backend === 'keyring' ? keyringLibrary() : keytarLibrary()
}

async function keyringLibrary(): Promise<Library> {
  const { AsyncEntry } = await load('@napi-rs/keyring', '2.1.2', async () => import('@napi-rs/keyring'))
  const entry = (service: string, account: string) => new AsyncEntry(service, account, SECRET_SERVICE)
  return {
    attributes: (service, account) => ({ service, username: account }),
    store: labelled({
      get: async (service, account) => entry(service, account).getPassword(),
      set: async (service, account, text) => entry(service, account).setPassword(text),
      delete: async (service, account) => entry(service, account).deleteCredential(),
    }),
  }
}

async function keytarLibrary(): Promise<Library> {
  const { default: keytar } = await load('keytar', '7.9.0', async () => {
    // @ts-ignore -- see above
    const module: unknown = await import('keytar')
    return module as { default: Keytar }
  })
  return {
    attributes: (service, account) => ({ service, account, 'xdg:schema': 'org.freedesktop.Secret.Generic' }),
    store: labelled({
      get: async (service, account) => keytar.getPassword(service, account),
      set: async (service, account, text) => keytar.setPassword(service, account, text),
      delete: async (service, account) => keytar.deletePassword(service, account),
    }),
  }
}

/** ERR_RUNTIME with what to install, where a library cannot be imported. */
export async function load<T>(name: string, version: string, importIt: () => Promise<T>): Promise<T> {
  try {
    return await importIt()
  } catch (error) {
    throw new KeyfoldError('ERR_RUNTIME', `Cannot load ${name} (${(error as NodeJS.ErrnoException).code})`, {
      hint: `Install it beside Keyfold: npm install ${name}@${version}. keytar also needs libsecret on Linux, and its headers when it is built.`,
    })
  }
}

/** Marks the errors of a library that was read, and is known to put no secret into them. */
function labelled({ get, set, delete: remove }: TextStore): TextStore {
  return {
    get: async (...place) => get(...place).catch(libraryError),
    set: async (...entry) => set(...entry).catch(libraryError),
    delete: async (...place) => remove(...place).catch(libraryError),
  }
}

function libraryError(error: unknown): never {
  throw new LibraryError((error as Error).message)
}
