/** What do branch keys cost a process that seals many records, with the key service at 10 ms, against one that has a key file? */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms'
import { createKeyFile } from '@keyfold/core/key-file'
import { startKmsEmulator } from '@keyfold/kms-emulator'
import { compared } from '../report.ts'
import { medianOf } from '../statistics.ts'
import type { Suite } from '../suite.ts'
import { inFolder } from '../suite.ts'

const RECORDS = { full: 100_000, quick: 2000 }
const ROUNDS = 5
const LATENCY_MS = 10
const child = join(import.meta.dirname, 'branch-keys-child.ts')
const ADMIN = { accessKeyId: 'emulated', secretAccessKey: 'emulated' }
const credentials = { AWS_ACCESS_KEY_ID: 'emulated', AWS_SECRET_ACCESS_KEY: 'emulated' }

/** Whole processes in turn; the floor is the process with the key file. */
export const branchKeys: Suite = {
  name: 'branch-keys',
  run: ({ quick }) =>
    inFolder(async (folder) => {
      const count = quick ? RECORDS.quick : RECORDS.full
      const emulator = await startKmsEmulator({ latencyMs: LATENCY_MS })
      try {
        const admin = new KMSClient({ endpoint: emulator.endpoint, region: 'eu-central-1', credentials: ADMIN })
        const { KeyMetadata } = await admin.send(new CreateKeyCommand({}))
        admin.destroy()
        createKeyFile(join(folder, 'bench.key'))
        const times = { keyFile: [] as number[], branchKeys: [] as number[] }
        for (let round = 0; round < ROUNDS; round++) {
          times.keyFile.push(await sealing('key-file', join(folder, 'bench.key'), '', count))
          times.branchKeys.push(await sealing('branch-keys', KeyMetadata!.Arn!, emulator.endpoint, count))
        }
        const [withFile, withBranchKeys] = [times.keyFile, times.branchKeys].map((samples) => ({ us: medianOf(samples), samples }))
        const results = [compared(`seal ${count} records of 256 B, branch keys over KMS at ${LATENCY_MS} ms`, withBranchKeys!, withFile!)]
        return { title: 'A process that seals many records, per record', floor: 'the same process with a key file', results }
      } finally {
        await emulator.close()
      }
    }),
}

/** Microseconds a record. */
async function sealing(mode: string, key: string, endpoint: string, records: number): Promise<number> {
  const args = [...process.execArgv.filter((arg) => arg.startsWith('--conditions')), child, mode, key, endpoint, String(records)]
  const { stdout } = await promisify(execFile)(process.execPath, args, { env: { ...process.env, ...credentials } })
  return (Number(stdout) * 1000) / records
}
