// What the benchmarks use of each library, so that types can be checked where these libraries are not installed. Where they are, these hold too.

declare module 'jose' {
  export interface FlattenedJwe {
    readonly aad?: string
    readonly ciphertext: string
  }
  export class FlattenedEncrypt {
    constructor(plaintext: Uint8Array)
    setProtectedHeader(header: { readonly alg: string; readonly enc: string }): this
    setAdditionalAuthenticatedData(aad: Uint8Array): this
    encrypt(key: CryptoKey): Promise<FlattenedJwe>
  }
  export function flattenedDecrypt(jwe: object, key: CryptoKey): Promise<{ readonly plaintext: Uint8Array }>
}

declare module '@47ng/cloak' {
  export interface ParsedCloakKey {
    readonly fingerprint: string
  }
  export function generateKey(): string
  export function parseKeySync(key: string): ParsedCloakKey
  export function encryptStringSync(input: string, key: ParsedCloakKey): string
  export function decryptStringSync(input: string, key: ParsedCloakKey): string
}

declare module 'sodium-native' {
  type Bytes = Uint8Array
  interface Sodium {
    readonly crypto_aead_xchacha20poly1305_ietf_NPUBBYTES: number
    readonly crypto_aead_xchacha20poly1305_ietf_ABYTES: number
    readonly crypto_aead_xchacha20poly1305_ietf_KEYBYTES: number
    randombytes_buf(out: Bytes): void
    crypto_aead_xchacha20poly1305_ietf_encrypt(out: Bytes, message: Bytes, ad: Bytes, secretNonce: null, nonce: Bytes, key: Bytes): number
    crypto_aead_xchacha20poly1305_ietf_decrypt(out: Bytes, secretNonce: null, sealed: Bytes, ad: Bytes, nonce: Bytes, key: Bytes): number
  }
  const sodium: Sodium
  export default sodium
}

declare module 'libsodium-wrappers' {
  type Bytes = Uint8Array
  interface Sodium {
    readonly ready: Promise<void>
    readonly crypto_aead_xchacha20poly1305_ietf_NPUBBYTES: number
    readonly crypto_aead_xchacha20poly1305_ietf_KEYBYTES: number
    randombytes_buf(length: number): Bytes
    crypto_aead_xchacha20poly1305_ietf_encrypt(message: Bytes, ad: Bytes, secretNonce: null, nonce: Bytes, key: Bytes): Bytes
    crypto_aead_xchacha20poly1305_ietf_decrypt(secretNonce: null, sealed: Bytes, ad: Bytes, nonce: Bytes, key: Bytes): Bytes
  }
  const sodium: Sodium
  export default sodium
}

declare module 'age-encryption' {
  export function generateX25519Identity(): Promise<string>
  export function identityToRecipient(identity: string): Promise<string>
  export class Encrypter {
    addRecipient(recipient: string): void
    encrypt(file: Uint8Array): Promise<Uint8Array>
  }
  export class Decrypter {
    addIdentity(identity: string): void
    decrypt(file: Uint8Array): Promise<Uint8Array>
  }
}

declare module '@aws-crypto/client-node' {
  import type { KMSClient } from '@aws-sdk/client-kms'

  type Context = Readonly<Record<string, string>>
  /** A keyring or a manager of cryptographic materials. */
  export type CryptoMaterials = RawAesKeyringNode | NodeCachingMaterialsManager | KmsHierarchicalKeyRingNode
  export const CommitmentPolicy: { readonly REQUIRE_ENCRYPT_REQUIRE_DECRYPT: string }
  export const AlgorithmSuiteIdentifier: {
    readonly ALG_AES256_GCM_IV12_TAG16_HKDF_SHA512_COMMIT_KEY: number
    readonly ALG_AES256_GCM_IV12_TAG16_HKDF_SHA512_COMMIT_KEY_ECDSA_P384: number
  }
  export const RawAesWrappingSuiteIdentifier: { readonly AES256_GCM_IV12_TAG16_NO_PADDING: number }
  export function buildClient(policy: string): {
    encrypt(
      materials: CryptoMaterials,
      plaintext: Uint8Array,
      options: { readonly encryptionContext: Context; readonly suiteId: number; readonly frameLength: number },
    ): Promise<{ readonly result: Uint8Array }>
    decrypt(
      materials: CryptoMaterials,
      message: Uint8Array,
    ): Promise<{ readonly plaintext: Uint8Array; readonly messageHeader: { readonly encryptionContext: Context } }>
  }
  export class RawAesKeyringNode {
    readonly keyName: string
    constructor(input: { keyName: string; keyNamespace: string; unencryptedMasterKey: Uint8Array; wrappingSuite: number })
  }
  export function getLocalCryptographicMaterialsCache(capacity: number): object
  export class NodeCachingMaterialsManager {
    readonly _partition: string
    constructor(input: {
      backingMaterials: CryptoMaterials
      cache: object
      maxAge: number
      maxMessagesEncrypted: number
      maxBytesEncrypted: number
    })
  }
  export class BranchKeyStoreNode {
    readonly keyStoreId: string
    constructor(input: {
      logicalKeyStoreName: string
      storage: object
      keyManagement: { readonly kmsClient: KMSClient }
      kmsConfiguration: { readonly identifier: string }
    })
  }
  export class KmsHierarchicalKeyRingNode {
    readonly cacheLimitTtl: number
    constructor(input: { branchKeyId: string; keyStore: BranchKeyStoreNode; cacheLimitTtl: number })
  }
}

declare module '@aws-crypto/branch-keystore-node/build/main/src/types.js' {
  export class EncryptedHierarchicalKey {
    readonly ciphertextBlob: Uint8Array
    constructor(encryptionContext: Readonly<Record<string, string>>, ciphertextBlob: Uint8Array)
  }
}

declare module 'better-sqlite3-multiple-ciphers' {
  export { default } from 'better-sqlite3'
}

declare module 'bson' {
  export class Binary {
    readonly buffer: Uint8Array
    constructor(bytes: Uint8Array, subType?: number)
  }
  export function serialize(document: object): Uint8Array
  export function deserialize(bytes: Uint8Array, options: object): Readonly<Record<string, unknown>>
}

declare module 'mongodb-client-encryption' {
  export interface CryptContext {
    readonly state: number
    addMongoOperationResponse(response: Uint8Array): void
    finishMongoOperation(): void
    finalize(): Uint8Array
  }
  export class MongoCrypt {
    constructor(options: { kmsProviders: Uint8Array; errorWrapper: (error: Error) => Error })
    makeDataKeyContext(options: Uint8Array, more: object): CryptContext
    makeExplicitEncryptionContext(value: Uint8Array, options: { keyId: Uint8Array; algorithm: string; expressionMode: boolean }): CryptContext
    makeExplicitDecryptionContext(value: Uint8Array): CryptContext
  }
}
