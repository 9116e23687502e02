import { setTimeout as wait } from 'node:timers/promises'
import { KmsFault } from './errors.ts'
import type { Input } from './input.ts'
import { grantTokens } from './input.ts'

const ANSWERS = ['hang', 'stall', 'reset', 'garbage', 'huge', 'other-key-id', 'short-key', 'no-material'] as const
const NAMES = ['latencyMs', 'throttleEvery', 'deny', 'unless', 'fail', 'grantToken', 'answer', 'regions']

/** What the emulator shall do wrong. Every field may be combined; what is left out is done right. */
export interface Faults {
  /** Each answer comes so much later. */
  readonly latencyMs?: number
  /** Every nth call is answered with ThrottlingException; 1 is every call. */
  readonly throttleEvery?: number
  /** These operations are answered with AccessDeniedException. */
  readonly deny?: readonly string[]
  /** What is denied is let through with these pairs in its encryption context, as by a condition of a policy. */
  readonly unless?: Readonly<Record<string, string>>
  /** These operations are answered with the error of this name, such as `{ Decrypt: 'KMSInternalException' }`. */
  readonly fail?: Readonly<Record<string, string>>
  /** Cryptographic calls that do not bring this grant token are denied. */
  readonly grantToken?: string
  /**
   * What an answer looks like: `hang` never comes; `stall` stops in its middle; `reset` closes the connection; `garbage` is not JSON; `huge` is
   * right, and followed by blanks up to 10 MB; `other-key-id` names another key; `short-key` carries 16 bytes of plaintext; `no-material` leaves
   * the material ids out.
   */
  readonly answer?: (typeof ANSWERS)[number]
  /** Faults strike calls to these regions alone. */
  readonly regions?: readonly string[]
}

/** Refuses faults that do not exist: a test whose fault is mistyped would pass for the wrong reason. */
export function checkedFaults(faults: Faults): Faults {
  if (typeof faults !== 'object' || faults === null) throw new TypeError('faults are an object')
  for (const name of Object.keys(faults)) {
    if (!NAMES.includes(name)) throw new TypeError(`the emulator has no fault ${name}; it has ${NAMES.join(', ')}`)
  }
  if (faults.answer !== undefined && !ANSWERS.includes(faults.answer)) throw new TypeError(`an answer is one of ${ANSWERS.join(', ')}`)
  return faults
}

const OTHER_KEY = 'arn:aws:kms:us-east-1:999999999999:key/00000000-0000-4000-8000-000000000000'

/** Errors that AWS answers with 500. */
const SERVER_ERRORS = new Set(['KMSInternalException', 'DependencyTimeoutException', 'KeyUnavailableException', 'InternalFailure'])
const GRANTABLE = new Set(['Encrypt', 'Decrypt', 'GenerateDataKey', 'GenerateDataKeyWithoutPlaintext', 'ReEncrypt', 'DescribeKey'])

/** The faults that strike before an operation: latency and refusals. `nth` counts calls from 1. */
export async function strike(faults: Faults, operation: string, input: Input, nth: number): Promise<void> {
  if (faults.latencyMs !== undefined) await wait(faults.latencyMs)
  const { throttleEvery, deny = [], fail = {}, grantToken } = faults
  if (throttleEvery !== undefined && nth % throttleEvery === 0) throw new KmsFault('ThrottlingException', 'Rate exceeded')
  if (deny.includes(operation) && !isExempt(input, faults.unless)) throw denied(operation)
  const failure = Object.hasOwn(fail, operation) ? fail[operation] : undefined
  if (failure !== undefined) throw new KmsFault(failure, 'as the emulator was told', SERVER_ERRORS.has(failure) ? 500 : 400)
  if (grantToken !== undefined && GRANTABLE.has(operation) && !grantTokens(input).includes(grantToken)) throw denied(operation)
}

function isExempt(input: Input, unless: Faults['unless']): boolean {
  if (unless === undefined) return false
  const pairs = (input['EncryptionContext'] ?? {}) as Readonly<Record<string, unknown>>
  return Object.entries(unless).every(([name, value]) => pairs[name] === value)
}

function denied(operation: string): KmsFault {
  return new KmsFault(
    'AccessDeniedException',
    `User: arn:aws:iam::111122223333:user/emulated is not authorized to perform: kms:${operation}`,
  )
}

/** The faults within an answer that is otherwise right. */
export function distort(faults: Faults, answer: Record<string, unknown>): Record<string, unknown> {
  if (faults.answer === 'other-key-id' && 'KeyId' in answer) return { ...answer, KeyId: OTHER_KEY }
  if (faults.answer === 'other-key-id' && 'KeyMetadata' in answer) {
    return { ...answer, KeyMetadata: { ...(answer['KeyMetadata'] as object), Arn: OTHER_KEY } }
  }
  if (faults.answer === 'short-key' && typeof answer['Plaintext'] === 'string') {
    return { ...answer, Plaintext: Buffer.from(answer['Plaintext'], 'base64').subarray(0, 16).toString('base64') }
  }
  if (faults.answer === 'no-material') {
    return Object.fromEntries(Object.entries(answer).filter(([name]) => !name.endsWith('KeyMaterialId')))
  }
  return answer
}
