import type { CoreErrorCode } from '../errors.ts'
import { KeyfoldError } from '../errors.ts'

interface Meaning {
  readonly code: CoreErrorCode
  /** What follows the key's id in the message. */
  readonly fact: string
  /** Where core's own hint speaks of something else. */
  readonly hint?: string
}

const throttled: Meaning = { code: 'ERR_KEY_THROTTLED', fact: 'is throttled: KMS refused every attempt for too many calls' }
const denied: Meaning = { code: 'ERR_KEY_DENIED', fact: 'may not be used by this caller' }
const noCredentials: Meaning = {
  code: 'ERR_KEY_DENIED',
  fact: 'cannot be used: no valid AWS credentials were found',
  hint: 'Give this process an IAM role, or credentials that the default chain of the AWS SDK finds (environment, profile, container, instance).',
}
const unreachable: Meaning = { code: 'ERR_KEY_UNAVAILABLE', fact: 'could not be used: KMS did not answer in time or is out of order' }
const garbage: Meaning = { code: 'ERR_KEY_SERVICE_RESPONSE', fact: 'could not be used: the answer is none that KMS gives' }
const pendingDeletion: Meaning = { code: 'ERR_KEY_PENDING_DELETION', fact: 'is pending deletion' }
const notReady: Meaning = { code: 'ERR_KEY_UNAVAILABLE', fact: 'is in a state in which KMS does not use it' }

const refusedRequest: Meaning = {
  code: 'ERR_ARGUMENT',
  fact: 'cannot be used like this: KMS refused the request itself',
  hint: 'Look at grantTokens and clearContext: KMS limits how long its encryption context may be.',
}

/** By the name of the exception. What stands in none of the lines is judged by its HTTP status. */
const MEANINGS: Readonly<Record<string, Meaning>> = {
  ThrottlingException: throttled,
  TooManyRequestsException: throttled,
  LimitExceededException: throttled,
  AccessDeniedException: denied,
  InvalidGrantTokenException: denied,
  NotAuthorized: denied,
  OptInRequired: denied,
  CredentialsProviderError: noCredentials,
  TokenProviderError: noCredentials,
  ExpiredTokenException: noCredentials,
  IncompleteSignature: noCredentials,
  InvalidClientTokenId: noCredentials,
  InvalidSignatureException: noCredentials,
  MissingAuthenticationToken: noCredentials,
  UnrecognizedClientException: noCredentials,
  DisabledException: { code: 'ERR_KEY_DISABLED', fact: 'is disabled' },
  NotFoundException: { code: 'ERR_KEY_MISSING', fact: 'does not exist in this account and region' },
  IncorrectKeyException: {
    code: 'ERR_KEY_MISMATCH',
    fact: 'is not the key that wrapped this data key',
    hint: 'The wrapped key was exchanged for one of another KMS key. Restore the record from a backup, and find out who changed it.',
  },
  InvalidCiphertextException: {
    code: 'ERR_NOT_AUTHENTIC',
    fact: 'did not wrap this data key, or not in this encryption context',
  },
  InvalidKeyUsageException: {
    code: 'ERR_ARGUMENT',
    fact: 'is not a symmetric encryption key',
    hint: 'Use a KMS key of KeySpec SYMMETRIC_DEFAULT and KeyUsage ENCRYPT_DECRYPT.',
  },
  ValidationException: refusedRequest,
  UnsupportedOperationException: refusedRequest,
  KeyUnavailableException: notReady,
  TimeoutError: unreachable,
  AbortError: unreachable,
}

/** What of a failure is looked at. Its message and its hidden fields may quote the answer's body, and so a key: they go no further. */
interface Failure {
  readonly name?: unknown
  readonly message?: unknown
  readonly code?: unknown
  readonly $metadata?: { readonly httpStatusCode?: unknown; readonly requestId?: unknown }
}

/** The error of a call to KMS as one of core's; those that are pass through. */
export function kmsError(error: unknown, id: string): KeyfoldError {
  if (error instanceof KeyfoldError) return error
  const failure: Failure = error ?? {}
  const { code, fact, hint } = meaningOf(failure)
  return new KeyfoldError(code, `${id} ${fact}`, { cause: traceOf(failure), ...(hint === undefined ? {} : { hint }) })
}

function meaningOf(failure: Failure): Meaning {
  const name = String(failure.name)
  // KMS has one exception for every state but "disabled", and tells them apart in its message alone
  if (name === 'KMSInvalidStateException')
    return /pending\s*(replica\s*)?deletion/i.test(String(failure.message)) ? pendingDeletion : notReady
  if (Object.hasOwn(MEANINGS, name)) return MEANINGS[name]!
  const status = failure.$metadata?.httpStatusCode
  if (status === 429) return throttled
  if (status === 401 || status === 403) return denied
  return typeof status !== 'number' || status >= 500 ? unreachable : garbage
}

/** A cause that is safe to print: the exception's name or code, the HTTP status and AWS's request id, by which its support finds the call. */
function traceOf({ name, code, $metadata }: Failure): Error {
  const status = typeof $metadata?.httpStatusCode === 'number' ? `HTTP ${$metadata.httpStatusCode}` : 'no answer'
  const request = plain($metadata?.requestId)
  const known = [plain(name) ?? 'Error', ...(plain(code) === undefined ? [] : [plain(code)]), status]
  const trace = new Error([...known, ...(request === undefined ? [] : [`request ${request}`])].join(', '))
  // where it came from is the SDK's inside; where it went is in the error around it
  delete trace.stack
  return trace
}

function plain(value: unknown): string | undefined {
  return typeof value === 'string' && /^[A-Za-z0-9._:-]{1,80}$/.test(value) ? value : undefined
}

/** Whether an error says that another region may do better. */
export function isOutOfReach(error: KeyfoldError): boolean {
  return error.code === 'ERR_KEY_UNAVAILABLE' || error.code === 'ERR_KEY_THROTTLED'
}

/** What is wrong with an answer that KMS itself would not give. */
export function badAnswer(id: string, fact: string): KeyfoldError {
  return new KeyfoldError('ERR_KEY_SERVICE_RESPONSE', `${id}: ${fact}`)
}
