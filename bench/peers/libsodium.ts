import sodium from 'libsodium-wrappers'
import type { Peer } from './peer.ts'
import { checkOpened, CONTEXT_BYTES } from './peer.ts'

interface Sealed {
  readonly keyNonce: Uint8Array
  readonly wrapped: Uint8Array
  readonly nonce: Uint8Array
  readonly body: Uint8Array
}

/** As sodium-native, in WebAssembly. The parts are not put together into one buffer. */
export async function load(): Promise<Peer[]> {
  await sodium.ready
  const { crypto_aead_xchacha20poly1305_ietf_NPUBBYTES: NONCE, crypto_aead_xchacha20poly1305_ietf_KEYBYTES: KEY } = sodium
  const master = sodium.randombytes_buf(KEY)
  const seal = (payload: Uint8Array): Sealed => {
    const [dek, keyNonce, nonce] = [sodium.randombytes_buf(KEY), sodium.randombytes_buf(NONCE), sodium.randombytes_buf(NONCE)]
    return {
      keyNonce, wrapped: sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(dek, CONTEXT_BYTES, null, keyNonce, master),
      nonce, body: sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(payload, CONTEXT_BYTES, null, nonce, dek),
    }
  }
  const open = ({ keyNonce, wrapped, nonce, body }: Sealed): Uint8Array => {
    const dek = sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(null, wrapped, CONTEXT_BYTES, keyNonce, master)
    return sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(null, body, CONTEXT_BYTES, nonce, dek)
  }
  return [
    {
      name: 'libsodium-wrappers, two XChaCha20-Poly1305 (WebAssembly)', library: 'libsodium-wrappers', freshKey: true, bindsContext: true,
      lacks: 'by hand: no format, no key id, no key commitment; not FIPS-approved',
      async prepare(payload) {
        const sealed = seal(payload)
        checkOpened('libsodium-wrappers', open(sealed), payload)
        const bytes = [sealed.keyNonce, sealed.wrapped, sealed.nonce, sealed.body].reduce((sum, part) => sum + part.length, 0)
        return { seal: () => seal(payload), open: () => open(sealed), bytes }
      },
    },
  ]
}
