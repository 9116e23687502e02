/** What do branch keys cost a process that seals many records, with the key service at 10 ms, against one that has a key file? */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms'
import { createKeyFile } from '@keyfold/core/key-file'
import { startKmsEmulator } from '@keyfold/kms-emulator'
import { median } from './interleave.ts'
import type { Result } from './report.ts'
import { result } from './report.ts'

const RECORDS = 100_000
const ROUNDS = 5
const LATENCY_MS = 10
const child = join(import.meta.dirname, 'branch-keys-child.ts')
const ADMIN = { accessKeyId: 'emulated', secretAccessKey: 'emulated' }
const credentials = { AWS_ACCESS_KEY_ID: 'emulated', AWS_SECRET_ACCESS_KEY: 'emulated' }

/** Whole processes in turn; the floor is the process with the key file. */
export async function benchBranchKeys(records = RECORDS): Promise<Result[]> {
  const folder = mkdtempSync(join(tmpdir(), 'keyfold-bench-'))
  const emulator = await startKmsEmulator({ latencyMs: LATENCY_MS })
  try {
    const admin = new KMSClient({ endpoint: emulator.endpoint, region: 'eu-central-1', credentials: ADMIN })
    const { KeyMetadata } = await admin.send(new CreateKeyCommand({}))
    createKeyFile(join(folder, 'bench.key'))
    const times = { keyFile: [] as number[], branchKeys: [] as number[] }
    for (let round = 0; round < ROUNDS; round++) {
      times.keyFile.push(await seconds('key-file', join(folder, 'bench.key'), '', records))
      times.branchKeys.push(await seconds('branch-keys', KeyMetadata!.Arn!, emulator.endpoint, records))
    }
    const [keyFile, branchKeys] = [times.keyFile, times.branchKeys].map((each) => (median(each.toSorted((a, b) => a - b)) * 1_000_000) / records)
    return [result(`seal ${records} records of 256 B, branch keys over KMS at ${LATENCY_MS} ms`, branchKeys!, keyFile!)]
  } finally {
    await emulator.close()
    rmSync(folder, { recursive: true })
  }
}

async function seconds(mode: string, key: string, endpoint: string, records: number): Promise<number> {
  const args = [...process.execArgv.filter((arg) => arg.startsWith('--conditions')), child, mode, key, endpoint, String(records)]
  const { stdout } = await promisify(execFile)(process.execPath, args, { env: { ...process.env, ...credentials } })
  return Number(stdout) / 1000
}
