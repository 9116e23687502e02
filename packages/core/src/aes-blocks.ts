import type { Cipher, Decipher, KeyObject } from 'node:crypto'
import { createCipheriv, createDecipheriv } from 'node:crypto'
import type { BlockCipher } from './kwp-batch.ts'

/** AES-256 on single blocks (ECB keeps nothing from one block to the next), by one context for each direction that stays open. */
export function blockCiphers(key: KeyObject): Readonly<Record<'encrypt' | 'decrypt', BlockCipher>> {
  let encryptor: Cipher | undefined
  let decryptor: Decipher | undefined
  return {
    encrypt: (blocks) => (encryptor ??= createCipheriv('aes-256-ecb', key, null).setAutoPadding(false)).update(blocks),
    decrypt: (blocks) => (decryptor ??= createDecipheriv('aes-256-ecb', key, null).setAutoPadding(false)).update(blocks),
  }
}
