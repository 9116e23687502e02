import { randomBytes } from 'node:crypto'
import type { Material } from './ciphertext.ts'
import { claimOf, decrypt, encrypt, invalidCiphertext, keyHash } from './ciphertext.ts'
import { invalid, KmsFault } from './errors.ts'
import type { Input } from './input.ts'
import { bytes, canonicalPairs, count, flag, grantTokens, requiredText, text, texts } from './input.ts'
import type { Key } from './keys.ts'
import { assertUsable, currentMaterial, noteUsage } from './keys.ts'
import type { Call, Operation } from './operation.ts'

const ALGORITHM = 'SYMMETRIC_DEFAULT'
/** The most that KMS encrypts, and the longest ciphertext that it takes. */
const MOST_PLAINTEXT = 4096
const MOST_CIPHERTEXT = 6144

/** What is done with a key. */
export const cryptoOperations: Readonly<Record<string, Operation>> = {
  Encrypt: (call) => {
    const key = usableKey(call, 'KeyId')
    const plaintext = bytes(call.input, 'Plaintext', MOST_PLAINTEXT)
    endDryRun(call.input)
    const blob = encrypt(key.lineage.id, currentMaterial(key), plaintext, canonicalPairs(call.input, 'EncryptionContext'))
    noteUsage(key, 'Encrypt')
    return { CiphertextBlob: blob.toString('base64'), KeyId: key.arn, EncryptionAlgorithm: ALGORITHM }
  },
  GenerateDataKey: (call) => {
    const { key, material, plaintext, blob } = newDataKey(call)
    noteUsage(key, 'GenerateDataKey')
    const encoded = { CiphertextBlob: blob.toString('base64'), Plaintext: plaintext.toString('base64') }
    return { ...encoded, KeyId: key.arn, KeyMaterialId: material.id }
  },
  GenerateDataKeyWithoutPlaintext: (call) => {
    const { key, material, blob } = newDataKey(call)
    noteUsage(key, 'GenerateDataKeyWithoutPlaintext')
    return { CiphertextBlob: blob.toString('base64'), KeyId: key.arn, KeyMaterialId: material.id }
  },
  Decrypt: (call) => {
    if (ignoresCiphertext(call.input)) return endWithoutCiphertext(call, 'KeyId')
    const { key, material, plaintext } = open(call, 'KeyId', 'EncryptionContext')
    endDryRun(call.input)
    noteUsage(key, 'Decrypt')
    return { KeyId: key.arn, Plaintext: plaintext.toString('base64'), EncryptionAlgorithm: ALGORITHM, KeyMaterialId: material.id }
  },
  ReEncrypt: (call) => {
    if (ignoresCiphertext(call.input)) return endWithoutCiphertext(call, 'SourceKeyId', 'DestinationKeyId')
    const source = open(call, 'SourceKeyId', 'SourceEncryptionContext')
    const target = usableKey(call, 'DestinationKeyId')
    endDryRun(call.input)
    const material = currentMaterial(target)
    const context = canonicalPairs(call.input, 'DestinationEncryptionContext')
    for (const key of [source.key, target]) noteUsage(key, 'ReEncrypt')
    return {
      CiphertextBlob: encrypt(target.lineage.id, material, source.plaintext, context).toString('base64'),
      SourceKeyId: source.key.arn,
      SourceKeyMaterialId: source.material.id,
      SourceEncryptionAlgorithm: ALGORITHM,
      KeyId: target.arn,
      DestinationKeyMaterialId: material.id,
      DestinationEncryptionAlgorithm: ALGORITHM,
    }
  },
}

interface Opened {
  readonly key: Key
  readonly material: Material
  readonly plaintext: Buffer
}

/** Finds the key by its name in the request, or by the ciphertext where the request names none, and opens with the material that it was made with. */
function open(call: Call, keyField: string, contextField: string): Opened {
  const blob = bytes(call.input, 'CiphertextBlob', MOST_CIPHERTEXT)
  const claim = claimOf(blob)
  const key = text(call.input, keyField) === undefined ? claimedKey(call, claim.keyHash) : usableKey(call, keyField)
  if (claim.keyHash !== keyHash(key.lineage.id)) {
    throw new KmsFault('IncorrectKeyException', 'The key ID in the request does not identify a CMK that can perform this operation.')
  }
  const material = key.lineage.materials.find(({ id }) => id === claim.materialId)
  if (material === undefined) throw invalidCiphertext()
  return { key, material, plaintext: decrypt(material, blob, canonicalPairs(call.input, contextField)) }
}

function claimedKey({ store, region }: Call, hash: string): Key {
  const key = store.claimed(region, hash)
  if (key === undefined) throw invalidCiphertext()
  assertUsable(key)
  return key
}

function newDataKey(call: Call): Opened & { readonly blob: Buffer } {
  const key = usableKey(call, 'KeyId')
  const plaintext = randomBytes(dataKeyLength(call.input))
  endDryRun(call.input)
  const material = currentMaterial(key)
  const blob = encrypt(key.lineage.id, material, plaintext, canonicalPairs(call.input, 'EncryptionContext'))
  return { key, material, plaintext, blob }
}

function dataKeyLength(input: Input): number {
  const spec = text(input, 'KeySpec')
  const length = count(input, 'NumberOfBytes', 1, 1024)
  if ((spec === undefined) === (length === undefined)) throw invalid('Please specify either number of bytes or key spec.')
  if (spec !== undefined && spec !== 'AES_256' && spec !== 'AES_128') throw invalid('KeySpec is AES_256 or AES_128')
  return length ?? (spec === 'AES_256' ? 32 : 16)
}

function usableKey({ store, region, input }: Call, field: string): Key {
  grantTokens(input)
  const key = store.find(region, requiredText(input, field))
  assertUsable(key)
  return key
}

function ignoresCiphertext(input: Input): boolean {
  return flag(input, 'DryRun') && texts(input, 'DryRunModifiers').includes('IGNORE_CIPHERTEXT')
}

/** Looks at the keys alone, as AWS does where a dry run brings no ciphertext. */
function endWithoutCiphertext(call: Call, ...fields: readonly string[]): never {
  for (const field of fields) usableKey(call, field)
  throw dryRunSucceeded()
}

/** A dry run that would have succeeded ends with an error of its own, as with AWS. */
function endDryRun(input: Input): void {
  if (flag(input, 'DryRun')) throw dryRunSucceeded()
}

function dryRunSucceeded(): KmsFault {
  return new KmsFault('DryRunOperationException', 'The request would have succeeded, but the DryRun option is set.', 412)
}
