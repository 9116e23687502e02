import * as backend from '#backend'
import { KeyfoldError } from '../errors.ts'

/** A KMS key, by the parts of its ARN. */
export interface KmsKeyName {
  readonly partition: string
  readonly region: string
  readonly account: string
  /** A UUID, or `mrk-` and 32 hex digits for a multi-region key. */
  readonly key: string
}

const KEY_ARN = /^arn:(aws[a-z-]{0,16}):kms:([a-z0-9-]{1,32}):(\d{12}):key\/([A-Za-z0-9-]{1,128})$/
const REGION = /^[a-z0-9-]{1,32}$/
const URI_SCHEME = 'aws-kms:'
const KEY_ID_LABEL = 'keyfold aws-kms key id v1\0'
const MATERIAL_ID_LABEL = 'keyfold aws-kms material id v1\0'
const KEY_ID_LENGTH = 12
const MATERIAL_ID_LENGTH = 6

/** `aws-kms:NAME` without its scheme; other texts as they are. ERR_KEY_ID_INVALID for what is no text. */
export function withoutScheme(name: string): string {
  if (typeof name !== 'string' || name === '') throw new KeyfoldError('ERR_KEY_ID_INVALID', 'a KMS key has a name', { hint: NAME_HINT })
  return name.startsWith(URI_SCHEME) ? name.slice(URI_SCHEME.length) : name
}

/** Reads a key's ARN or `aws-kms:` URI; ERR_KEY_ID_INVALID for aliases and bare ids, which only KMS can resolve. */
export function parseKeyArn(arnOrUri: string): KmsKeyName {
  const [, partition, region, account, key] = KEY_ARN.exec(withoutScheme(arnOrUri)) ?? []
  if (partition === undefined || region === undefined || account === undefined || key === undefined) {
    throw new KeyfoldError('ERR_KEY_ID_INVALID', 'the name is not the ARN of a KMS key', { hint: NAME_HINT })
  }
  return { partition, region, account, key }
}

const NAME_HINT =
  'Pass the ARN of a key, arn:aws:kms:REGION:ACCOUNT:key/ID. For an alias or a bare key id: await resolveAwsKms("alias/NAME", { region }).'

/** Checks a region's name before it becomes part of a host name. */
export function assertRegion(region: string): string {
  if (typeof region === 'string' && REGION.test(region)) return region
  throw new KeyfoldError('ERR_ARGUMENT', 'a region has a name such as eu-central-1')
}

/** The region in which an alias's ARN stands; undefined for an alias or id without one. */
export function regionOfArn(name: string): string | undefined {
  return /^arn:[a-z-]+:kms:([a-z0-9-]{1,32}):/.exec(name)?.[1]
}

export function isMultiRegion({ key }: KmsKeyName): boolean {
  return key.startsWith('mrk-')
}

/** The ARN of the key in a region: its own, or for a multi-region key that of its sister there. */
export function arnIn(name: KmsKeyName, region: string): string {
  return `arn:${name.partition}:kms:${region}:${name.account}:key/${name.key}`
}

/** The ARN that names the key for good. That of a multi-region key leaves the region empty: its sisters open what it sealed. */
export function identityOf(name: KmsKeyName): string {
  return arnIn(name, isMultiRegion(name) ? '' : name.region)
}

/** The key's 12 bytes in an envelope. */
export function kmsKeyId(name: KmsKeyName): Uint8Array {
  return shortHash(KEY_ID_LABEL + identityOf(name), KEY_ID_LENGTH)
}

/** The 6 bytes for a KeyMaterialId; zero where the service told none. */
export function kmsMaterialId(keyMaterialId: string | undefined): Uint8Array {
  if (keyMaterialId === undefined) return new Uint8Array(MATERIAL_ID_LENGTH)
  return shortHash(MATERIAL_ID_LABEL + keyMaterialId, MATERIAL_ID_LENGTH)
}

function shortHash(text: string, length: number): Uint8Array {
  return Uint8Array.from(backend.sha256(new TextEncoder().encode(text)).subarray(0, length))
}
