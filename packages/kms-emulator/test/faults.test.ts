import { CreateKeyCommand, DecryptCommand, DescribeKeyCommand, GenerateDataKeyCommand, KMSClient, ReEncryptCommand } from '@aws-sdk/client-kms'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { Faults, KmsEmulator } from '../src/index.ts'
import { startKmsEmulator } from '../src/index.ts'

Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'emulated', AWS_SECRET_ACCESS_KEY: 'emulated' })

let emulator: KmsEmulator
let KeyId: string
beforeAll(async () => {
  emulator = await startKmsEmulator({ region: 'eu-west-1', latencyMs: 1 })
  KeyId = (await client('eu-west-1').send(new CreateKeyCommand({}))).KeyMetadata!.Arn!
})
afterAll(() => emulator.close())
afterEach(() => emulator.setFaults({}))

const client = (region: string) => new KMSClient({ endpoint: emulator.endpoint, region, maxAttempts: 1, requestHandler: { requestTimeout: 10_000 } })
const dataKey = () => client('eu-west-1').send(new GenerateDataKeyCommand({ KeyId, NumberOfBytes: 32 }))
const describeKey = () => client('eu-west-1').send(new DescribeKeyCommand({ KeyId }))
const outcome = (call: Promise<unknown>) =>
  call.then(
    () => 'ok',
    (error: Error) => error.name,
  )
/** A call as bytes on the wire. */
const raw = (signal?: AbortSignal) => {
  const headers = { 'x-amz-target': 'TrentService.GenerateDataKey' }
  return fetch(emulator.endpoint, { method: 'POST', headers, body: JSON.stringify({ KeyId, NumberOfBytes: 32 }), ...(signal && { signal }) })
}

test('throttleEvery strikes every nth call, counted from when it was set', async () => {
  emulator.setFaults({ throttleEvery: 3 })
  const names = []
  for (let i = 0; i < 6; i++) names.push(await outcome(dataKey()))
  expect(names).toEqual(['ok', 'ok', 'ThrottlingException', 'ok', 'ok', 'ThrottlingException'])
})

test('deny and fail strike the operations that they name', async () => {
  emulator.setFaults({ deny: ['GenerateDataKey'], fail: { DescribeKey: 'KMSInternalException' } })
  expect(await outcome(dataKey())).toBe('AccessDeniedException')
  const error = await describeKey().catch((caught: unknown) => caught as { name: string; $metadata: { httpStatusCode: number } })
  expect(error).toMatchObject({ name: 'KMSInternalException', $metadata: { httpStatusCode: 500 } })
  emulator.setFaults({ fail: { GenerateDataKey: 'DisabledException' } })
  expect(await outcome(dataKey())).toBe('DisabledException')
  expect(await outcome(describeKey())).toBe('ok')
})

test('unless lets what is denied through with these pairs in its encryption context', async () => {
  emulator.setFaults({ deny: ['GenerateDataKey'], unless: { table: 'a' } })
  const call = (EncryptionContext: Record<string, string>) =>
    outcome(client('eu-west-1').send(new GenerateDataKeyCommand({ KeyId, NumberOfBytes: 32, EncryptionContext })))
  expect(await Promise.all([call({ table: 'a', id: '1' }), call({ table: 'b' }), call({}), outcome(dataKey())])).toEqual([
    'ok', 'AccessDeniedException', 'AccessDeniedException', 'AccessDeniedException',
  ])
})

test('grantToken lets those in that bring it', async () => {
  emulator.setFaults({ grantToken: 'fresh' })
  expect(await outcome(dataKey())).toBe('AccessDeniedException')
  const granted = new GenerateDataKeyCommand({ KeyId, NumberOfBytes: 32, GrantTokens: ['fresh'] })
  expect(await outcome(client('eu-west-1').send(granted))).toBe('ok')
})

test('regions are the only ones that are struck', async () => {
  emulator.setFaults({ throttleEvery: 1, regions: ['us-west-2'] })
  expect(await outcome(dataKey())).toBe('ok')
  expect(await outcome(client('us-west-2').send(new CreateKeyCommand({})))).toBe('ThrottlingException')
})

test('answers: hang and stall keep the client waiting, reset cuts it off', async () => {
  emulator.setFaults({ answer: 'hang' })
  expect(await outcome(raw(AbortSignal.timeout(100)))).toBe('TimeoutError')
  emulator.setFaults({ answer: 'stall' })
  const patience = new AbortController()
  const stalled = await raw(patience.signal)
  setTimeout(() => patience.abort(), 100)
  expect(await outcome(stalled.text())).toBe('AbortError')
  emulator.setFaults({ answer: 'reset' })
  expect(await outcome(raw())).toBe('TypeError')
})

test('answers: garbage is no JSON, huge is right and of 10 MB', async () => {
  emulator.setFaults({ answer: 'garbage' })
  expect(await (await raw()).text()).toMatch(/^<html>/)
  emulator.setFaults({ answer: 'huge' })
  const text = await (await raw()).text()
  expect(text).toHaveLength(10_000_000)
  expect(JSON.parse(text)).toMatchObject({ KeyId })
})

test('answers: other-key-id, short-key and no-material change one thing each', async () => {
  const { CiphertextBlob } = await dataKey()
  emulator.setFaults({ answer: 'other-key-id' })
  expect((await dataKey()).KeyId).toMatch(/:999999999999:key\//)
  expect((await describeKey()).KeyMetadata!.Arn).toMatch(/:999999999999:key\//)
  emulator.setFaults({ answer: 'short-key' })
  const short = await client('eu-west-1').send(new DecryptCommand({ KeyId, CiphertextBlob }))
  expect([short.KeyId, short.Plaintext!.length]).toEqual([KeyId, 16])
  emulator.setFaults({ answer: 'no-material' })
  expect((await dataKey()).KeyMaterialId).toBeUndefined()
  const moved = await client('eu-west-1').send(new ReEncryptCommand({ SourceKeyId: KeyId, DestinationKeyId: KeyId, CiphertextBlob }))
  expect([moved.SourceKeyMaterialId, moved.DestinationKeyMaterialId, moved.KeyId]).toEqual([undefined, undefined, KeyId])
})

const unknown = [{ latency: 5 }, { answer: 'late' }, null, 'slow']
test.each(unknown)('a fault that does not exist (%j) is refused, and those before it stay', async (faults) => {
  emulator.setFaults({ throttleEvery: 1 })
  expect(() => emulator.setFaults(faults as Faults)).toThrow(TypeError)
  expect(await outcome(dataKey())).toBe('ThrottlingException')
  await expect(startKmsEmulator({ faults: faults as Faults })).rejects.toThrow(TypeError)
})
