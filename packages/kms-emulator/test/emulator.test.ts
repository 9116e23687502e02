import {
  CancelKeyDeletionCommand,
  CreateAliasCommand,
  CreateKeyCommand,
  DecryptCommand,
  DeleteAliasCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  GenerateDataKeyWithoutPlaintextCommand,
  GetKeyLastUsageCommand,
  KMSClient,
  ListAliasesCommand,
  ListKeyRotationsCommand,
  ReEncryptCommand,
  ReplicateKeyCommand,
  RotateKeyOnDemandCommand,
  ScheduleKeyDeletionCommand,
  UpdateAliasCommand,
} from '@aws-sdk/client-kms'
import { connect } from 'node:net'
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

const inRegion = (operation: string) => ({
  'x-amz-target': `TrentService.${operation}`,
  'authorization': 'AWS4-HMAC-SHA256 Credential=emulated/20261101/eu-west-1/kms/aws4_request',
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

  test('open without a key being named, by the key that they name: who wants to pin it, names it', async () => {
    const { CiphertextBlob } = await kms.send(new EncryptCommand({ KeyId, Plaintext }))
    expect((await kms.send(new DecryptCommand({ CiphertextBlob }))).KeyId).toBe(KeyId)
    const moved = await kms.send(new ReEncryptCommand({ CiphertextBlob, DestinationKeyId: KeyId }))
    expect(moved.SourceKeyId).toBe(KeyId)
    await kms.send(new DisableKeyCommand({ KeyId }))
    expect(await nameOf(kms.send(new DecryptCommand({ CiphertextBlob })))).toBe('DisabledException')
    const elsewhere = new KMSClient({ endpoint: emulator.endpoint, region: 'us-west-2', maxAttempts: 1 })
    expect(await nameOf(elsewhere.send(new DecryptCommand({ CiphertextBlob })))).toBe('InvalidCiphertextException')
  })

  test('of data keys come with the data key or without', async () => {
    const made = await kms.send(new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256' }))
    const opened = await kms.send(new DecryptCommand({ KeyId, CiphertextBlob: made.CiphertextBlob }))
    expect(opened.Plaintext).toEqual(made.Plaintext)
    const blind = await kms.send(new GenerateDataKeyWithoutPlaintextCommand({ KeyId, NumberOfBytes: 32 }))
    expect(blind.CiphertextBlob).toHaveLength(184)
    for (const wrong of [{}, { NumberOfBytes: 32, KeySpec: 'AES_256' as const }, { NumberOfBytes: 1025 }, { KeySpec: 'RSA' as never }]) {
      expect(await nameOf(kms.send(new GenerateDataKeyCommand({ KeyId, ...wrong })))).toBe('ValidationException')
    }
    expect((await kms.send(new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_128' }))).Plaintext).toHaveLength(16)
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

  test('rotate on demand 25 times, as AWS allows', async () => {
    for (let i = 0; i < 25; i++) await kms.send(new RotateKeyOnDemandCommand({ KeyId }))
    expect(await nameOf(kms.send(new RotateKeyOnDemandCommand({ KeyId })))).toBe('LimitExceededException')
  })

  test('of several regions share their material, and only the primary one is rotated and replicated', async () => {
    const primary = (await kms.send(new CreateKeyCommand({ MultiRegion: true }))).KeyMetadata!
    const there = new KMSClient({ endpoint: emulator.endpoint, region: 'us-west-2', maxAttempts: 1 })
    const replicate = (client: KMSClient, ReplicaRegion: string) =>
      client.send(new ReplicateKeyCommand({ KeyId: primary.KeyId, ReplicaRegion }))
    const replica = (await replicate(kms, 'us-west-2')).ReplicaKeyMetadata!
    expect(replica.Arn).toBe(primary.Arn!.replace('eu-west-1', 'us-west-2'))
    expect([primary, replica].map((key) => key.MultiRegionConfiguration?.MultiRegionKeyType)).toEqual(['PRIMARY', 'REPLICA'])
    const { CiphertextBlob } = await kms.send(new EncryptCommand({ KeyId: primary.Arn, Plaintext }))
    expect((await there.send(new DecryptCommand({ KeyId: replica.Arn, CiphertextBlob }))).KeyMaterialId).toBe(primary.CurrentKeyMaterialId)
    expect(await nameOf(there.send(new RotateKeyOnDemandCommand({ KeyId: replica.Arn })))).toBe('UnsupportedOperationException')
    expect(await nameOf(replicate(there, 'us-east-1'))).toBe('UnsupportedOperationException')
    expect(await nameOf(replicate(kms, 'us-west-2'))).toBe('AlreadyExistsException')
    expect(await nameOf(kms.send(new ReplicateKeyCommand({ KeyId, ReplicaRegion: 'us-west-2' })))).toBe('UnsupportedOperationException')
    await kms.send(new RotateKeyOnDemandCommand({ KeyId: primary.Arn }))
    const { KeyMetadata } = await there.send(new DescribeKeyCommand({ KeyId: replica.Arn }))
    expect(KeyMetadata!.CurrentKeyMaterialId).not.toBe(primary.CurrentKeyMaterialId)
  })

  test('tell when they were last used, by id or ARN and never by alias; a dry run is no use', async () => {
    const usage = async () => (await kms.send(new GetKeyLastUsageCommand({ KeyId }))).KeyLastUsage
    await nameOf(kms.send(new GenerateDataKeyCommand({ KeyId, NumberOfBytes: 32, DryRun: true })))
    expect(await usage()).toEqual({})
    const { CiphertextBlob } = await kms.send(new GenerateDataKeyCommand({ KeyId, NumberOfBytes: 32 }))
    expect((await usage())?.Operation).toBe('GenerateDataKey')
    await kms.send(new DecryptCommand({ KeyId, CiphertextBlob }))
    expect((await usage())?.Operation).toBe('Decrypt')
    expect(Math.abs((await usage())!.Timestamp!.getTime() - Date.now())).toBeLessThan(60_000)
    await kms.send(new CreateAliasCommand({ AliasName: 'alias/used', TargetKeyId: KeyId }))
    expect(await nameOf(kms.send(new GetKeyLastUsageCommand({ KeyId: 'alias/used' })))).toBe('InvalidArnException')
  })

  test('of other kinds are not made', async () => {
    for (const kind of [{ KeySpec: 'RSA_2048' as const }, { KeyUsage: 'SIGN_VERIFY' as const }, { Origin: 'EXTERNAL' as const }]) {
      expect(await nameOf(kms.send(new CreateKeyCommand(kind)))).toBe('UnsupportedOperationException')
    }
  })

  test('pending deletion refuse everything until it is cancelled, and are disabled then', async () => {
    await kms.send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 }))
    const use = () => nameOf(kms.send(new EncryptCommand({ KeyId, Plaintext })))
    expect(await use()).toBe('KMSInvalidStateException')
    expect(await nameOf(kms.send(new DisableKeyCommand({ KeyId })))).toBe('KMSInvalidStateException')
    await kms.send(new CancelKeyDeletionCommand({ KeyId }))
    expect(await use()).toBe('DisabledException')
    expect(await nameOf(kms.send(new CancelKeyDeletionCommand({ KeyId })))).toBe('KMSInvalidStateException')
    await kms.send(new EnableKeyCommand({ KeyId }))
    expect(await use()).toBe('no error')
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

describe('aliases', () => {
  const AliasName = 'alias/moving'
  const target = async () => (await kms.send(new DescribeKeyCommand({ KeyId: AliasName }))).KeyMetadata!.Arn

  test('are made once, moved and deleted', async () => {
    expect(await nameOf(kms.send(new UpdateAliasCommand({ AliasName, TargetKeyId: KeyId })))).toBe('NotFoundException')
    await kms.send(new CreateAliasCommand({ AliasName, TargetKeyId: KeyId }))
    expect(await nameOf(kms.send(new CreateAliasCommand({ AliasName, TargetKeyId: KeyId })))).toBe('AlreadyExistsException')
    const other = (await kms.send(new CreateKeyCommand({}))).KeyMetadata!.Arn
    await kms.send(new UpdateAliasCommand({ AliasName, TargetKeyId: other }))
    expect(await target()).toBe(other)
    await kms.send(new DeleteAliasCommand({ AliasName }))
    expect(await nameOf(target())).toBe('NotFoundException')
  })

  test.each(['payroll', 'alias/aws/mine', 'alias/with blank'])('named %s are refused', async (name) => {
    expect(await nameOf(kms.send(new CreateAliasCommand({ AliasName: name, TargetKeyId: KeyId })))).toBe('InvalidAliasNameException')
  })
})

describe('requests', () => {
  test('that are dry runs end with the error that means success, or with what stands against them', async () => {
    expect(await nameOf(kms.send(new EncryptCommand({ KeyId, Plaintext, DryRun: true })))).toBe('DryRunOperationException')
    const probe = new DecryptCommand({ KeyId, DryRun: true, DryRunModifiers: ['IGNORE_CIPHERTEXT'] })
    expect(await nameOf(kms.send(probe))).toBe('DryRunOperationException')
    const { CiphertextBlob } = await kms.send(new EncryptCommand({ KeyId, Plaintext }))
    expect(await nameOf(kms.send(new DecryptCommand({ KeyId, CiphertextBlob, DryRun: true })))).toBe('DryRunOperationException')
    const ends = { SourceKeyId: KeyId, DestinationKeyId: KeyId, DryRun: true }
    const move = new ReEncryptCommand({ ...ends, CiphertextBlob: undefined, DryRunModifiers: ['IGNORE_CIPHERTEXT'] })
    expect(await nameOf(kms.send(move))).toBe('DryRunOperationException')
    expect(await nameOf(kms.send(new ReEncryptCommand({ ...ends, CiphertextBlob })))).toBe('DryRunOperationException')
    await kms.send(new DisableKeyCommand({ KeyId }))
    for (const command of [probe, move]) expect(await nameOf(kms.send(command as typeof probe))).toBe('DisabledException')
  })

  test.each([
    ['no operation', {}, '{}', 'UnknownOperationException'],
    ['an operation of no own', { 'x-amz-target': 'TrentService.constructor' }, '{}', 'UnknownOperationException'],
    ['no JSON', { 'x-amz-target': 'TrentService.Encrypt' }, '{', 'SerializationException'],
    ['no object', { 'x-amz-target': 'TrentService.Encrypt' }, '[]', 'ValidationException'],
    ['a field of another type', { 'x-amz-target': 'TrentService.Encrypt' }, '{"KeyId":7}', 'ValidationException'],
    ['no field', { 'x-amz-target': 'TrentService.DescribeKey' }, '{}', 'ValidationException'],
    ['a flag of another type', { 'x-amz-target': 'TrentService.CreateKey' }, '{"MultiRegion":1}', 'ValidationException'],
    ['odd base64', { 'x-amz-target': 'TrentService.Decrypt' }, '{"CiphertextBlob":"AAA"}', 'SerializationException'],
    ['a long plaintext', { 'x-amz-target': 'TrentService.Decrypt' }, `{"CiphertextBlob":"${'AAAA'.repeat(2049)}"}`, 'ValidationException'],
    ['11 grant tokens', inRegion('Encrypt'), `{"KeyId":"x","GrantTokens":[${'"a",'.repeat(10)}"a"]}`, 'ValidationException'],
    ['grant tokens of another type', inRegion('Encrypt'), '{"KeyId":"x","GrantTokens":"a"}', 'ValidationException'],
    ['100 KB', { 'x-amz-target': 'TrentService.Encrypt' }, ' '.repeat(100_000), 'ValidationException'],
  ])('with %s are refused, and the next one is served', async (_, headers, body, expected) => {
    const answer = await fetch(emulator.endpoint, { method: 'POST', headers: headers as Record<string, string>, body })
    expect(answer.status).toBe(400)
    expect(await answer.json()).toMatchObject({ __type: expected })
    expect((await kms.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata!.Arn).toBe(KeyId)
  })

  test.each(['[]', '{"a":1}'])('with the encryption context %s are refused', async (context) => {
    const body = `{"KeyId":${JSON.stringify(KeyId)},"NumberOfBytes":32,"EncryptionContext":${context}}`
    const answer = await fetch(emulator.endpoint, { method: 'POST', headers: inRegion('GenerateDataKey'), body })
    expect(await answer.json()).toMatchObject({ __type: 'ValidationException' })
  })

  test('that break off in their middle do no harm to the next', async () => {
    const socket = connect(Number(new URL(emulator.endpoint).port), '127.0.0.1')
    socket.write('POST / HTTP/1.1\r\nhost: x\r\nx-amz-target: TrentService.CreateKey\r\ncontent-length: 100\r\n\r\n{')
    await new Promise((resolve) => setTimeout(resolve, 50))
    socket.destroy()
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
