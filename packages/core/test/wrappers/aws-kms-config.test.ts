import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { createServer } from 'node:net'
import { inspect as print } from 'node:util'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { KeyWrapper } from '../../src/index.ts'
import { canonicalContext } from '../../src/index.ts'
import { awsKms, awsKmsMaterialId, resolveAwsKms } from '../../src/wrappers/aws-kms.ts'
import { assertConfidential, settingsOf } from '../../src/wrappers/aws-kms-options.ts'
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
    ['something before it', `x${arn}`],
    ['the scheme twice', `aws-kms:aws-kms:${arn}`],
    ['a partition that is none', arn.replace(':aws:', ':aws1:')],
    ['an account of letters', arn.replace('111122223333', 'abcdabcdabcd')],
    ['a region in capitals', arn.replace('eu-central-1', 'EU-CENTRAL-1')],
    ['a key with a blank', `${arn} x`],
    ['nothing', ''],
    ['no text', undefined as unknown as string],
  ])('abuse 18: %s is refused at once', (_, name) => {
    expect(codeOf(() => awsKms(name))).toBe('ERR_KEY_ID_INVALID')
  })

  test('that is none is an error that says how to find it', () => {
    expect(caught(() => awsKms('alias/payroll'))).toMatchObject({
      message: 'the name is not the ARN of a KMS key',
      hint:
        'Pass the ARN of a key, arn:aws:kms:REGION:ACCOUNT:key/ID; `aws kms describe-key --key-id alias/NAME` shows it. In code, an alias is ' +
        'resolved by await resolveAwsKms("alias/NAME", { region }).',
    })
    for (const name of ['', undefined as unknown as string]) expect(caught(() => awsKms(name))).toMatchObject({ message: 'a KMS key has a name' })
  })

  test('may stand in any partition of AWS', () => {
    for (const partition of ['aws', 'aws-cn', 'aws-us-gov']) expect(awsKms(arn.replace(':aws:', `:${partition}:`)).arn).toContain(partition)
  })
})

test('a wrapper cannot be changed', () => expect(Object.isFrozen(awsKms(arn))).toBe(true))

describe('an alias or id', () => {
  const resolving = (name: string, options = {}) => codeOfAsync(resolveAwsKms(name, { endpoint: 'http://127.0.0.1:1', attempts: 1, ...options }))

  test.each([
    'alias/', 'alias/with blank', 'alias/blank ', 'payroll/x', 'x/alias/payroll', 'x alias/payroll', 'x key/1234', '/key/1234', 'key/12 34', '12 34',
    'key/', 'arn:aws:s3:::x', 'arn:aws:kms:eu-central-1:1:alias/x', 'arn:aws:kms:eu-central-1:abcdabcdabcd:alias/x',
    'arn:aws1:kms:eu-central-1:111122223333:alias/x',
    'arn:aws:kms:EU-CENTRAL-1:111122223333:alias/x', 'arn:aws:kms:eu-central-1:111122223333:payroll', `x${arn}`, `${arn}\n`, 'aws-kms:', '',
  ])(
    'abuse 18: %j is refused before any call',
    async (name) => expect(await resolving(name, { region: 'eu-central-1' })).toBe('ERR_KEY_ID_INVALID'),
  )

  test('without a region is refused before any call; an ARN, or the preferred region, says it', async () => {
    expect(await resolving('alias/payroll')).toBe('ERR_ARGUMENT')
    for (const region of ['x.example/', 'x.example/eu-central-1', 'eu-central-1.example', 'EU-CENTRAL-1', '', 7])
      expect(await resolving('alias/payroll', { region })).toBe('ERR_ARGUMENT')
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
    ['an alias, a key ARN with something before it', alias, `x${arn}`, 'ERR_KEY_SERVICE_RESPONSE'],
  ])('abuse 20: may stand for %s', async (_, name, Arn, expected) => {
    const { endpoint, bodies } = await stubKms(200, { KeyMetadata: { KeyId: 'x', Arn } })
    const call = resolveAwsKms(name, { endpoint, region: 'eu-central-1', attempts: 1, grantTokens: ['fresh'] })
    if (expected.startsWith('ERR_')) expect(await codeOfAsync(call)).toBe(expected)
    else expect((await call).arn).toBe(expected)
    expect(bodies.map((body) => JSON.parse(body) as unknown)).toEqual([{ KeyId: name, GrantTokens: ['fresh'] }])
  })

  test('of which KMS tells nothing at all is refused as an answer that KMS does not give', async () => {
    const { endpoint } = await stubKms(200, {})
    await expect(resolveAwsKms(alias, { endpoint, attempts: 1 })).rejects.toMatchObject({
      code: 'ERR_KEY_SERVICE_RESPONSE',
      message: 'the key of this alias or id: KMS described another key than the one that was asked for',
    })
  })

  test('that KMS refuses is named as what it is', async () => {
    const { endpoint } = await stubKms(400, { __type: 'NotFoundException' })
    await expect(resolveAwsKms(alias, { endpoint, attempts: 1 })).rejects.toMatchObject({
      message: 'the key of this alias or id does not exist in this account and region',
    })
  })

  test('whose key is in one region is not called in another', async () => {
    const { endpoint } = await stubKms(200, { KeyMetadata: { Arn: arn } })
    await expect(resolveAwsKms('payroll/x', {})).rejects.toMatchObject({ message: 'the name is neither an alias nor the id of a KMS key' })
    const regions = ['eu-central-1', 'us-east-1']
    await expect(resolveAwsKms(alias, { endpoint, regions })).rejects.toMatchObject({
      code: 'ERR_ARGUMENT',
      message: 'only a multi-region key (mrk-…) is in regions other than that of its ARN',
    })
  })
})

test('a KeyMaterialId has one material id, for ever', () => {
  // sha256('keyfold aws-kms material id v1' || 00 || KeyMaterialId), cut; frozen, since envelopes carry it
  expect(awsKmsMaterialId('a'.repeat(64))).toBe('6101ac29dd12')
  const right = 'a'.repeat(64)
  for (const wrong of ['', right.slice(1), `${right}a`, `${right}\n`, `x${right}`, 'A'.repeat(64), 'g'.repeat(64), undefined as unknown as string]) {
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

test('settings are what was given, or their defaults', () => {
  const { endpointOf, ...defaults } = settingsOf({})
  expect(endpointOf('eu-central-1')).toBeUndefined()
  // three attempts, each with an answer that begins and ends in time, and the waits between them
  const usual = { clearContext: [], grantTokens: [], regions: undefined, timeoutMs: 3000, attempts: 3, minTls: '1.2', deadlineMs: 38_000 }
  expect(defaults).toEqual(usual)
  const given = { clearContext: ['a', 'b'], grantTokens: ['t'], regions: ['x', 'y', 'x'], timeoutMs: 100, attempts: 1, minTls: '1.3' } as const
  expect(settingsOf(given)).toMatchObject({ ...given, regions: ['x', 'y'], deadlineMs: 200 })
  const one = settingsOf({ endpoint: 'https://kms.example' })
  expect([one.endpointOf('x'), one.endpointOf('y')]).toEqual(['https://kms.example', 'https://kms.example'])
  const each = settingsOf({ endpoint: { x: 'https://x.example' } })
  expect([each.endpointOf('x'), each.endpointOf('y'), each.endpointOf('constructor')]).toEqual(['https://x.example', undefined, undefined])
})

test('settings that cannot be are refused by their limits, in words', () => {
  const factOf = (options: object): string => (caught(() => settingsOf(options)) as Error).message
  expect(factOf({ timeoutMs: 49 })).toBe('timeoutMs is an integer from 50 to 600000')
  expect(factOf({ attempts: 0 })).toBe('attempts is an integer from 1 to 10')
  expect(factOf({ minTls: '1.1' })).toBe('minTls is 1.2 or 1.3')
  expect(factOf({ clearContext: ['keyfold'] })).toBe('clearContext is a list of names of the encryption context, none of them keyfold')
  expect(factOf({ grantTokens: [''] })).toBe('grantTokens is a list of at most 10 texts')
  expect(factOf({ regions: [] })).toBe('regions is a list of at least one region')
  expect(factOf({ regions: ['x.example/'] })).toBe('a region has a name such as eu-central-1')
  expect(factOf({ endpoint: 'kms.example' })).toMatch(/^endpoint is a URL such as https:/)
  expect(factOf({ endpont: 'x' })).toBe(
    'a KMS key does not have the option endpont; its options are clearContext, grantTokens, regions, endpoint, timeoutMs, attempts, minTls',
  )
  for (const name of ['end-point', 'endpoint2', 'x'.repeat(33)]) expect(factOf({ [name]: 'x' })).toMatch(/^a KMS key does not have an option of this name;/)
  expect(factOf({ ['x'.repeat(32)]: 'x' })).toContain('x'.repeat(32))
  expect(factOf({ awsCredentials: 'x' })).toBe('a KMS key takes no credentials')
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
    // throttled is out of reach too; denied is an answer
    const throttled = await stubKms(400, { __type: 'ThrottlingException' })
    const elsewhere = { ...options, endpoint: { ...options.endpoint, 'us-east-1': throttled.endpoint } }
    expect(await codeOfAsync(awsKms(multi, elsewhere).wrap(dek, canonical))).toBe('ERR_KEY_DENIED')
    expect([throttled.bodies.length, bodies.length]).toEqual([1, 2])
    const reversed = { ...elsewhere, regions: ['eu-central-1', 'us-east-1'] }
    expect(await codeOfAsync(awsKms(multi, reversed).wrap(dek, canonical))).toBe('ERR_KEY_DENIED')
    expect([throttled.bodies.length, bodies.length]).toEqual([1, 3])
  })
})

describe('the wire', () => {
  test.each(['localhost', '127.0.0.1', '[::1]', '::1'])('may be in clear to this machine: %s', (hostname) => {
    expect(codeOf(() => assertConfidential({ protocol: 'http:', hostname }))).toBeUndefined()
    expect(codeOf(() => assertConfidential({ protocol: 'ftp:', hostname }))).toBe('ERR_ARGUMENT')
  })

  test('may not be in clear to any other, and the error says what may', () => {
    for (const hostname of ['127.0.0.2', 'localhost.example', '0.0.0.0', '', undefined]) {
      const host = hostname === undefined ? {} : { hostname }
      expect(caught(() => assertConfidential({ protocol: 'http:', ...host }))).toMatchObject({
        message: 'the endpoint of KMS is not one of https:',
        hint: 'Use an https: endpoint; http: is for an emulator on this machine.',
      })
      expect(codeOf(() => assertConfidential({ protocol: 'https:', ...host }))).toBeUndefined()
    }
    expect(codeOf(() => assertConfidential({}))).toBe('ERR_ARGUMENT')
  })

  test.each([
    ['1.2', [0x0304, 0x0303]],
    ['1.3', [0x0304]],
  ] as const)('is offered no older TLS than %s', async (minTls, versions) => {
    const { port, hello } = await firstBytes()
    const wrapper = awsKms(arn, { endpoint: `https://127.0.0.1:${port}`, attempts: 1, minTls })
    expect(await codeOfAsync(wrapper.wrap(dek, canonical))).toBe('ERR_KEY_UNAVAILABLE')
    expect(supportedVersions(await hello)).toEqual(versions)
  })

  test('http: is refused but on this machine, wherever the endpoint comes from', async () => {
    vi.stubEnv('AWS_ENDPOINT_URL_KMS', 'http://kms.example')
    try {
      expect(await codeOfAsync(awsKms(arn).wrap(dek, canonical))).toBe('ERR_ARGUMENT')
    } finally {
      vi.unstubAllEnvs()
    }
  })
})

/** A server that hangs up behind the first bytes that it gets. */
async function firstBytes(): Promise<{ port: number; hello: Promise<Buffer> }> {
  const server = createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const hello = once(server, 'connection').then(async ([socket]: Socket[]) => {
    const [bytes] = (await once(socket!, 'data')) as Buffer[]
    socket!.destroy()
    return bytes!
  })
  return { port: (server.address() as AddressInfo).port, hello }
}

/** The versions that a ClientHello offers (RFC 8446, section 4.2.1): extension 43, two lengths, two bytes each. */
function supportedVersions(hello: Buffer): number[] {
  for (const count of [1, 2, 3, 4]) {
    const at = hello.indexOf(Buffer.from([0, 43, 0, 1 + 2 * count, 2 * count]))
    if (at >= 0) return Array.from({ length: count }, (_, i) => hello.readUInt16BE(at + 5 + 2 * i))
  }
  return []
}

function caught(call: () => unknown): unknown {
  try {
    call()
  } catch (error) {
    return error
  }
  throw new Error('the call was expected to fail')
}
