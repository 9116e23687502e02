import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'
import { KmsFault } from './errors.ts'

/** As long as what AWS puts around a plaintext: 32 bytes become 184. */
const OVERHEAD = 152
const NONCE_LENGTH = 12
const TAG_LENGTH = 16
const HEADER_LENGTH = OVERHEAD - NONCE_LENGTH - TAG_LENGTH
const MAGIC = Buffer.from('KFEMU\u0001', 'latin1')
const KEY_AT = MAGIC.length
const MATERIAL_AT = KEY_AT + 32
const MATERIAL_END = MATERIAL_AT + 32

export interface Material {
  /** 64 hex digits, as AWS's KeyMaterialId. */
  readonly id: string
  /** 32 bytes; they live in this process alone. */
  readonly secret: Buffer
}

/** What a ciphertext says of itself, before anything is shown to be authentic. */
export interface Claim {
  /** A hash of the key's id: related keys of several regions share it. */
  readonly keyHash: string
  readonly materialId: string
}

/** The hash by which a ciphertext names its key. */
export function keyHash(keyId: string): string {
  return createHash('sha256').update(keyId).digest('hex')
}

/** Encrypts under one material of a key, bound to key and encryption context. Layout: header (124) | nonce (12) | ciphertext | tag (16). */
export function encrypt(keyId: string, material: Material, plaintext: Buffer, context: string): Buffer {
  const header = Buffer.alloc(HEADER_LENGTH)
  header.set(MAGIC)
  header.write(keyHash(keyId), KEY_AT, 'hex')
  header.write(material.id, MATERIAL_AT, 'hex')
  const nonce = randomBytes(NONCE_LENGTH)
  const cipher = createCipheriv('aes-256-gcm', material.secret, nonce, { authTagLength: TAG_LENGTH })
  cipher.setAAD(Buffer.concat([header, Buffer.from(context)]))
  return Buffer.concat([header, nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
}

/** Reads the claim of a ciphertext; InvalidCiphertextException where it is none of ours. */
export function claimOf(blob: Buffer): Claim {
  if (blob.length <= OVERHEAD || !blob.subarray(0, MAGIC.length).equals(MAGIC)) throw invalidCiphertext()
  return {
    keyHash: blob.toString('hex', KEY_AT, MATERIAL_AT),
    materialId: blob.toString('hex', MATERIAL_AT, MATERIAL_END),
  }
}

/** Decrypts; InvalidCiphertextException for changed bytes and another encryption context alike, as AWS does. */
export function decrypt(material: Material, blob: Buffer, context: string): Buffer {
  const body = blob.subarray(HEADER_LENGTH + NONCE_LENGTH, blob.length - TAG_LENGTH)
  const decipher = createDecipheriv('aes-256-gcm', material.secret, blob.subarray(HEADER_LENGTH, HEADER_LENGTH + NONCE_LENGTH), {
    authTagLength: TAG_LENGTH,
  })
  decipher.setAAD(Buffer.concat([blob.subarray(0, HEADER_LENGTH), Buffer.from(context)]))
  decipher.setAuthTag(blob.subarray(blob.length - TAG_LENGTH))
  try {
    return Buffer.concat([decipher.update(body), decipher.final()])
  } catch {
    throw invalidCiphertext()
  }
}

/** AWS tells no more, and has no message here. */
export function invalidCiphertext(): KmsFault {
  return new KmsFault('InvalidCiphertextException', '')
}
