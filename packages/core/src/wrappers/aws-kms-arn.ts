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
const ARN_PREFIX = /^arn:aws[a-z-]{0,16}:kms:([a-z0-9-]{1,32}):(\d{12}):(?=key\/|alias\/)/
const ALIAS = /^alias\/[\w/-]{1,250}$/
const KEY = /^(?:key\/)?([A-Za-z0-9-]{1,128})$/
const REGION = /^[a-z0-9-]{1,32}$/
const URI_SCHEME = 'aws-kms:'
const KEY_ID_LABEL = 'keyfold aws-kms key id v1\0'
const MATERIAL_ID_LABEL = 'keyfold aws-kms material id v1\0'
const KEY_ID_LENGTH = 12
const MATERIAL_ID_LENGTH = 6

const NAME_HINT =
  'Pass the ARN of a key, arn:aws:kms:REGION:ACCOUNT:key/ID; `aws kms describe-key --key-id alias/NAME` shows it. In code, an alias is ' +
  'resolved by await resolveAwsKms("alias/NAME", { region }).'

/** `aws-kms:NAME` without its scheme; other texts as they are. ERR_KEY_ID_INVALID for what is no text. */
function withoutScheme(name: string): string {
  if (typeof name !== 'string' || name === '') throw invalidName('a KMS key has a name')
  return name.startsWith(URI_SCHEME) ? name.slice(URI_SCHEME.length) : name
}

function invalidName(fact: string): KeyfoldError {
  return new KeyfoldError('ERR_KEY_ID_INVALID', fact, { hint: NAME_HINT })
}

/** Reads a key's ARN or `aws-kms:` URI; ERR_KEY_ID_INVALID for aliases and bare ids, which only KMS can resolve. */
export function parseKeyArn(arnOrUri: string): KmsKeyName {
  const name = keyNameIn(withoutScheme(arnOrUri))
  if (name === undefined) throw invalidName('the name is not the ARN of a KMS key')
  return name
}

function keyNameIn(arn: string): KmsKeyName | undefined {
  const parts = KEY_ARN.exec(arn)
  return parts === null ? undefined : { partition: parts[1]!, region: parts[2]!, account: parts[3]!, key: parts[4]! }
}

/** A name that KMS resolves: an alias, its ARN, a key's bare id or its ARN; with or without the scheme. */
export interface UnresolvedName {
  /** As KMS takes it. */
  readonly text: string
  readonly region: string | undefined
  readonly account: string | undefined
  /** The key itself; undefined for an alias. */
  readonly key: string | undefined
}

/** Reads such a name; ERR_KEY_ID_INVALID for what is none. */
export function parseUnresolved(aliasOrId: string): UnresolvedName {
  const text = withoutScheme(aliasOrId)
  const [prefix = '', region, account] = ARN_PREFIX.exec(text) ?? []
  const rest = text.slice(prefix.length)
  const key = KEY.exec(rest)?.[1]
  if (key === undefined && !ALIAS.test(rest)) throw invalidName('the name is neither an alias nor the id of a KMS key')
  return { text, region, account, key }
}

/** The key that KMS described; undefined where it is not the one that the name stands for in this region. */
export function resolvedKey(arn: string | undefined, { account, key }: UnresolvedName, region: string): KmsKeyName | undefined {
  const found = keyNameIn(arn ?? '')
  const fits = found?.region === region && (account ?? found.account) === found.account && (key ?? found.key) === found.key
  return fits ? found : undefined
}

/** Checks a region's name before it becomes part of a host name. */
export function assertRegion(region: string | undefined): string {
  if (typeof region === 'string' && REGION.test(region)) return region
  throw new KeyfoldError('ERR_ARGUMENT', 'a region has a name such as eu-central-1')
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

/** Whether an ARN that KMS answered with is the key, or its sister in another region. */
export function isArnOf(name: KmsKeyName, arn: string | undefined): boolean {
  const answered = keyNameIn(arn ?? '')
  return answered !== undefined && identityOf(answered) === identityOf(name)
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
