/** The AWS Encryption SDK for JavaScript, in four of its ways. Its messages carry the context, which the caller compares after decrypting. */
import { randomBytes } from 'node:crypto'
import type { CryptoMaterials } from '@aws-crypto/client-node'
import {
  AlgorithmSuiteIdentifier, buildClient, CommitmentPolicy, getLocalCryptographicMaterialsCache, NodeCachingMaterialsManager,
  RawAesKeyringNode, RawAesWrappingSuiteIdentifier,
} from '@aws-crypto/client-node'
import { hierarchicalKeyring } from './aws-hierarchical.ts'
import type { Peer } from './peer.ts'
import { checkOpened, CONTEXT } from './peer.ts'

const SIGNED = AlgorithmSuiteIdentifier.ALG_AES256_GCM_IV12_TAG16_HKDF_SHA512_COMMIT_KEY_ECDSA_P384
const UNSIGNED = AlgorithmSuiteIdentifier.ALG_AES256_GCM_IV12_TAG16_HKDF_SHA512_COMMIT_KEY
/** A message in one frame: a record is not read in parts. */
const FRAME_LENGTH = 2 ** 20
const CACHE = { maxAge: 300_000, maxMessagesEncrypted: 100_000, maxBytesEncrypted: 2 ** 40 }
const client = buildClient(CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT)

export async function load(): Promise<Peer[]> {
  const keyring = rawKeyring()
  const caching = new NodeCachingMaterialsManager({ backingMaterials: keyring, cache: getLocalCryptographicMaterialsCache(1000), ...CACHE })
  const stored = 'its messages carry the context in clear'
  return [
    peer('raw AES, signed (its default)', SIGNED, keyring, stored, true),
    peer('raw AES', UNSIGNED, keyring, stored, true),
    peer('raw AES, cached data keys', UNSIGNED, caching, `one data key for many records; ${stored}`, false),
    peer('hierarchical keyring', UNSIGNED, await hierarchicalKeyring(), stored, true),
  ]
}

function peer(way: string, suiteId: number, materials: CryptoMaterials, lacks: string, freshKey: boolean): Peer {
  const seal = async (payload: Uint8Array): Promise<Uint8Array> => {
    const { result } = await client.encrypt(materials, payload, { encryptionContext: CONTEXT, suiteId, frameLength: FRAME_LENGTH })
    return result
  }
  const open = async (sealed: Uint8Array): Promise<Uint8Array> => {
    const { plaintext, messageHeader } = await client.decrypt(materials, sealed)
    for (const [key, value] of Object.entries(CONTEXT)) if (messageHeader.encryptionContext[key] !== value) throw new Error('another context')
    return plaintext
  }
  const name = `AWS Encryption SDK, ${way}`
  return {
    name, library: '@aws-crypto/client-node', lacks, freshKey, bindsContext: true,
    async prepare(payload) {
      const sealed = await seal(payload)
      checkOpened(name, await open(sealed), payload)
      return { seal: () => seal(payload), open: () => open(sealed), bytes: sealed.length }
    },
  }
}

function rawKeyring(): CryptoMaterials {
  // it insists on bytes that share no pool with others
  const unencryptedMasterKey = Uint8Array.from(randomBytes(32))
  const wrappingSuite = RawAesWrappingSuiteIdentifier.AES256_GCM_IV12_TAG16_NO_PADDING
  return new RawAesKeyringNode({ keyName: 'bench', keyNamespace: 'keyfold', unencryptedMasterKey, wrappingSuite })
}
