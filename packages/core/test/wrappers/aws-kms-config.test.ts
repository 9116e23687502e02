import { inspect as print } from 'node:util'
import { describe, expect, test, vi } from 'vitest'
import type { KeyWrapper } from '../../src/index.ts'
import { canonicalContext } from '../../src/index.ts'
import { awsKms, awsKmsMaterialId, resolveAwsKms } from '../../src/wrappers/aws-kms.ts'
import { codeOf, codeOfAsync, insecureWrapper } from '../keys.ts'
import { stubKms } from './aws-kms-support.ts'

const arn = 'arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab'
const multi = 'arn:aws:kms:eu-central-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab'
const canonical = canonicalContext({})
const dek = new Uint8Array(32)
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

describe('the name of a key', () => {
  test('gives the same 12 bytes for ever, from the ARN alone', () => {
    // sha256('keyfold aws-kms key id v1' || 00 || ARN), cut; frozen, since envelopes carry it
    expect(hex(awsKms(arn).keyId)).toBe('5d4ae83e5efaaad43548df86')
    expect(hex(awsKms(multi).keyId)).toBe('301c89e137e1116856217558')
    expect(awsKms(`aws-kms:${arn}`).id).toBe(`aws-kms:${arn}`)
  })

  test('of a multi-region key leaves the region out, of another key it does not', () => {
    const sister = (name: string) => name.replace('eu-central-1', 'us-east-1')
    expect(awsKms(sister(multi)).keyId).toEqual(awsKms(multi).keyId)
    expect(awsKms(sister(arn)).keyId).not.toEqual(awsKms(arn).keyId)
  })

  test.each([
    ['an alias', 'alias/payroll'],
    ['the ARN of an alias', 'arn:aws:kms:eu-central-1:111122223333:alias/payroll'],
    ['a bare key id', '1234abcd-12ab-34cd-56ef-1234567890ab'],
    ['another service', arn.replace(':kms:', ':s3:')],
    ['a region with a host name in it', arn.replace('eu-central-1', 'evil.example')],
    ['a path', `${arn}/../x`],
    ['a line end', `${arn}\n`],
    ['nothing', ''],
    ['no text', undefined as unknown as string],
  ])('abuse 18: %s is refused at once', (_, name) => {
    expect(codeOf(() => awsKms(name))).toBe('ERR_KEY_ID_INVALID')
  })
})

describe('an alias or id', () => {
  const resolving = (name: string, options = {}) => codeOfAsync(resolveAwsKms(name, { endpoint: 'http://127.0.0.1:1', attempts: 1, ...options }))

  test.each(['alias/', 'alias/with blank', 'payroll/x', 'arn:aws:s3:::x', 'arn:aws:kms:eu-central-1:1:alias/x', `${arn}\n`, 'aws-kms:', ''])(
    'abuse 18: %j is refused before any call',
    async (name) => expect(await resolving(name, { region: 'eu-central-1' })).toBe('ERR_KEY_ID_INVALID'),
  )

  test('without a region is refused before any call; an ARN, or the preferred region, says it', async () => {
    expect(await resolving('alias/payroll')).toBe('ERR_ARGUMENT')
    expect(await resolving('alias/payroll', { region: 'x.example/' })).toBe('ERR_ARGUMENT')
    expect(await resolving('alias/payroll', { regions: ['eu-central-1'] })).toBe('ERR_KEY_UNAVAILABLE')
    expect(await resolving('arn:aws:kms:eu-central-1:111122223333:alias/payroll')).toBe('ERR_KEY_UNAVAILABLE')
  })

  const alias = 'arn:aws:kms:eu-central-1:111122223333:alias/payroll'
  const bareId = arn.replace(/.*key\//, '')
  test.each([
    ['an alias, any key of its account and region', alias, arn, arn],
    ['an alias, a multi-region key', alias, multi, multi],
    ['an id, its key', bareId, arn, arn],
    ['a key ARN, its key', arn, arn, arn],
    ['an alias, a key of another account', alias, arn.replace('1111', '9999'), 'ERR_KEY_SERVICE_RESPONSE'],
    ['an alias, a key of another region', alias, arn.replace('eu-central-1', 'us-east-1'), 'ERR_KEY_SERVICE_RESPONSE'],
    ['an id, another key', bareId, multi, 'ERR_KEY_SERVICE_RESPONSE'],
    ['a key ARN, another key', arn, multi, 'ERR_KEY_SERVICE_RESPONSE'],
    ['an alias, no key', alias, alias, 'ERR_KEY_SERVICE_RESPONSE'],
    ['an alias, nothing', alias, undefined, 'ERR_KEY_SERVICE_RESPONSE'],
  ])('abuse 20: may stand for %s', async (_, name, Arn, expected) => {
    const { endpoint, bodies } = await stubKms(200, { KeyMetadata: { KeyId: 'x', Arn } })
    const call = resolveAwsKms(name, { endpoint, region: 'eu-central-1', attempts: 1, grantTokens: ['fresh'] })
    if (expected.startsWith('ERR_')) expect(await codeOfAsync(call)).toBe(expected)
    else expect((await call).arn).toBe(expected)
    expect(bodies.map((body) => JSON.parse(body) as unknown)).toEqual([{ KeyId: name, GrantTokens: ['fresh'] }])
  })

  test('whose key is in one region is not called in another', async () => {
    const { endpoint } = await stubKms(200, { KeyMetadata: { Arn: arn } })
    const regions = ['eu-central-1', 'us-east-1']
    expect(await codeOfAsync(resolveAwsKms(alias, { endpoint, regions }))).toBe('ERR_ARGUMENT')
  })
})

test('a KeyMaterialId has one material id, for ever', () => {
  // sha256('keyfold aws-kms material id v1' || 00 || KeyMaterialId), cut; frozen, since envelopes carry it
  expect(awsKmsMaterialId('a'.repeat(64))).toBe('6101ac29dd12')
  for (const wrong of ['', 'a'.repeat(63), 'A'.repeat(64), undefined as unknown as string]) {
    expect(codeOf(() => awsKmsMaterialId(wrong))).toBe('ERR_ARGUMENT')
  }
})

test('settings that cannot be are refused at once', () => {
  const refused = (options: object) => codeOf(() => awsKms(arn, options))
  const wrong = [
    { regions: ['eu-central-1', 'us-east-1'] },
    { regions: ['us-east-1'] },
    { regions: [] },
    { regions: 'eu-central-1' },
    { clearContext: ['keyfold'] },
    { clearContext: ['tenant', ''] },
    { clearContext: 'tenant' },
    { grantTokens: 'token' },
    { grantTokens: [7] },
    { grantTokens: Array.from({ length: 11 }, () => 'token') },
    { timeoutMs: 49 },
    { timeoutMs: 600_001 },
    { timeoutMs: 50.5 },
    { timeoutMs: '3000' },
    { attempts: 0 },
    { attempts: 11 },
    { minTls: '1.1' },
    { endpoint: 'kms.example' },
    { endpoint: 'http://kms.example' },
    { endpoint: 'ftp://localhost' },
    { endpoint: { 'us-east-1': 'http://kms.example' } },
    { endpont: 'https://kms.example' },
  ]
  for (const options of wrong) expect(refused(options), JSON.stringify(options)).toBe('ERR_ARGUMENT')
  for (const regions of [['x.example/'], [], ['eu-central-1', ''], 'eu-central-1' as never]) {
    expect(codeOf(() => awsKms(multi, { regions })), `regions ${regions}`).toBe('ERR_ARGUMENT')
  }
})

test('settings at their limits are taken', () => {
  const right = [
    { timeoutMs: 50, attempts: 1 },
    { timeoutMs: 600_000, attempts: 10 },
    { grantTokens: Array.from({ length: 10 }, () => 'token'), clearContext: ['tenant'], minTls: '1.3' as const },
    { regions: ['eu-central-1', 'eu-central-1'] },
    { endpoint: 'https://kms.example' },
    { endpoint: { 'eu-central-1': 'http://[::1]:8080', 'us-east-1': 'http://localhost' } },
  ]
  for (const options of right) expect(codeOf(() => awsKms(arn, options)), JSON.stringify(options)).toBeUndefined()
})

test.each(['credentials', 'accessKeyId', 'secretAccessKey'])('no option takes credentials: %s is refused, and not shown', (name) => {
  const error = caught(() => awsKms(arn, { [name]: 'AKIA-something' }))
  expect(error).toMatchObject({ code: 'ERR_ARGUMENT' })
  const shown = print(error, { showHidden: true })
  expect(shown).toContain('default chain')
  expect(shown).not.toContain('AKIA-something')
})

test('the name of an option that is unknown is shown where it is one, the value never', () => {
  expect((caught(() => awsKms(arn, { endpont: 'x' } as object)) as Error).message).toContain('endpont')
  const odd = caught(() => awsKms(arn, { ['sk-'.repeat(20)]: 'x' })) as Error
  expect(odd.message).toMatch(/an option of this name; its options are clearContext, /)
})

describe('a region', () => {
  test('of one key is where the other must be, for a data key to be moved within KMS', async () => {
    const name = (part: string, key = '5678abcd-12ab-34cd-56ef-1234567890ab') => `arn:${part}:key/${key}`
    const mrk = 'mrk-1234abcd12ab34cd56ef1234567890ab'
    const moves = (target: KeyWrapper) => awsKms(arn).canRewrapTo(target)
    expect(moves(awsKms(name('aws:kms:eu-central-1:111122223333')))).toBe(true)
    expect(moves(awsKms(arn))).toBe(true)
    // ReEncrypt works across accounts
    expect(moves(awsKms(name('aws:kms:eu-central-1:444455556666')))).toBe(true)
    expect(moves(awsKms(name('aws:kms:us-east-1:111122223333')))).toBe(false)
    expect(moves(awsKms(name('aws-cn:kms:eu-central-1:111122223333')))).toBe(false)
    expect(moves(awsKms(name('aws:kms:us-east-1:111122223333', mrk), { regions: ['us-east-1', 'eu-central-1'] }))).toBe(true)
    expect(moves(insecureWrapper('local'))).toBe(false)
    const wrapped = { materialId: new Uint8Array(6), bytes: new Uint8Array(224) }
    for (const target of [insecureWrapper('local'), awsKms(name('aws:kms:us-east-1:111122223333'))]) {
      expect(await codeOfAsync(awsKms(arn).rewrapTo(target, wrapped, canonical))).toBe('ERR_ARGUMENT')
      expect(await codeOfAsync(awsKms(arn).preflight({ rewrapTo: target }, canonical))).toBe('ERR_ARGUMENT')
    }
  })

  test('has an endpoint of its own, where they are named by region', async () => {
    const { endpoint, bodies } = await stubKms(400, { __type: 'AccessDeniedException' })
    const options = { attempts: 1, regions: ['us-east-1', 'eu-central-1'], endpoint: { 'us-east-1': 'http://127.0.0.1:1', 'eu-central-1': endpoint } }
    expect(await codeOfAsync(awsKms(multi, options).wrap(dek, canonical))).toBe('ERR_KEY_DENIED')
    expect(bodies).toHaveLength(1)
  })
})

describe('the wire', () => {
  test('http: is refused but on this machine, wherever the endpoint comes from', async () => {
    vi.stubEnv('AWS_ENDPOINT_URL_KMS', 'http://kms.example')
    try {
      expect(await codeOfAsync(awsKms(arn).wrap(dek, canonical))).toBe('ERR_ARGUMENT')
    } finally {
      vi.unstubAllEnvs()
    }
  })
})

function caught(call: () => unknown): unknown {
  try {
    call()
  } catch (error) {
    return error
  }
  throw new Error('the call was expected to fail')
}
