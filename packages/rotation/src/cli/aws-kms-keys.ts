import type { AwsKmsKeyWrapper, AwsKmsOptions } from '@keyfold/core/aws-kms'
import { awsKms } from '@keyfold/core/aws-kms'
import type { Config } from '../config-schema.ts'

/** The id of a key of AWS KMS by its ARN, the same for all regions of a multi-region key. Makes no call. ERR_KEY_ID_INVALID. */
export function awsKmsId(arn: string): string {
  return awsKms(arn).id
}

/** What the config says of keys of AWS KMS, and what a command adds. */
export type AwsKmsSettings = NonNullable<Config['awsKms']> & Pick<AwsKmsOptions, 'attempts'>

/** Opens it with the config's settings. Makes no call. */
export function openAwsKms(arn: string, settings: AwsKmsSettings = {}): AwsKmsKeyWrapper {
  const { reEncrypt: _, regions, ...shared } = settings
  const options: AwsKmsOptions = shared
  // a key of one region is called there
  return awsKms(arn, regions !== undefined && arn.includes(':key/mrk-') ? { ...options, regions } : options)
}

/** A key's id as a person writes it: an ARN with a region is the multi-region key too. */
export function asKeyId(text: string): string {
  try {
    return text.startsWith('aws-kms:') ? awsKmsId(text) : text
  } catch {
    return text
  }
}
