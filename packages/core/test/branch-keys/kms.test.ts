import { expect, onTestFinished, test } from 'vitest'
import { createBranchKeys, createKeyring, memoryBranchKeyStore, openText, rewrapBranchKeys, seal } from '../../src/index.ts'
import { faultyKms } from '../wrappers/aws-kms-support.ts'
import { record } from './support.ts'

test('between two KMS keys a branch key moves by one ReEncrypt: no call opens it', async () => {
  const kms = await faultyKms()
  onTestFinished(() => kms.close())
  const [q3, q4] = [await kms.createKey(), await kms.createKey()]
  const store = memoryBranchKeyStore()
  const keys = createBranchKeys({ keyring: createKeyring({ active: kms.wrapper(q3) }), store, partition: { by: 'tenant' } })
  const envelopes = await Promise.all(['1', '2', '3'].map((tenant) => seal(keys, tenant, record(tenant))))
  kms.emulator.resetCalls()
  const next = createKeyring({ active: kms.wrapper(q4), decryptOnly: [kms.wrapper(q3)] })
  for await (const progress of rewrapBranchKeys(next, store, { within: true })) expect(progress).toMatchObject({ rewrapped: 3, failed: [] })
  expect(kms.emulator.calls).toEqual({ ReEncrypt: 3 })
  const after = createBranchKeys({ keyring: createKeyring({ active: kms.wrapper(q4) }), store, partition: { by: 'tenant' } })
  for (const [i, envelope] of envelopes.entries()) expect(await openText(after, envelope, record(String(i + 1)))).toBe(String(i + 1))
})
