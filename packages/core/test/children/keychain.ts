/** Does things with a keychain, as a process of its own, and prints how each ended: the libraries stay with the session that they met first. */
import { keychainLibrary } from '../../src/wrappers/keychain-backends.ts'
import type { KeychainBackend, KeychainOptions } from '../../src/wrappers/keychain.ts'
import { createKeychainKey, importKeychainKey, insecureReadKeychainKey, keychain } from '../../src/wrappers/keychain.ts'

export interface Task {
  /** The last three call the library itself, past all that Keyfold asks first. */
  readonly does: 'open' | 'create' | 'copy' | 'library get' | 'library set' | 'library delete'
  readonly place: string
  /** Undefined: as the place says. */
  readonly backend: KeychainBackend | undefined
  /** For `library set`. */
  readonly text?: string
  readonly timeoutMs?: number
}

async function perform({ does, place, backend = 'keyring', text = '', timeoutMs = 60_000 }: Task, named: boolean): Promise<unknown> {
  const options: KeychainOptions = { ...(named && { backend }), timeoutMs }
  const other = backend === 'keytar' ? 'keyring' : 'keytar'
  const [service = '', account = ''] = place.split('/')
  const told = ({ id, keyId }: { id: string; keyId: Uint8Array }) => ({ id, keyId: Buffer.from(keyId).toString('hex') })
  switch (does) {
    case 'open':
      return told(await keychain(place, options))
    case 'create':
      return told(await createKeychainKey(place, options))
    case 'copy':
      return told(await importKeychainKey(place, await insecureReadKeychainKey(place, options), { backend: other, timeoutMs }))
    case 'library get':
      return (await keychainLibrary(backend)).store.get(service, account)
    case 'library set':
      return (await keychainLibrary(backend)).store.set(service, account, text)
    case 'library delete':
      return (await keychainLibrary(backend)).store.delete(service, account)
  }
}

const answers: unknown[] = []
for (const task of JSON.parse(process.argv[2]!) as Task[]) {
  answers.push(
    await perform(task, task.backend !== undefined).then(
      (value) => ({ value: value ?? null }),
      ({ code, message, hint }: { code?: string; message: string; hint?: string }) => ({ code, message, hint }),
    ),
  )
}
console.log(JSON.stringify(answers))
