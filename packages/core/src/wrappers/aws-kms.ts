import type { KMSClientConfig } from '@aws-sdk/client-kms'
import { toHex } from '../bytes.ts'
import { KeyfoldError } from '../errors.ts'
import { boundedCollector, endingWithin } from './aws-kms-answer.ts'
import type { KmsKeyName } from './aws-kms-arn.ts'
import { assertRegion, isMultiRegion, kmsMaterialId, parseKeyArn, parseUnresolved, resolvedKey } from './aws-kms-arn.ts'
import { badAnswer, kmsError } from './aws-kms-errors.ts'
import type { AwsKmsOptions, AwsKmsSettings } from './aws-kms-options.ts'
import { assertConfidential, settingsOf } from './aws-kms-options.ts'
import type { ConnectKms, KmsService } from './aws-kms-service.ts'
import type { AwsKmsKeyWrapper } from './aws-kms-wrapper.ts'
import { AwsKmsWrapper } from './aws-kms-wrapper.ts'

export type { AwsKmsOptions } from './aws-kms-options.ts'
export type { AwsKmsKeyWrapper } from './aws-kms-wrapper.ts'

/**
 * A key wrapper over a key of AWS KMS. Makes no call until it is used, and then only for this key, whatever an envelope says. Needs the package
 * `@aws-sdk/client-kms`, which is loaded at the first call.
 *
 * @param arnOrUri the key's ARN, `arn:aws:kms:REGION:ACCOUNT:key/ID`, or `aws-kms:` and the ARN; for an alias see `resolveAwsKms`
 * @throws KeyfoldError ERR_KEY_ID_INVALID, ERR_ARGUMENT
 * @example const keyring = createKeyring({ active: awsKms('arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab') })
 */
export function awsKms(arnOrUri: string, options: AwsKmsOptions = {}): AwsKmsKeyWrapper {
  const settings = settingsOf(options)
  return wrapperOver(parseKeyArn(arnOrUri), settings, connector(settings))
}

/**
 * As `awsKms`, for an alias (`alias/NAME`, or its ARN) or a bare key id. Asks KMS once (DescribeKey) which key that is: the wrapper stays with
 * that key, also when the alias moves on.
 *
 * @param options as those of `awsKms`; `region` is where the name stands, if it is no ARN, which says it itself: by default the first of `regions`
 * @throws KeyfoldError ERR_KEY_ID_INVALID, ERR_ARGUMENT; ERR_KEY_MISSING, ERR_KEY_DENIED, ERR_KEY_UNAVAILABLE and the other codes of a call
 * @example const key = await resolveAwsKms('alias/payroll', { region: 'eu-central-1' })
 */
export async function resolveAwsKms(
  aliasOrId: string,
  { region, ...options }: AwsKmsOptions & { readonly region?: string },
): Promise<AwsKmsKeyWrapper> {
  const asked = parseUnresolved(aliasOrId)
  const settings = settingsOf(options)
  const home = assertRegion(asked.region ?? region ?? settings.regions?.[0])
  const connect = connector(settings)
  try {
    const { KeyMetadata } = await (await connect(home)).describeKey({ KeyId: asked.text, GrantTokens: [...settings.grantTokens] })
    const name = resolvedKey(KeyMetadata?.Arn, asked, home)
    if (name === undefined) throw badAnswer('the key of this alias or id', 'KMS described another key than the one that was asked for')
    return wrapperOver(name, settings, connect)
  } catch (error) {
    throw kmsError(error, 'the key of this alias or id')
  }
}

/**
 * The material id by which `inspect` shows a KeyMaterialId of KMS, 12 hex digits: so that what `aws kms list-key-rotations` lists is found in
 * envelopes.
 *
 * @param keyMaterialId 64 hex digits, as KMS and CloudTrail show it
 * @returns 12 hex digits
 * @throws KeyfoldError ERR_ARGUMENT
 */
export function awsKmsMaterialId(keyMaterialId: string): string {
  if (!/^[0-9a-f]{64}$/.test(keyMaterialId)) throw new KeyfoldError('ERR_ARGUMENT', 'a KeyMaterialId has 64 hex digits')
  return toHex(kmsMaterialId(keyMaterialId))
}

function wrapperOver(name: KmsKeyName, settings: AwsKmsSettings, connect: ConnectKms): AwsKmsKeyWrapper {
  const { regions = [name.region], clearContext, grantTokens } = settings
  if (!isMultiRegion(name) && (regions.length > 1 || regions[0] !== name.region)) {
    throw new KeyfoldError('ERR_ARGUMENT', 'only a multi-region key (mrk-…) is in regions other than that of its ARN')
  }
  return new AwsKmsWrapper({ name, regions, clearContext, grantTokens, connect })
}

/** One client a region, made when it is first needed. */
function connector(settings: AwsKmsSettings): ConnectKms {
  const clients = new Map<string, Promise<KmsService>>()
  return (region) => {
    const client = clients.get(region) ?? newClient(region, settings)
    clients.set(region, client)
    return client
  }
}

async function newClient(region: string, settings: AwsKmsSettings): Promise<KmsService> {
  const { KMS } = await loadSdk()
  const client = new KMS({ ...clientConfig(settings, region), region })
  client.middlewareStack.add((next) => (args) => endingWithin(settings.deadlineMs, next(args)), {
    step: 'initialize',
    priority: 'high',
  })
  // here too, and not in the options alone: an endpoint may also come from the environment or a profile
  client.middlewareStack.add(
    (next) => (args) => {
      assertConfidential(args.request as { protocol?: string; hostname?: string })
      return next(args)
    },
    { step: 'build' },
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

function clientConfig({ endpointOf, timeoutMs, attempts, minTls }: AwsKmsSettings, region: string): KMSClientConfig {
  const endpoint = endpointOf(region)
  return {
    maxAttempts: attempts,
    retryMode: 'standard',
    requestHandler: {
      connectionTimeout: timeoutMs,
      requestTimeout: timeoutMs,
      throwOnRequestTimeout: true,
      // certificates are checked even where the environment says not to
      httpsAgent: { keepAlive: true, minVersion: `TLSv${minTls}`, rejectUnauthorized: true },
    },
    streamCollector: boundedCollector(timeoutMs),
    ...(endpoint === undefined ? {} : { endpoint }),
  }
}
