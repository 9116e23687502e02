import { randomBytes, webcrypto } from 'node:crypto'
import { FlattenedEncrypt, flattenedDecrypt } from 'jose'
import type { Peer } from './peer.ts'
import { checkOpened, CONTEXT_BYTES } from './peer.ts'

/** A JWE with A256GCMKW and A256GCM; the context is its additional data, which need not be stored. */
export async function load(): Promise<Peer[]> {
  const key = await webcrypto.subtle.importKey('raw', randomBytes(32), 'AES-GCM', false, ['encrypt', 'decrypt'])
  const aad = CONTEXT_BYTES.toString('base64url')
  const seal = async (payload: Uint8Array): Promise<string> => {
    const jwe = await new FlattenedEncrypt(payload)
      .setProtectedHeader({ alg: 'A256GCMKW', enc: 'A256GCM' })
      .setAdditionalAuthenticatedData(CONTEXT_BYTES)
      .encrypt(key)
    const { aad: _known, ...stored } = jwe
    return JSON.stringify(stored)
  }
  const open = async (sealed: string): Promise<Uint8Array> => {
    const { plaintext } = await flattenedDecrypt({ ...(JSON.parse(sealed) as object), aad }, key)
    return plaintext
  }
  return [
    {
      name: 'jose, A256GCMKW + A256GCM', library: 'jose', lacks: 'no key commitment', freshKey: true, bindsContext: true,
      async prepare(payload) {
        const sealed = await seal(payload)
        checkOpened('jose', await open(sealed), payload)
        return { seal: () => seal(payload), open: () => open(sealed), bytes: sealed.length }
      },
    },
  ]
}
