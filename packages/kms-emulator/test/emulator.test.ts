import {
  CancelKeyDeletionCommand,
  CreateAliasCommand,
  CreateKeyCommand,
  DecryptCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  GenerateDataKeyWithoutPlaintextCommand,
  KMSClient,
  ListAliasesCommand,
  ListKeyRotationsCommand,
  ReEncryptCommand,
  RotateKeyOnDemandCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { KmsEmulator } from '../src/index.ts'
import { startKmsEmulator } from '../src/index.ts'

Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'emulated', AWS_SECRET_ACCESS_KEY: 'emulated' })

let emulator: KmsEmulator
let kms: KMSClient
let KeyId: string
beforeAll(async () => {
  emulator = await startKmsEmulator()
  kms = new KMSClient({ endpoint: emulator.endpoint, region: 'eu-west-1', maxAttempts: 1 })
})
afterAll(() => emulator.close())
beforeEach(async () => {
  KeyId = (await kms.send(new CreateKeyCommand({}))).KeyMetadata!.Arn!
})

const Plaintext = new Uint8Array(32).fill(1)
const nameOf = (call: Promise<unknown>) =>
  call.then(
    () => 'no error',
    (error: Error) => error.name,
  )

describe('ciphertexts', () => {
  test('of 32 bytes have 184, as with AWS, and open in their context with their key alone', async () => {
    const EncryptionContext = { a: '1', b: '2' }
    const { CiphertextBlob } = await kms.send(new EncryptCommand({ KeyId, Plaintext, EncryptionContext }))
    expect(CiphertextBlob).toHaveLength(184)
    const opened = await kms.send(new DecryptCommand({ KeyId, CiphertextBlob, EncryptionContext: { b: '2', a: '1' } }))
    expect(Uint8Array.from(opened.Plaintext!)).toEqual(Plaintext)
    expect(await nameOf(kms.send(new DecryptCommand({ KeyId, CiphertextBlob })))).toBe('InvalidCiphertextException')
    const other = (await kms.send(new CreateKeyCommand({}))).KeyMetadata!.KeyId
    const wrong = kms.send(new DecryptCommand({ KeyId: other, CiphertextBlob, EncryptionContext }))
    expect(await nameOf(wrong)).toBe('IncorrectKeyException')
  })

  test('cut, altered or made up are invalid', async () => {
    const { CiphertextBlob } = await kms.send(new EncryptCommand({ KeyId, Plaintext }))
    const blobs = [CiphertextBlob!.slice(0, 183), CiphertextBlob!.map((byte, i) => (i === 160 ? byte ^ 1 : byte)), new Uint8Array(200)]
    for (const blob of blobs) {
      expect(await nameOf(kms.send(new DecryptCommand({ KeyId, CiphertextBlob: blob })))).toBe('InvalidCiphertextException')
    }
  })

  test('move to another key by ReEncrypt, which names both materials', async () => {
    const target = (await kms.send(new CreateKeyCommand({}))).KeyMetadata!
    const { CiphertextBlob } = await kms.send(new EncryptCommand({ KeyId, Plaintext }))
    const moved = await kms.send(new ReEncryptCommand({ CiphertextBlob, SourceKeyId: KeyId, DestinationKeyId: target.KeyId }))
    expect([moved.SourceKeyId, moved.KeyId]).toEqual([KeyId, target.Arn])
    expect(moved.DestinationKeyMaterialId).toBe(target.CurrentKeyMaterialId)
    const opened = await kms.send(new DecryptCommand({ KeyId: target.Arn, CiphertextBlob: moved.CiphertextBlob }))
    expect(Uint8Array.from(opened.Plaintext!)).toEqual(Plaintext)
  })

  test('of data keys come with the data key or without', async () => {
    const made = await kms.send(new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256' }))
    const opened = await kms.send(new DecryptCommand({ KeyId, CiphertextBlob: made.CiphertextBlob }))
    expect(opened.Plaintext).toEqual(made.Plaintext)
    const blind = await kms.send(new GenerateDataKeyWithoutPlaintextCommand({ KeyId, NumberOfBytes: 32 }))
    expect(blind.CiphertextBlob).toHaveLength(184)
    expect(await nameOf(kms.send(new GenerateDataKeyCommand({ KeyId })))).toBe('ValidationException')
  })
})

describe('keys', () => {
  test('rotate on demand: a new material, and the old one still opens', async () => {
    const before = await kms.send(new GenerateDataKeyCommand({ KeyId, NumberOfBytes: 32 }))
    await kms.send(new RotateKeyOnDemandCommand({ KeyId }))
    const after = await kms.send(new GenerateDataKeyCommand({ KeyId, NumberOfBytes: 32 }))
    expect(after.KeyMaterialId).not.toBe(before.KeyMaterialId)
    const opened = await kms.send(new DecryptCommand({ KeyId, CiphertextBlob: before.CiphertextBlob }))
    expect(opened.KeyMaterialId).toBe(before.KeyMaterialId)
    const { Rotations } = await kms.send(new ListKeyRotationsCommand({ KeyId }))
    expect(Rotations).toMatchObject([{ RotationType: 'ON_DEMAND', KeyMaterialId: after.KeyMaterialId }])
    expect((await kms.send(new ListKeyRotationsCommand({ KeyId, IncludeKeyMaterial: 'ALL_KEY_MATERIAL' }))).Rotations).toHaveLength(2)
  })

  test('pending deletion refuse everything until it is cancelled, and are disabled then', async () => {
    await kms.send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 }))
    const use = () => nameOf(kms.send(new EncryptCommand({ KeyId, Plaintext })))
    expect(await use()).toBe('KMSInvalidStateException')
    expect(await nameOf(kms.send(new DisableKeyCommand({ KeyId })))).toBe('KMSInvalidStateException')
    await kms.send(new CancelKeyDeletionCommand({ KeyId }))
    expect(await use()).toBe('DisabledException')
  })

  test('are found by alias, in their region alone', async () => {
    await kms.send(new CreateAliasCommand({ AliasName: 'alias/here', TargetKeyId: KeyId }))
    expect((await kms.send(new DescribeKeyCommand({ KeyId: 'alias/here' }))).KeyMetadata!.Arn).toBe(KeyId)
    expect((await kms.send(new ListAliasesCommand({ KeyId }))).Aliases).toMatchObject([{ AliasName: 'alias/here' }])
    const elsewhere = new KMSClient({ endpoint: emulator.endpoint, region: 'us-west-2', maxAttempts: 1 })
    for (const name of ['alias/here', KeyId]) {
      expect(await nameOf(elsewhere.send(new DescribeKeyCommand({ KeyId: name })))).toBe('NotFoundException')
    }
  })
})

describe('requests', () => {
  test('that are dry runs end with the error that means success, or with what stands against them', async () => {
    expect(await nameOf(kms.send(new EncryptCommand({ KeyId, Plaintext, DryRun: true })))).toBe('DryRunOperationException')
    const probe = new DecryptCommand({ KeyId, DryRun: true, DryRunModifiers: ['IGNORE_CIPHERTEXT'] })
    expect(await nameOf(kms.send(probe))).toBe('DryRunOperationException')
    await kms.send(new DisableKeyCommand({ KeyId }))
    expect(await nameOf(kms.send(probe))).toBe('DisabledException')
  })

  test.each([
    ['no operation', {}, '{}', 'UnknownOperationException'],
    ['an operation of no own', { 'x-amz-target': 'TrentService.constructor' }, '{}', 'UnknownOperationException'],
    ['no JSON', { 'x-amz-target': 'TrentService.Encrypt' }, '{', 'SerializationException'],
    ['no object', { 'x-amz-target': 'TrentService.Encrypt' }, '[]', 'ValidationException'],
    ['a field of another type', { 'x-amz-target': 'TrentService.Encrypt' }, '{"KeyId":7}', 'ValidationException'],
    ['100 KB', { 'x-amz-target': 'TrentService.Encrypt' }, ' '.repeat(100_000), 'ValidationException'],
  ])('with %s are refused, and the next one is served', async (_, headers, body, expected) => {
    const answer = await fetch(emulator.endpoint, { method: 'POST', headers: headers as Record<string, string>, body })
    expect(answer.status).toBe(400)
    expect(await answer.json()).toMatchObject({ __type: expected })
    expect((await kms.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata!.Arn).toBe(KeyId)
  })

  test('are counted, and come late where they shall', async () => {
    emulator.resetCalls()
    emulator.setFaults({ latencyMs: 60 })
    const start = performance.now()
    await kms.send(new DescribeKeyCommand({ KeyId }))
    emulator.setFaults({})
    expect(performance.now() - start).toBeGreaterThan(55)
    expect(emulator.calls).toEqual({ DescribeKey: 1 })
  })
})
