/**
 * The backend of Bun: its node:crypto, whose OpenSSL is BoringSSL. All is as on Node but the key wrap, which BoringSSL has and Bun does not
 * give out (no `id-aes256-wrap-pad`); here its steps run over AES blocks of the same library, which are constant-time, as those of @noble are not.
 */
import { createSecretKey } from 'node:crypto'
import type { Algorithm } from './approved.ts'
import { blockCiphers } from './aes-blocks.ts'
import type { AesKwp } from './backend.ts'
import { checkLength } from './backend.ts'
import { unwrapBatch, wrapBatch } from './kwp-batch.ts'

export * from './backend-node.ts'

/** Not a validated module, whatever it computes. */
export const BACKEND: Algorithm = { name: 'node:crypto of Bun', fips: false }

/** AES-256 key wrap with padding (SP 800-38F KWP, RFC 5649) of secrets of 32 bytes. The key stays in a KeyObject within the closure. */
export function aesKwp(kek: Uint8Array): AesKwp {
  checkLength('key', kek)
  const { encrypt, decrypt } = blockCiphers(createSecretKey(kek))
  const wrapMany = (secrets: readonly Uint8Array[]): Uint8Array[] => {
    for (const secret of secrets) checkLength('data key', secret)
    return wrapBatch(secrets, encrypt)
  }
  const unwrapMany = (wraps: readonly Uint8Array[]): Array<Uint8Array | undefined> => {
    for (const wrapped of wraps) checkLength('wrapped data key', wrapped)
    return unwrapBatch(wraps, decrypt)
  }
  return { wrap: (secret) => wrapMany([secret])[0]!, unwrap: (wrapped) => unwrapMany([wrapped])[0], wrapMany, unwrapMany }
}
