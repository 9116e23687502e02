/** An emulator of AWS KMS for the tests of one file, spoken to by the real SDK. */
import type { KeyWrapper } from '@keyfold/core'
import type { AwsKmsOptions } from '@keyfold/core/aws-kms'
import { awsKms } from '@keyfold/core/aws-kms'
import { startKmsEmulator } from '@keyfold/kms-emulator'
import { afterAll, beforeEach } from 'vitest'

Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'emulated', AWS_SECRET_ACCESS_KEY: 'emulated' })

export const emulator = await startKmsEmulator()
beforeEach(() => emulator.setFaults({}))
afterAll(() => emulator.close())

/** Calls of any kind since they were last reset. */
export const called = (): number => Object.values(emulator.calls).reduce((sum, count) => sum + count, 0)

export async function ask(operation: string, input: object): Promise<{ KeyMetadata: { Arn: string } }> {
  const headers = { 'x-amz-target': `TrentService.${operation}` }
  const answer = await fetch(emulator.endpoint, { method: 'POST', headers, body: JSON.stringify(input) })
  return answer.json() as Promise<{ KeyMetadata: { Arn: string } }>
}

export const newKey = async (): Promise<string> => (await ask('CreateKey', {})).KeyMetadata.Arn

export const key = (arn: string, options: AwsKmsOptions = {}): KeyWrapper =>
  awsKms(arn, { endpoint: emulator.endpoint, attempts: 1, timeoutMs: 10_000, ...options })
