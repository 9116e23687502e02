import { describe, expect, test } from 'vitest'
import { canonicalContext, KeyfoldError } from '../../src/index.ts'
import { kmsError } from '../../src/wrappers/aws-kms-errors.ts'
import { awsKms } from '../../src/wrappers/aws-kms.ts'
import { codeOfAsync } from '../keys.ts'
import { overwritten } from '../overwritten.ts'
import { hex } from '../vectors.ts'
import { errorOf, stubKms } from './aws-kms-support.ts'

const arn = 'arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab'
const target = arn.replace('1234abcd', '5678abcd')
const canonical = canonicalContext({ table: 'users', column: 'ssn', id: '42', tenant: 'acme' })
const dek = new Uint8Array(32).fill(0x41)
const wrapped = { materialId: new Uint8Array(6), bytes: new Uint8Array(224) }
const base64 = (length: number) => Buffer.alloc(length, 1).toString('base64')

/** What a wrapper makes of an answer, whatever was asked. */
async function wrapperAt(status: number, answer: object, options = {}) {
  const { endpoint, bodies } = await stubKms(status, answer)
  const settings = { endpoint, attempts: 1, timeoutMs: 10_000, ...options }
  return { wrapper: awsKms(arn, settings), to: awsKms(target, settings), bodies }
}

const dataKey = { KeyId: arn, Plaintext: base64(32), CiphertextBlob: base64(184), KeyMaterialId: 'a'.repeat(64) }
const moved = { SourceKeyId: arn, KeyId: target, CiphertextBlob: base64(184), DestinationKeyMaterialId: 'a'.repeat(64) }

describe('an answer to GenerateDataKey', () => {
  test.each([
    ['of 6104 bytes of ciphertext, the most that an envelope has room for', { ...dataKey, CiphertextBlob: base64(6104) }, undefined],
    ['of one byte more', { ...dataKey, CiphertextBlob: base64(6105) }, 'ERR_KEY_SERVICE_RESPONSE'],
    ['without a ciphertext', { ...dataKey, CiphertextBlob: undefined }, 'ERR_KEY_SERVICE_RESPONSE'],
    ['with an empty ciphertext', { ...dataKey, CiphertextBlob: '' }, 'ERR_KEY_SERVICE_RESPONSE'],
    ['without a data key', { ...dataKey, Plaintext: undefined }, 'ERR_KEY_SERVICE_RESPONSE'],
    ['abuse 22: with a data key of 16 bytes', { ...dataKey, Plaintext: base64(16) }, 'ERR_KEY_SERVICE_RESPONSE'],
    ['abuse 22: with a data key of 33 bytes', { ...dataKey, Plaintext: base64(33) }, 'ERR_KEY_SERVICE_RESPONSE'],
    ['abuse 20: without a key id', { ...dataKey, KeyId: undefined }, 'ERR_KEY_SERVICE_RESPONSE'],
    ['abuse 20: of a bare key id', { ...dataKey, KeyId: arn.replace(/.*key\//, '') }, 'ERR_KEY_SERVICE_RESPONSE'],
    ['abuse 20: of a key of another account', { ...dataKey, KeyId: arn.replace('1111', '9999') }, 'ERR_KEY_SERVICE_RESPONSE'],
    ['abuse 20: of a key of another region', { ...dataKey, KeyId: arn.replace('eu-central-1', 'us-east-1') }, 'ERR_KEY_SERVICE_RESPONSE'],
    ['of null', null as never, 'ERR_KEY_SERVICE_RESPONSE'],
    ['of another type', { ...dataKey, Plaintext: 7 }, 'ERR_KEY_SERVICE_RESPONSE'],
  ])('%s', async (_, answer, code) => {
    const { wrapper } = await wrapperAt(200, answer)
    expect(await codeOfAsync(wrapper.wrap(dek, canonical))).toBe(code)
  })
})

test('a refused answer is described by its length', async () => {
  const { wrapper } = await wrapperAt(200, { ...dataKey, Plaintext: base64(16) })
  expect((await errorOf(wrapper.wrap(dek, canonical))).message).toBe(`${wrapper.id}: KMS gave a data key of 16 bytes, not of 32`)
  const { wrapper: other } = await wrapperAt(200, { ...dataKey, CiphertextBlob: base64(6105) })
  expect((await errorOf(other.wrap(dek, canonical))).message).toBe(`${other.id}: KMS gave a ciphertext of 6105 bytes, not of 1 to 6104`)
})

test('a wrap that has no room for a ciphertext makes no call', async () => {
  const { wrapper, bodies } = await wrapperAt(400, { __type: 'InvalidCiphertextException' })
  for (const length of [1, 40, 41]) {
    expect(await codeOfAsync(wrapper.unwrap({ ...wrapped, bytes: new Uint8Array(length) }, canonical))).toBe('ERR_NOT_AUTHENTIC')
  }
  expect(bodies).toHaveLength(1)
})

describe('an answer to ReEncrypt', () => {
  test.each([
    ['as it should be', moved, undefined],
    ['abuse 20: from another source key', { ...moved, SourceKeyId: target }, 'ERR_KEY_SERVICE_RESPONSE'],
    ['abuse 20: without a source key', { ...moved, SourceKeyId: undefined }, 'ERR_KEY_SERVICE_RESPONSE'],
    ['abuse 20: to another key', { ...moved, KeyId: arn }, 'ERR_KEY_SERVICE_RESPONSE'],
    ['without a ciphertext', { ...moved, CiphertextBlob: undefined }, 'ERR_KEY_SERVICE_RESPONSE'],
    ['that is too long', { ...moved, CiphertextBlob: base64(6105) }, 'ERR_KEY_SERVICE_RESPONSE'],
  ])('%s', async (_, answer, code) => {
    const { wrapper, to } = await wrapperAt(200, answer)
    expect(await codeOfAsync(wrapper.rewrapTo(to, wrapped, canonical))).toBe(code)
  })

  test('to a multi-region key may name either sister', async () => {
    const mrk = (region: string) => `arn:aws:kms:${region}:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab`
    const { endpoint } = await stubKms(200, { ...moved, SourceKeyId: mrk('us-east-1'), KeyId: mrk('eu-central-1') })
    const wrapper = awsKms(mrk('eu-central-1'), { endpoint, attempts: 1, timeoutMs: 10_000 })
    expect((await wrapper.rewrapTo(wrapper, wrapped, canonical)).bytes).toHaveLength(224)
  })
})

describe('a refusal', () => {
  /** What each code says of the key. */
  const facts: Readonly<Record<string, RegExp>> = {
    ERR_KEY_THROTTLED: /^is throttled: KMS refused every attempt for too many calls$/,
    ERR_KEY_DENIED: /^(may not be used by this caller|cannot be used: no valid AWS credentials were found)$/,
    ERR_KEY_DISABLED: /^is disabled$/,
    ERR_KEY_MISSING: /^does not exist in this account and region$/,
    ERR_KEY_MISMATCH: /^is not the key that wrapped this data key$/,
    ERR_NOT_AUTHENTIC: /^did not wrap this data key, or not in this encryption context$/,
    ERR_ARGUMENT: /^(is not a symmetric encryption key|cannot be used like this: KMS refused the request itself)$/,
    ERR_KEY_UNAVAILABLE: /^(could not be used: KMS did not answer in time or is out of order|is in a state in which KMS does not use it)$/,
    ERR_KEY_SERVICE_RESPONSE: /^could not be used: the answer is none that KMS gives$/,
    ERR_KEY_PENDING_DELETION: /^is pending deletion$/,
  }
  const codes = [
    ['ThrottlingException', 400, 'ERR_KEY_THROTTLED'],
    ['TooManyRequestsException', 400, 'ERR_KEY_THROTTLED'],
    ['LimitExceededException', 400, 'ERR_KEY_THROTTLED'],
    ['AccessDeniedException', 400, 'ERR_KEY_DENIED'],
    ['InvalidGrantTokenException', 400, 'ERR_KEY_DENIED'],
    ['NotAuthorized', 403, 'ERR_KEY_DENIED'],
    ['OptInRequired', 403, 'ERR_KEY_DENIED'],
    ['ExpiredTokenException', 400, 'ERR_KEY_DENIED'],
    ['UnrecognizedClientException', 400, 'ERR_KEY_DENIED'],
    ['InvalidSignatureException', 400, 'ERR_KEY_DENIED'],
    ['IncompleteSignature', 400, 'ERR_KEY_DENIED'],
    ['InvalidClientTokenId', 403, 'ERR_KEY_DENIED'],
    ['MissingAuthenticationToken', 403, 'ERR_KEY_DENIED'],
    ['DisabledException', 400, 'ERR_KEY_DISABLED'],
    ['NotFoundException', 400, 'ERR_KEY_MISSING'],
    ['IncorrectKeyException', 400, 'ERR_KEY_MISMATCH'],
    ['InvalidCiphertextException', 400, 'ERR_NOT_AUTHENTIC'],
    ['InvalidKeyUsageException', 400, 'ERR_ARGUMENT'],
    ['ValidationException', 400, 'ERR_ARGUMENT'],
    ['UnsupportedOperationException', 400, 'ERR_ARGUMENT'],
    ['KeyUnavailableException', 500, 'ERR_KEY_UNAVAILABLE'],
    ['DependencyTimeoutException', 503, 'ERR_KEY_UNAVAILABLE'],
    ['KMSInternalException', 500, 'ERR_KEY_UNAVAILABLE'],
    ['SomethingNew', 429, 'ERR_KEY_THROTTLED'],
    ['SomethingNew', 401, 'ERR_KEY_DENIED'],
    ['SomethingNew', 403, 'ERR_KEY_DENIED'],
    ['SomethingNew', 502, 'ERR_KEY_UNAVAILABLE'],
    ['SomethingNew', 400, 'ERR_KEY_SERVICE_RESPONSE'],
    ['constructor', 400, 'ERR_KEY_SERVICE_RESPONSE'],
  ] as const

  test.each(codes)('%s (HTTP %i) is %s, with a hint, and shows nothing of what KMS said', async (name, status, code) => {
    const { wrapper, bodies } = await wrapperAt(status, { __type: name, message: 'quotes sk-secret', Plaintext: base64(32) })
    const error = await errorOf(wrapper.unwrap(wrapped, canonical))
    expect(error.code).toBe(code)
    expect(error.message.startsWith(`${wrapper.id} `)).toBe(true)
    expect(error.message.slice(wrapper.id.length + 1)).toMatch(facts[code]!)
    expect(error.hint).toBeTruthy()
    expect((error.cause as Error).message).toBe(`${name}, HTTP ${status}`)
    expect(`${error.message} ${error.hint} ${String((error.cause as Error).stack)}`).not.toMatch(/sk-secret|AQEBAQ/)
    expect(bodies).toHaveLength(1)
  })

  test.each(['x'.repeat(81), 'with blanks', ''])('of a name that is none (%j) is traced without it', async (name) => {
    const { wrapper } = await wrapperAt(400, { __type: name })
    expect(((await errorOf(wrapper.wrap(dek, canonical))).cause as Error).message).toMatch(/^(Error|Unknown\w*), HTTP 400$/)
  })

  test.each([
    [`${arn} is pending deletion.`, 'ERR_KEY_PENDING_DELETION'],
    [`${arn} is pending replica deletion.`, 'ERR_KEY_PENDING_DELETION'],
    ['PendingDeletion', 'ERR_KEY_PENDING_DELETION'],
    ['PENDING_REPLICA_DELETION', 'ERR_KEY_UNAVAILABLE'],
    ['PendingReplicaDeletion', 'ERR_KEY_PENDING_DELETION'],
    ['pending  replica  deletion', 'ERR_KEY_PENDING_DELETION'],
    ['pending replication', 'ERR_KEY_UNAVAILABLE'],
    [`${arn} is pending import.`, 'ERR_KEY_UNAVAILABLE'],
    [undefined, 'ERR_KEY_UNAVAILABLE'],
  ])('KMSInvalidStateException (%s) is %s', async (message, code) => {
    const { wrapper } = await wrapperAt(400, { __type: 'KMSInvalidStateException', message })
    const error = await errorOf(wrapper.wrap(dek, canonical))
    expect(error.code).toBe(code)
    expect(error.message.slice(wrapper.id.length + 1)).toMatch(facts[code]!)
  })

  test('whose way has no answer is told by what went wrong, and no more', () => {
    const failed = { name: 'NetworkError', code: 'ECONNRESET', message: 'quotes sk-secret', $metadata: { requestId: 'ab-12', httpStatusCode: 'x' } }
    const traceOf = (error: unknown): string => ((kmsError(error, 'k').cause as Error).message)
    expect(kmsError(failed, 'k')).toMatchObject({ code: 'ERR_KEY_UNAVAILABLE', message: expect.stringMatching(/^k could not be used/) as string })
    expect(traceOf(failed)).toBe('NetworkError, ECONNRESET, no answer, request ab-12')
    expect(traceOf({ name: 'a b', code: 'x'.repeat(81), $metadata: { requestId: ' x', httpStatusCode: 418 } })).toBe('Error, HTTP 418')
    expect(traceOf({ name: 'x'.repeat(80), code: 7, $metadata: { requestId: 'x\n' } })).toBe(`${'x'.repeat(80)}, no answer`)
    for (const nothing of [undefined, null, 'a text'])
      expect([kmsError(nothing, 'k').code, traceOf(nothing)]).toEqual(['ERR_KEY_UNAVAILABLE', 'Error, no answer'])
    const own = new KeyfoldError('ERR_LIMIT', 'it is so')
    expect(kmsError(own, 'k')).toBe(own)
    for (const name of ['TimeoutError', 'AbortError'])
      expect(kmsError({ name, $metadata: { httpStatusCode: 400 } }, 'k').code).toBe('ERR_KEY_UNAVAILABLE')
    for (const name of ['CredentialsProviderError', 'TokenProviderError']) expect(kmsError({ name }, 'k').code).toBe('ERR_KEY_DENIED')
    expect(kmsError({ $metadata: { httpStatusCode: 499 } }, 'k').code).toBe('ERR_KEY_SERVICE_RESPONSE')
  })

  test.each([
    ['ExpiredTokenException', /^Give this process an IAM role, or credentials that the default chain of the AWS SDK finds \(/],
    ['AccessDeniedException', /^The key service refused/],
    ['IncorrectKeyException', /^The wrapped key was exchanged for one of another KMS key\. Restore the record/],
    ['InvalidKeyUsageException', /SYMMETRIC_DEFAULT/],
    ['ValidationException', /grantTokens and clearContext/],
    ['NotFoundException', /^The key service has no key of this name/],
  ])('%s comes with the hint that helps', async (name, hint) => {
    const { wrapper } = await wrapperAt(400, { __type: name })
    expect((await errorOf(wrapper.wrap(dek, canonical))).hint).toMatch(hint)
  })

  test('wrong key, wrong context, throttled, denied, disabled, pending deletion, missing and unreachable are eight codes', () => {
    const names = ['IncorrectKey', 'InvalidCiphertext', 'Throttling', 'AccessDenied', 'Disabled', 'NotFound', 'KMSInternal']
    const own = names.map((name) => codes.find(([exception]) => exception === `${name}Exception`)![2])
    expect(new Set([...own, 'ERR_KEY_PENDING_DELETION']).size).toBe(8)
  })
})

describe('a request', () => {
  const sent = async (work: (made: Awaited<ReturnType<typeof wrapperAt>>) => Promise<unknown>, options = {}) => {
    const made = await wrapperAt(400, { __type: 'AccessDeniedException' }, options)
    await errorOf(work(made))
    return JSON.parse(made.bodies[0]!) as Record<string, unknown>
  }
  const hash = { keyfold: expect.stringMatching(/^[A-Za-z0-9_-]{43}$/) as string }

  test('abuse 21: names the configured key, whatever the wrap says', async () => {
    const blob = Buffer.alloc(184).toString('base64')
    const decrypt = await sent(({ wrapper }) => wrapper.unwrap({ ...wrapped, bytes: new Uint8Array(224) }, canonical))
    expect(decrypt).toEqual({ KeyId: arn, CiphertextBlob: blob, EncryptionContext: hash, GrantTokens: [] })
    const move = await sent(({ wrapper, to }) => wrapper.rewrapTo(to, { ...wrapped, bytes: new Uint8Array(224) }, canonical))
    expect(move).toEqual({
      SourceKeyId: arn,
      DestinationKeyId: target,
      CiphertextBlob: blob,
      SourceEncryptionContext: hash,
      DestinationEncryptionContext: hash,
      GrantTokens: [],
    })
  })

  test('holds the grant tokens of both keys of a move, each once', async () => {
    const { endpoint, bodies } = await stubKms(400, { __type: 'AccessDeniedException' })
    const at = (name: string, grantTokens: string[]) => awsKms(name, { endpoint, attempts: 1, grantTokens })
    await errorOf(at(arn, ['a', 'b']).rewrapTo(at(target, ['b', 'c']), wrapped, canonical))
    expect(JSON.parse(bodies[0]!)).toHaveProperty('GrantTokens', ['a', 'b', 'c'])
  })

  test('holds no data key', async () => {
    const request = await sent(({ wrapper }) => wrapper.wrap(dek, canonical))
    expect(request).toEqual({ KeyId: arn, EncryptionContext: hash, NumberOfBytes: 32, GrantTokens: [] })
  })

  test('shows the context as its hash, but for the pairs that were named', async () => {
    const { EncryptionContext } = await sent(({ wrapper }) => wrapper.wrap(dek, canonical), { clearContext: ['tenant'] })
    expect(EncryptionContext).toEqual({ tenant: 'acme', ...hash })
    // sha256 of the canonical encoding, base64url: frozen, since what KMS authenticated once it asks for again
    expect(EncryptionContext).toHaveProperty('keyfold', 'RlJIR-lN3M7KPxqQ6fwY_-nyNOZd6je_VWw5QvWWkN4')
  })

  test.each([
    ['wrap', { KeyId: arn, EncryptionContext: hash, GrantTokens: [], NumberOfBytes: 32, DryRun: true }],
    ['unwrap', { KeyId: arn, EncryptionContext: hash, GrantTokens: [], DryRun: true, DryRunModifiers: ['IGNORE_CIPHERTEXT'] }],
  ] as const)('of a preflight for %s is a dry run in a context, as policies may ask for one', async (use, expected) => {
    expect(await sent(({ wrapper }) => wrapper.preflight(use, canonical))).toEqual(expected)
  })

  test('of a preflight for a move is a dry run over both keys', async () => {
    const request = await sent(({ wrapper, to }) => wrapper.preflight({ rewrapTo: to }, canonical))
    expect(request).toEqual({
      SourceKeyId: arn,
      DestinationKeyId: target,
      SourceEncryptionContext: hash,
      DestinationEncryptionContext: hash,
      GrantTokens: [],
      DryRun: true,
      DryRunModifiers: ['IGNORE_CIPHERTEXT'],
    })
  })
})

describe('what was a key is overwritten', () => {
  const kmsKey = '01'.repeat(32)

  test('by a wrap: the copy of the data key, and the key of KMS over it', async () => {
    const { wrapper } = await wrapperAt(200, dataKey)
    const filled = overwritten()
    const own = dek.slice()
    await wrapper.wrap(own, canonical)
    expect(filled).toContain(kmsKey)
    expect(filled).toContain(hex(dek))
    expect(own).toEqual(dek)
  })

  test('by a wrap that fails: the copy too', async () => {
    const { wrapper } = await wrapperAt(400, { __type: 'AccessDeniedException' })
    const filled = overwritten()
    await errorOf(wrapper.wrap(dek, canonical))
    expect(filled).toContain(hex(dek))
  })

  test('by an unwrap, also one that fails: the key of KMS', async () => {
    const { wrapper } = await wrapperAt(200, dataKey)
    const filled = overwritten()
    expect(await codeOfAsync(wrapper.unwrap(wrapped, canonical))).toBe('ERR_NOT_AUTHENTIC')
    expect(filled).toContain(kmsKey)
  })
})

test('a wrap that is changed while KMS answers is the one that was given', async () => {
  const { wrapper } = await wrapperAt(200, dataKey)
  const own = dek.slice()
  const wrapping = wrapper.wrap(own, canonical)
  own.fill(0)
  const [first, second] = [await wrapping, await wrapper.wrap(dek, canonical)]
  // the stub gives one data key to both, and AES-KWP is deterministic
  expect(first).toEqual(second)
})
