import { createHash } from 'node:crypto'
import type { Keyring, KeyWrapper, RewrapKeyWrapper, SyncBatchKeyWrapper, SyncKeyWrapper } from '../src/index.ts'
import { createKeyring, KeyfoldError } from '../src/index.ts'
import { localKeyWrapper } from '../src/local-wrap.ts'

/** A local key that anybody can compute: INSECURE, for tests alone. */
export function insecureKey(name: string): Uint8Array {
  return Uint8Array.from(createHash('sha256').update(`keyfold insecure test key: ${name}`).digest())
}

export function insecureWrapper(name: string): SyncBatchKeyWrapper {
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

/** What a key service is asked for, by `scheme:name`. */
export type Asked = ReadonlyArray<readonly [verb: 'wrap' | 'unwrap' | 'rewrapTo', id: string]>

/** A key service in this process, whose keys move wrapped DEKs to each other: INSECURE. `asked` is what it was asked for. */
export function insecureService(): { wrapper(name: string): RewrapKeyWrapper; readonly asked: Asked } {
  const asked: Array<Asked[number]> = []
  const own = new Set<KeyWrapper>()
  const wrapper = (name: string): RewrapKeyWrapper => {
    const { id, keyId, wrap, unwrap } = insecureWrapper(name)
    const made: RewrapKeyWrapper = {
      id,
      keyId,
      wrap: (...args) => (asked.push(['wrap', id]), wrap(...args)),
      unwrap: (...args) => (asked.push(['unwrap', id]), unwrap(...args)),
      canRewrapTo: (target) => own.has(target),
      rewrapTo: async (target, wrapped, context) => {
        asked.push(['rewrapTo', id])
        return insecureWrapper(target.id.replace('key-file:', '')).wrap(await unwrap(wrapped, context), context)
      },
    }
    own.add(made)
    return made
  }
  return { wrapper, asked }
}

/** The code of the error that `call` throws, or undefined. */
export function codeOf(call: () => unknown): string | undefined {
  try {
    call()
    return undefined
  } catch (error) {
    return codeOfError(error)
  }
}

/** As `codeOf`, for promises. */
export async function codeOfAsync(promise: Promise<unknown>): Promise<string | undefined> {
  return promise.then(() => undefined, codeOfError)
}

/** The code of an error. One that does not say in whole words what happened and what to do fails the test. */
export function codeOfError(error: unknown): string {
  if (!(error instanceof KeyfoldError)) return (error as { code?: string }).code ?? `untyped: ${String(error)}`
  const { code, message, hint, cause } = error
  if (!isSentence(message) || !isSentence(hint)) throw new Error(`${code} is incomplete: "${message}" hint: "${hint}"`, { cause })
  return code
}

/** Says something, to its end, with no gap where a part of it is empty. */
function isSentence(text: string): boolean {
  return /\w/.test(text) && text === text.trim() && !/  |\(\)|: ,|NaN|\[object /.test(text)
}
