import {
  CreateAliasCommand,
  CreateKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  KMSClient,
  ReplicateKeyCommand,
  RotateKeyOnDemandCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms'
import type { KmsEmulator } from '@keyfold/kms-emulator'
import { startKmsEmulator } from '@keyfold/kms-emulator'
import type { AwsKmsKeyWrapper, AwsKmsOptions } from '../../src/wrappers/aws-kms.ts'
import { awsKms } from '../../src/wrappers/aws-kms.ts'

export const REGION = 'eu-central-1'
export const OTHER_REGION = 'us-east-1'

/** Another endpoint, so that the emulator itself can be checked: with its own credentials, from the environment. */
const externalEndpoint = process.env['KEYFOLD_KMS_ENDPOINT']

if (externalEndpoint === undefined) {
  // the default chain is the only way in, and the emulator takes whatever it brings
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'emulated', AWS_SECRET_ACCESS_KEY: 'emulated' })
}

/** What a test has of KMS: an endpoint, and an administrator's hand on its keys. */
export interface TestKms {
  readonly endpoint: string
  createKey(options?: { multiRegion?: boolean }): Promise<string>
  replicate(arn: string): Promise<void>
  alias(arn: string, name: string): Promise<void>
  disable(arn: string): Promise<void>
  enable(arn: string): Promise<void>
  scheduleDeletion(arn: string): Promise<void>
  rotate(arn: string): Promise<void>
  /** A wrapper over the key, with time limits that suit a test. */
  wrapper(arn: string, options?: AwsKmsOptions): AwsKmsKeyWrapper
}

function kmsAt(endpoint: string): TestKms {
  const admin = new KMSClient({ endpoint, region: REGION })
  return {
    endpoint,
    createKey: async ({ multiRegion = false } = {}) => {
      const { KeyMetadata } = await admin.send(new CreateKeyCommand({ MultiRegion: multiRegion, Description: 'keyfold test' }))
      return KeyMetadata!.Arn!
    },
    replicate: async (KeyId) => void (await admin.send(new ReplicateKeyCommand({ KeyId, ReplicaRegion: OTHER_REGION }))),
    alias: async (TargetKeyId, AliasName) => void (await admin.send(new CreateAliasCommand({ AliasName, TargetKeyId }))),
    disable: async (KeyId) => void (await admin.send(new DisableKeyCommand({ KeyId }))),
    enable: async (KeyId) => void (await admin.send(new EnableKeyCommand({ KeyId }))),
    scheduleDeletion: async (KeyId) => void (await admin.send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 }))),
    rotate: async (KeyId) => void (await admin.send(new RotateKeyOnDemandCommand({ KeyId }))),
    wrapper: (arn, options = {}) => awsKms(arn, { endpoint, timeoutMs: externalEndpoint === undefined ? 1000 : 10_000, ...options }),
  }
}

/** KMS for the tests that any implementation must pass: the one of KEYFOLD_KMS_ENDPOINT, or an emulator. */
export async function anyKms(): Promise<TestKms & { close(): Promise<void> }> {
  if (externalEndpoint !== undefined) return { ...kmsAt(externalEndpoint), close: async () => undefined }
  const emulator = await startKmsEmulator()
  return { ...kmsAt(emulator.endpoint), close: () => emulator.close() }
}

/** An emulator, for the tests that need its faults or its counters. */
export async function faultyKms(): Promise<TestKms & { readonly emulator: KmsEmulator }> {
  const emulator = await startKmsEmulator()
  return { ...kmsAt(emulator.endpoint), emulator }
}

/** The error that a promise ends with; a promise that holds is a failed test. */
export async function errorOf(promise: Promise<unknown>): Promise<Error & { code?: string; hint?: string }> {
  try {
    await promise
  } catch (error) {
    return error as Error
  }
  throw new Error('the call was expected to fail')
}
