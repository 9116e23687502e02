import type { KMSClientConfig } from '@aws-sdk/client-kms'
import { concat } from '../bytes.ts'
import { KeyfoldError } from '../errors.ts'
import { assertRegion, isMultiRegion, parseKeyArn, regionOfArn, withoutScheme } from './aws-kms-arn.ts'
import { kmsError } from './aws-kms-errors.ts'
import type { KmsService } from './aws-kms-service.ts'
import { assertClearNames } from './aws-kms-service.ts'
import type { AwsKmsKeyWrapper } from './aws-kms-wrapper.ts'
import { AwsKmsWrapper } from './aws-kms-wrapper.ts'

export type { AwsKmsKeyWrapper } from './aws-kms-wrapper.ts'

/** Settings of a KMS key. Credentials are not among them: the default chain of the AWS SDK finds them (IAM role, environment, profile). */
export interface AwsKmsOptions {
  /**
   * Names of context pairs that KMS gets in clear beside the hash of the whole, for conditions in IAM policies and for CloudTrail. Part of how a
   * record is sealed: with other names it does not open. None by default.
   */
  clearContext?: readonly string[]
  /** Tokens of grants that are too new to be known everywhere. */
  grantTokens?: readonly string[]
  /** For a multi-region key: the regions to call, the preferred one first; the next one where a region is out of reach. By default the ARN's. */
  regions?: readonly string[]
  /** In place of AWS's own endpoints: a VPC endpoint, or an emulator; by region, where there are several. `http:` on this machine alone. */
  endpoint?: string | Readonly<Record<string, string>>
  /** Milliseconds for one attempt, from 50 on; 3000 by default. */
  timeoutMs?: number
  /** Attempts a call and region, 1 to 10; 3 by default. The SDK waits between them, longer each time, by a random share. */
  attempts?: number
  /** The oldest TLS that is spoken; 1.2 by default. */
  minTls?: '1.2' | '1.3'
}

/** An answer of KMS has at most about 9 KB; what is longer does not come from it. */
const MOST_ANSWER_BYTES = 65_536

/**
 * A key wrapper over a key of AWS KMS. Makes no call until it is used, and then only for this key, whatever an envelope says. Needs the package
 * `@aws-sdk/client-kms`, which is loaded at the first call.
 *
 * @param arnOrUri the key's ARN, `arn:aws:kms:REGION:ACCOUNT:key/ID`, or `aws-kms:` and the ARN; for an alias see `resolveAwsKms`
 * @throws KeyfoldError ERR_KEY_ID_INVALID, ERR_ARGUMENT
 * @example const keyring = createKeyring({ active: awsKms('arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab') })
 */
export function awsKms(arnOrUri: string, options: AwsKmsOptions = {}): AwsKmsKeyWrapper {
  const name = parseKeyArn(arnOrUri)
  const regions = [...new Set(options.regions ?? [name.region])].map(assertRegion)
  if (regions.length === 0) throw new KeyfoldError('ERR_ARGUMENT', 'regions names at least one region')
  if (!isMultiRegion(name) && (regions.length > 1 || regions[0] !== name.region)) {
    throw new KeyfoldError('ERR_ARGUMENT', 'only a multi-region key (mrk-…) is in regions other than that of its ARN')
  }
  const { clearContext = [], grantTokens = [] } = options
  return new AwsKmsWrapper({
    name,
    regions,
    clearContext: assertClearNames(clearContext),
    grantTokens: [...grantTokens],
    connect: connector(options),
  })
}

/**
 * As `awsKms`, for an alias (`alias/NAME`, or its ARN) or a bare key id. Asks KMS once (DescribeKey) which key that is: the wrapper stays with
 * that key, also when the alias moves on.
 *
 * @param region where the name stands; an ARN says it itself
 * @throws KeyfoldError ERR_KEY_NOT_FOUND, ERR_KEY_DENIED, ERR_KEY_UNAVAILABLE, ERR_ARGUMENT
 * @example const key = await resolveAwsKms('alias/payroll', { region: 'eu-central-1' })
 */
export async function resolveAwsKms(
  aliasOrId: string,
  { region, ...options }: AwsKmsOptions & { region?: string },
): Promise<AwsKmsKeyWrapper> {
  const KeyId = withoutScheme(aliasOrId)
  const home = assertRegion(regionOfArn(KeyId) ?? region ?? '')
  try {
    const kms = await connector(options)(home)
    const { KeyMetadata } = await kms.describeKey({ KeyId, GrantTokens: [...(options.grantTokens ?? [])] })
    return awsKms(KeyMetadata?.Arn ?? '', options)
  } catch (error) {
    throw kmsError(error, 'the key of this alias or id')
  }
}

/** One client a region, made when it is first needed. */
function connector(options: AwsKmsOptions): (region: string) => Promise<KmsService> {
  const config = clientConfig(options)
  const clients = new Map<string, Promise<KmsService>>()
  return (region) => {
    const client = clients.get(region) ?? connect(region, config(region))
    clients.set(region, client)
    return client
  }
}

async function connect(region: string, config: KMSClientConfig): Promise<KmsService> {
  const { KMS } = await loadSdk()
  const client = new KMS({ ...config, region })
  // here and not in the options: an endpoint may also come from the environment or a profile
  client.middlewareStack.add(
    (next) => (args) => {
      assertConfidential(args.request as { protocol?: string; hostname?: string })
      return next(args)
    },
    { step: 'build', name: 'keyfoldAssertConfidential' },
  )
  return client
}

async function loadSdk() {
  try {
    return await import('@aws-sdk/client-kms')
  } catch {
    throw new KeyfoldError('ERR_RUNTIME', 'Cannot import @aws-sdk/client-kms', {
      hint: 'Install it beside Keyfold: npm install @aws-sdk/client-kms',
    })
  }
}

function clientConfig(options: AwsKmsOptions): (region: string) => KMSClientConfig {
  const { endpoint, minTls = '1.2' } = options
  const timeoutMs = bounded(options.timeoutMs ?? 3000, 50, 600_000, 'timeoutMs')
  const attempts = bounded(options.attempts ?? 3, 1, 10, 'attempts')
  if (minTls !== '1.2' && minTls !== '1.3') throw new KeyfoldError('ERR_ARGUMENT', 'minTls is 1.2 or 1.3')
  const fixed: KMSClientConfig = {
    maxAttempts: attempts,
    retryMode: 'standard',
    requestHandler: {
      connectionTimeout: timeoutMs,
      requestTimeout: timeoutMs,
      throwOnRequestTimeout: true,
      httpsAgent: { keepAlive: true, minVersion: `TLSv${minTls}` },
    },
    streamCollector: (body: AsyncIterable<Uint8Array>) => collect(body, timeoutMs),
  }
  return (region) => {
    const url = typeof endpoint === 'string' ? endpoint : endpoint?.[region]
    return url === undefined ? fixed : { ...fixed, endpoint: url }
  }
}

function bounded(value: number, least: number, most: number, name: string): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value
  throw new KeyfoldError('ERR_ARGUMENT', `${name} is an integer from ${least} to ${most}`)
}

/** A data key goes over the wire: never in clear, but to an emulator on this machine. */
function assertConfidential({ protocol, hostname = '' }: { protocol?: string; hostname?: string }): void {
  if (protocol === 'https:' || ['localhost', '127.0.0.1', '[::1]', '::1'].includes(hostname)) return
  throw new KeyfoldError('ERR_ARGUMENT', 'the endpoint of KMS is not one of https:', {
    hint: 'Use an https: endpoint; http: is for an emulator on this machine.',
  })
}

/** The body of an answer, in bounded size and time: the SDK itself bounds neither. */
async function collect(body: AsyncIterable<Uint8Array> & { destroy?: (error: Error) => void }, timeoutMs: number): Promise<Uint8Array> {
  const stalled = Object.assign(new Error('the answer stopped in its middle'), { name: 'TimeoutError' })
  const timer = setTimeout(() => body.destroy?.(stalled), timeoutMs)
  const chunks: Uint8Array[] = []
  let length = 0
  try {
    for await (const chunk of body) {
      length += chunk.length
      // leaving the loop closes the connection
      if (length > MOST_ANSWER_BYTES) throw new Error('the answer is too long')
      chunks.push(chunk)
    }
  } finally {
    clearTimeout(timer)
  }
  return concat(...chunks)
}
