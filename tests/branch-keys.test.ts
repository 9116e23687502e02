import { KMS } from '@aws-sdk/client-kms'
import { createBranchKeys, createKeyring, memoryBranchKeyStore, openTextSync, sealSync } from '@keyfold/core'
import { awsKms } from '@keyfold/core/aws-kms'
import { startKmsEmulator } from '@keyfold/kms-emulator'
import { expect, onTestFinished, test } from 'vitest'

const MINUTES = 60_000

async function kmsKey() {
  const emulator = await startKmsEmulator()
  onTestFinished(() => emulator.close())
  const kms = new KMS({ endpoint: emulator.endpoint, region: 'eu-central-1', credentials: { accessKeyId: 'emulated', secretAccessKey: 'emulated' } })
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'emulated', AWS_SECRET_ACCESS_KEY: 'emulated' })
  const { KeyMetadata } = await kms.createKey({})
  emulator.resetCalls()
  return { emulator, keyring: createKeyring({ active: awsKms(KeyMetadata!.Arn!, { endpoint: emulator.endpoint }) }) }
}

test('1,000,000 records sealed with KMS as the root make at most 20 calls of KMS, counted by KMS', async () => {
  const { emulator, keyring } = await kmsKey()
  const store = memoryBranchKeyStore()
  const keys = createBranchKeys({ keyring, store, partition: { by: 'table' } })
  const payload = new Uint8Array(256)
  let last = new Uint8Array()
  const context = (i: number) => ({ table: `t${i % 4}`, id: String(i) })
  for (let i = 0; i < 1_000_000; i++) {
    if (i % 1000 === 0) await keys.unlock(['t0', 't1', 't2', 't3'])
    last = Uint8Array.from(sealSync(keys, payload, context(i)))
  }
  const calls = Object.values(emulator.calls).reduce((sum, count) => sum + count, 0)
  expect(emulator.calls).toHaveProperty('GenerateDataKey', 4)
  expect(calls).toBeLessThanOrEqual(20)
  const elsewhere = createBranchKeys({ keyring, store, partition: { by: 'table' } })
  await elsewhere.unlock(['t3'])
  expect(openTextSync(elsewhere, last, context(999_999))).toHaveLength(256)
}, 15 * MINUTES)

test('far more partitions than fit: every record opens, and the cache stays within its bound', async () => {
  const { emulator, keyring } = await kmsKey()
  const store = memoryBranchKeyStore()
  const keys = createBranchKeys({ keyring, store, partition: { by: 'tenant' }, maxKeys: 10 })
  const sealed: Uint8Array[] = []
  for (let i = 0; i < 500; i += 10) {
    const tenants = Array.from({ length: 10 }, (_, at) => String(i + at))
    await keys.unlock(tenants)
    for (const tenant of tenants) sealed.push(sealSync(keys, tenant, { tenant }))
  }
  expect(emulator.calls).toEqual({ GenerateDataKey: 500 })
  for (let i = 0; i < 500; i += 10) {
    await keys.unlock(Array.from({ length: 10 }, (_, at) => String(i + at)))
    for (let at = i; at < i + 10; at++) expect(openTextSync(keys, sealed[at]!, { tenant: String(at) })).toBe(String(at))
  }
  expect(emulator.calls).toEqual({ GenerateDataKey: 500, Decrypt: 500 })
}, 5 * MINUTES)
