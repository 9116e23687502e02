import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import {
  CreateAliasCommand,
  CreateKeyCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  KMSClient,
  ReplicateKeyCommand,
  RotateKeyOnDemandCommand,
  ScheduleKeyDeletionCommand,
  UpdateAliasCommand,
} from '@aws-sdk/client-kms'
import type { KmsEmulator } from '@keyfold/kms-emulator'
import { startKmsEmulator } from '@keyfold/kms-emulator'
import { describe, onTestFinished } from 'vitest'
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
  moveAlias(arn: string, name: string): Promise<void>
  disable(arn: string): Promise<void>
  enable(arn: string): Promise<void>
  scheduleDeletion(arn: string): Promise<void>
  rotate(arn: string): Promise<void>
  /** The KeyMaterialId that encrypts now, as KMS shows it. */
  material(arn: string): Promise<string>
  /** A wrapper over the key, with a time limit that a busy machine keeps. */
  wrapper(arn: string, options?: AwsKmsOptions): AwsKmsKeyWrapper
  /** Lets go of what was made. */
  close(): Promise<void>
}

function kmsAt(endpoint: string): Omit<TestKms, 'close'> & { readonly made: readonly string[] } {
  const made: string[] = []
  const at = (arn: string) => new KMSClient({ endpoint, region: arn.split(':')[3] ?? REGION })
  const admin = new KMSClient({ endpoint, region: REGION })
  const material = async (KeyId: string) => (await admin.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata!.CurrentKeyMaterialId!
  return {
    endpoint,
    made,
    createKey: async ({ multiRegion = false } = {}) => {
      const { KeyMetadata } = await admin.send(new CreateKeyCommand({ MultiRegion: multiRegion, Description: 'keyfold test' }))
      made.push(KeyMetadata!.Arn!)
      return KeyMetadata!.Arn!
    },
    replicate: async (KeyId) => {
      await admin.send(new ReplicateKeyCommand({ KeyId, ReplicaRegion: OTHER_REGION }))
      made.unshift(KeyId.replace(REGION, OTHER_REGION))
    },
    alias: async (TargetKeyId, AliasName) => void (await admin.send(new CreateAliasCommand({ AliasName, TargetKeyId }))),
    moveAlias: async (TargetKeyId, AliasName) => void (await admin.send(new UpdateAliasCommand({ AliasName, TargetKeyId }))),
    disable: async (KeyId) => void (await admin.send(new DisableKeyCommand({ KeyId }))),
    enable: async (KeyId) => void (await admin.send(new EnableKeyCommand({ KeyId }))),
    scheduleDeletion: async (KeyId) => void (await at(KeyId).send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 }))),
    rotate: async (KeyId) => {
      const before = await material(KeyId)
      await admin.send(new RotateKeyOnDemandCommand({ KeyId }))
      // AWS takes its time
      while ((await material(KeyId)) === before) await wait(500)
    },
    material,
    wrapper: (arn, options = {}) => awsKms(arn, { endpoint, timeoutMs: 10_000, ...options }),
  }
}

/** KMS for the tests that any implementation must pass: the one of KEYFOLD_KMS_ENDPOINT, or an emulator. */
export async function anyKms(): Promise<TestKms> {
  if (externalEndpoint === undefined) return faultyKms()
  const { made, ...kms } = kmsAt(externalEndpoint)
  // a key costs its owner money for as long as it is there; some are gone already, by the test itself
  const close = async () => void (await Promise.allSettled(made.map((arn) => kms.scheduleDeletion(arn))))
  return { ...kms, close }
}

/** An emulator, for the tests that need its faults or its counters. */
export async function faultyKms(): Promise<TestKms & { readonly emulator: KmsEmulator }> {
  const emulator = await startKmsEmulator()
  return { ...kmsAt(emulator.endpoint), emulator, close: () => emulator.close() }
}

/** As `describe`, for tests of faults and counters: left out where KEYFOLD_KMS_ENDPOINT names another endpoint. */
export function describeOnEmulator(name: string, tests: () => void): void {
  if (externalEndpoint !== undefined) process.stderr.write(`left out: ${name} (KEYFOLD_KMS_ENDPOINT is set; faults are the emulator's)\n`)
  describe.skipIf(externalEndpoint !== undefined)(name, tests)
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

/** A server in KMS's place that answers every request alike, and keeps the bodies of the requests; it ends with the test. */
export async function stubKms(status: number, answer: object): Promise<{ readonly endpoint: string; readonly bodies: string[] }> {
  const bodies: string[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk))
    request.on('end', () => {
      bodies.push(body)
      response.writeHead(status, { connection: 'close' }).end(JSON.stringify(answer))
    })
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, bodies }
}
