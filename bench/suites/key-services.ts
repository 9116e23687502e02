/** What does a record cost whose master key lies in a key service: with a call for each, and with branch keys? */
import { randomBytes } from 'node:crypto'
import { CreateKeyCommand, EncryptCommand, KMSClient } from '@aws-sdk/client-kms'
import type { SyncKeyWrapper } from '@keyfold/core'
import { createBranchKeys, createKeyring, memoryBranchKeyStore, open, openSync, seal, sealSync } from '@keyfold/core'
import { awsKms } from '@keyfold/core/aws-kms'
import { startKmsEmulator } from '@keyfold/kms-emulator'
import { floorOpen, floorSeal } from '../floors.ts'
import type { Effort } from '../interleave.ts'
import { interleave } from '../interleave.ts'
import type { Result } from '../report.ts'
import { compared } from '../report.ts'
import type { Suite } from '../suite.ts'
import { CANONICAL_CONTEXT, CONTEXT, inFolder, newKeyFile } from '../suite.ts'

const EMULATED = { AWS_ACCESS_KEY_ID: 'emulated', AWS_SECRET_ACCESS_KEY: 'emulated' }
const REGION = 'eu-central-1'
const LATENCIES_MS = [0, 10]
const BRANCH_KEY_SIZES = [
  ['256 B', 256],
  ['64 KiB', 65_536],
] as const

export const keyServices: Suite = {
  name: 'key-services',
  async run({ effort }) {
    const results: Result[] = []
    for (const [size, length] of BRANCH_KEY_SIZES) results.push(...(await benchBranchKey(size, length, effort)))
    for (const latencyMs of LATENCIES_MS) results.push(...(await benchKms(latencyMs, effort)))
    const floor = 'branch keys: the calls of node:crypto; KMS: one Encrypt of 32 bytes through the SDK alone, to the same emulator'
    return { title: 'Records, branch keys and KMS', floor, results }
  },
}

/** Unlocked beforehand, as a program does that seals at once. */
function benchBranchKey(size: string, length: number, effort: Effort): Promise<Result[]> {
  return inFolder(async (folder) => {
    const keyring = createKeyring<SyncKeyWrapper>({ active: newKeyFile(folder, 'bench') })
    const keys = createBranchKeys({ keyring, store: memoryBranchKeyStore(), partition: { by: 'table' } })
    await keys.unlock([CONTEXT.table])
    const payload = randomBytes(length)
    const envelope = sealSync(keys, payload, CONTEXT)
    const parts = floorSeal(payload, CANONICAL_CONTEXT)
    const timings = await interleave(
      {
        seal: () => sealSync(keys, payload, CONTEXT),
        sealFloor: () => floorSeal(payload, CANONICAL_CONTEXT),
        open: () => openSync(keys, envelope, CONTEXT),
        openFloor: () => floorOpen(parts, CANONICAL_CONTEXT),
      },
      effort,
    )
    return [
      compared(`seal ${size} branch-keys`, timings.seal, timings.sealFloor),
      compared(`open ${size} branch-keys`, timings.open, timings.openFloor),
    ]
  })
}

async function benchKms(latencyMs: number, effort: Effort): Promise<Result[]> {
  const emulator = await startKmsEmulator()
  Object.assign(process.env, EMULATED)
  const client = new KMSClient({ endpoint: emulator.endpoint, region: REGION })
  try {
    const { KeyMetadata } = await client.send(new CreateKeyCommand({}))
    const KeyId = KeyMetadata!.Arn!
    emulator.setFaults(latencyMs > 0 ? { latencyMs } : {})
    const keyring = createKeyring({ active: awsKms(KeyId, { endpoint: emulator.endpoint }) })
    const [payload, Plaintext] = [randomBytes(256), randomBytes(32)]
    const envelope = await seal(keyring, payload, CONTEXT)
    const timings = await interleave(
      {
        seal: () => seal(keyring, payload, CONTEXT),
        call: () => client.send(new EncryptCommand({ KeyId, Plaintext })),
        open: () => open(keyring, envelope, CONTEXT),
      },
      effort,
    )
    return [
      compared(`seal 256 B kms, ${latencyMs} ms`, timings.seal, timings.call),
      compared(`open 256 B kms, ${latencyMs} ms`, timings.open, timings.call),
    ]
  } finally {
    client.destroy()
    await emulator.close()
  }
}
