import { KeyfoldError } from '../errors.ts'
import { assertRegion } from './aws-kms-arn.ts'
import { HASH_PAIR } from './aws-kms-service.ts'

/** Settings of a KMS key. Credentials are not among them: the default chain of the AWS SDK finds them (IAM role, environment, profile). */
export interface AwsKmsOptions {
  /**
   * Names of context pairs that KMS gets in clear beside the hash of the whole, for conditions in IAM policies and for CloudTrail. Part of how a
   * record is sealed: with other names it does not open. None by default.
   */
  readonly clearContext?: readonly string[]
  /** Tokens of grants that are too new to be known everywhere; at most 10. */
  readonly grantTokens?: readonly string[]
  /** For a multi-region key: the regions to call, the preferred one first; the next one where a region is out of reach. By default the ARN's. */
  readonly regions?: readonly string[]
  /** In place of AWS's own endpoints: a VPC endpoint, or an emulator; by region, where there are several. `http:` on this machine alone. */
  readonly endpoint?: string | Readonly<Record<string, string>>
  /** Milliseconds that an answer may take to begin, and then to end; from 50 to 600,000, by default 3000. */
  readonly timeoutMs?: number
  /** The most attempts of a call in a region, 1 to 10; 3 by default. Between them the SDK waits a random share of a bound that doubles each time. */
  readonly attempts?: number
  /** The oldest TLS that is spoken; 1.2 by default. */
  readonly minTls?: '1.2' | '1.3'
}

/** The options with their defaults, checked. */
export interface AwsKmsSettings {
  readonly clearContext: readonly string[]
  readonly grantTokens: readonly string[]
  readonly regions: readonly string[] | undefined
  readonly endpointOf: (region: string) => string | undefined
  readonly timeoutMs: number
  readonly attempts: number
  readonly minTls: '1.2' | '1.3'
  /** When a call in one region has ended, whatever hangs: a source of credentials may, and the SDK bounds none of them. */
  readonly deadlineMs: number
}

const NAMES: readonly string[] = ['clearContext', 'grantTokens', 'regions', 'endpoint', 'timeoutMs', 'attempts', 'minTls']
/** KMS takes no more. */
const MOST_GRANT_TOKENS = 10
/** As a URL and as a request of the SDK name it. */
const THIS_MACHINE: ReadonlySet<string | undefined> = new Set(['localhost', '127.0.0.1', '[::1]', '::1'])
/** More than the SDK waits before each of the attempts that are made by default. */
const BACKOFF_MS = 10_000

/**
 * Checks options, and fills in their defaults.
 *
 * @throws KeyfoldError ERR_ARGUMENT, for an option that is unknown too: one that is ignored would leave a key called otherwise than was meant
 */
export function settingsOf(options: AwsKmsOptions): AwsKmsSettings {
  for (const name of Object.keys(options)) if (!NAMES.includes(name)) throw unknownOption(name)
  const { minTls = '1.2' } = options
  if (minTls !== '1.2' && minTls !== '1.3') throw invalid('minTls is 1.2 or 1.3')
  const timeoutMs = bounded(options.timeoutMs ?? 3000, 50, 600_000, 'timeoutMs')
  const attempts = bounded(options.attempts ?? 3, 1, 10, 'attempts')
  return {
    clearContext: clearNames(options.clearContext ?? []),
    grantTokens: grantTokens(options.grantTokens ?? []),
    regions: regionNames(options.regions),
    endpointOf: endpoints(options.endpoint),
    timeoutMs,
    attempts,
    minTls,
    deadlineMs: 2 * attempts * timeoutMs + (attempts - 1) * BACKOFF_MS,
  }
}

function unknownOption(name: string): KeyfoldError {
  if (/credential|accesskey|secret/i.test(name)) {
    return new KeyfoldError('ERR_ARGUMENT', 'a KMS key takes no credentials', {
      hint: 'They come from the default chain of the AWS SDK alone: an IAM role, the environment, a profile.',
    })
  }
  const shown = /^[A-Za-z]{1,32}$/.test(name) ? `the option ${name}` : 'an option of this name'
  return invalid(`a KMS key does not have ${shown}; its options are ${NAMES.join(', ')}`)
}

function clearNames(names: readonly string[]): readonly string[] {
  if (isListOfTexts(names) && !names.includes(HASH_PAIR)) return [...names]
  throw invalid(`clearContext is a list of names of the encryption context, none of them ${HASH_PAIR}`)
}

function grantTokens(tokens: readonly string[]): readonly string[] {
  if (isListOfTexts(tokens) && tokens.length <= MOST_GRANT_TOKENS) return [...tokens]
  throw invalid(`grantTokens is a list of at most ${MOST_GRANT_TOKENS} texts`)
}

function regionNames(regions: readonly string[] | undefined): readonly string[] | undefined {
  if (regions === undefined) return undefined
  if (!isListOfTexts(regions) || regions.length === 0) throw invalid('regions is a list of at least one region')
  return [...new Set(regions)].map(assertRegion)
}

function endpoints(endpoint: AwsKmsOptions['endpoint']): AwsKmsSettings['endpointOf'] {
  const byRegion = new Map(typeof endpoint === 'object' ? Object.entries(endpoint) : [])
  for (const url of typeof endpoint === 'object' ? byRegion.values() : [endpoint]) if (url !== undefined) assertUrl(url)
  return typeof endpoint === 'object' ? (region) => byRegion.get(region) : () => endpoint
}

function assertUrl(url: string): void {
  if (!URL.canParse(url)) throw invalid('endpoint is a URL such as https://vpce-….kms.eu-central-1.vpce.amazonaws.com')
  assertConfidential(new URL(url))
}

/** A data key goes over the wire: never in clear, but to an emulator on this machine. */
export function assertConfidential({ protocol, hostname }: { readonly protocol?: string; readonly hostname?: string }): void {
  if (protocol === 'https:') return
  if (protocol === 'http:' && THIS_MACHINE.has(hostname)) return
  throw new KeyfoldError('ERR_ARGUMENT', 'the endpoint of KMS is not one of https:', {
    hint: 'Use an https: endpoint; http: is for an emulator on this machine.',
  })
}

function bounded(value: number, least: number, most: number, name: string): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value
  throw invalid(`${name} is an integer from ${least} to ${most}`)
}

function isListOfTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string' && item !== '')
}

function invalid(fact: string): KeyfoldError {
  return new KeyfoldError('ERR_ARGUMENT', fact)
}
