/** The AWS Encryption SDK's counterpart of branch keys, over the KMS emulator, with a key store in memory in place of a DynamoDB table. */
import { randomBytes } from 'node:crypto'
// the class is in no export of the package, and its key store takes nothing else from a storage that is not DynamoDB
import { EncryptedHierarchicalKey } from '@aws-crypto/branch-keystore-node/build/main/src/types.js'
import type { CryptoMaterials } from '@aws-crypto/client-node'
import { BranchKeyStoreNode, KmsHierarchicalKeyRingNode } from '@aws-crypto/client-node'
import { CreateKeyCommand, EncryptCommand, KMSClient } from '@aws-sdk/client-kms'
import { startKmsEmulator } from '@keyfold/kms-emulator'

const STORE = 'bench'
const BRANCH_KEY = 'users'
const VERSION = 'branch:version:0b7f4f0e-6f0c-4b5e-8a55-1d1f5d5a8a11'
const CACHED_SECONDS = 3600
const credentials = { accessKeyId: 'emulated', secretAccessKey: 'emulated' }

/** The key service is asked once, then the branch key stays in the keyring's cache. The emulator is left to the end of the process. */
export async function hierarchicalKeyring(): Promise<CryptoMaterials> {
  const emulator = await startKmsEmulator()
  const kmsClient = new KMSClient({ endpoint: emulator.endpoint, region: 'eu-central-1', credentials })
  const { KeyMetadata } = await kmsClient.send(new CreateKeyCommand({}))
  const arn = KeyMetadata!.Arn!
  const keyStore = new BranchKeyStoreNode({
    logicalKeyStoreName: STORE,
    storage: await storageOf(kmsClient, arn),
    keyManagement: { kmsClient },
    kmsConfiguration: { identifier: arn },
  })
  return new KmsHierarchicalKeyRingNode({ branchKeyId: BRANCH_KEY, keyStore, cacheLimitTtl: CACHED_SECONDS })
}

/** A branch key as its specification has it stored, once to seal and once to open: encrypted by KMS under the fields of the record. */
async function storageOf(kmsClient: KMSClient, arn: string) {
  const common = {
    'branch-key-id': BRANCH_KEY, 'create-time': '2026-11-01T00:00:00.000000Z', 'tablename': STORE, 'kms-arn': arn, 'hierarchy-version': '1',
  }
  const Plaintext = randomBytes(32)
  const stored = async (EncryptionContext: Record<string, string>): Promise<EncryptedHierarchicalKey> => {
    const { CiphertextBlob } = await kmsClient.send(new EncryptCommand({ KeyId: arn, Plaintext, EncryptionContext }))
    return new EncryptedHierarchicalKey(EncryptionContext, CiphertextBlob!)
  }
  const active = await stored({ ...common, type: 'branch:ACTIVE', version: VERSION })
  const version = await stored({ ...common, type: VERSION })
  return {
    getEncryptedActiveBranchKey: async () => active,
    getEncryptedBranchKeyVersion: async () => version,
    getKeyStorageInfo: () => ({ name: STORE, logicalName: STORE }),
  }
}
