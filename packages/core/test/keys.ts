import { createHash } from 'node:crypto'
import type { Keyring, KeyWrapper, SyncKeyWrapper } from '../src/index.ts'
import { createKeyring } from '../src/index.ts'
import { localKeyWrapper } from '../src/local-wrap.ts'

/** A local key that anybody can compute: INSECURE, for tests alone. */
export function insecureKey(name: string): Uint8Array {
  return Uint8Array.from(createHash('sha256').update(`keyfold insecure test key: ${name}`).digest())
}

export function insecureWrapper(name: string): SyncKeyWrapper {
  return localKeyWrapper(`key-file:${name}`, insecureKey(name))
}

/** A keyring of insecure local keys: the first is active. */
export function insecureKeyring(active: string, ...decryptOnly: string[]): Keyring<SyncKeyWrapper> {
  return createKeyring({ active: insecureWrapper(active), decryptOnly: decryptOnly.map(insecureWrapper) })
}

/** The same key as `insecureWrapper(name)`, reached by promises alone, as a key service is. */
export function remoteWrapper(name: string): KeyWrapper {
  const { id, keyId, wrap, unwrap } = insecureWrapper(name)
  return { id, keyId, wrap, unwrap }
}

/** The code of the error that `call` throws, or undefined. */
export function codeOf(call: () => unknown): string | undefined {
  try {
    call()
    return undefined
  } catch (error) {
    return (error as { code?: string }).code ?? `untyped: ${String(error)}`
  }
}

/** As `codeOf`, for promises. */
export async function codeOfAsync(promise: Promise<unknown>): Promise<string | undefined> {
  return promise.then(
    () => undefined,
    (error: unknown) => (error as { code?: string }).code ?? `untyped: ${String(error)}`,
  )
}
