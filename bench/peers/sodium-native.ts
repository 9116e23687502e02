import sodium from 'sodium-native'
import type { Peer } from './peer.ts'
import { checkOpened, CONTEXT_BYTES } from './peer.ts'

const NONCE = sodium.crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
const TAG = sodium.crypto_aead_xchacha20poly1305_ietf_ABYTES
const KEY = sodium.crypto_aead_xchacha20poly1305_ietf_KEYBYTES
const BODY_AT = NONCE + KEY + TAG + NONCE

/** XChaCha20-Poly1305 twice, written by hand: a data key under the master key, the payload under the data key. One buffer a record. */
export async function load(): Promise<Peer[]> {
  const master = Buffer.alloc(KEY)
  sodium.randombytes_buf(master)
  const dek = Buffer.alloc(KEY)
  const seal = (payload: Uint8Array): Buffer => {
    const out = Buffer.allocUnsafe(BODY_AT + payload.length + TAG)
    const [keyNonce, bodyNonce] = [out.subarray(0, NONCE), out.subarray(BODY_AT - NONCE, BODY_AT)]
    sodium.randombytes_buf(keyNonce)
    sodium.randombytes_buf(bodyNonce)
    sodium.randombytes_buf(dek)
    sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(out.subarray(NONCE, BODY_AT - NONCE), dek, CONTEXT_BYTES, null, keyNonce, master)
    sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(out.subarray(BODY_AT), payload, CONTEXT_BYTES, null, bodyNonce, dek)
    return out
  }
  const open = (sealed: Buffer): Buffer => {
    const payload = Buffer.allocUnsafe(sealed.length - BODY_AT - TAG)
    const wrapped = sealed.subarray(NONCE, BODY_AT - NONCE)
    sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(dek, null, wrapped, CONTEXT_BYTES, sealed.subarray(0, NONCE), master)
    const nonce = sealed.subarray(BODY_AT - NONCE, BODY_AT)
    sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(payload, null, sealed.subarray(BODY_AT), CONTEXT_BYTES, nonce, dek)
    return payload
  }
  return [
    {
      name: 'sodium-native, two XChaCha20-Poly1305 (native code)', library: 'sodium-native', freshKey: true, bindsContext: true,
      lacks: 'by hand: no format, no key id, no key commitment; not FIPS-approved',
      async prepare(payload) {
        const sealed = seal(payload)
        checkOpened('sodium-native', open(sealed), payload)
        return { seal: () => seal(payload), open: () => open(sealed), bytes: sealed.length }
      },
    },
  ]
}
