import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect as print } from 'node:util'
import { temporaryFolder } from '@keyfold/test-support'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import type { KeyWrapper } from '../../src/index.ts'
import { canonicalContext, createKeyring, open, openText, rewrap, seal } from '../../src/index.ts'
import { awsKms, resolveAwsKms } from '../../src/wrappers/aws-kms.ts'
import { codeOfAsync, insecureWrapper } from '../keys.ts'
import { describeOnEmulator, errorOf, faultyKms, OTHER_REGION, REGION } from './aws-kms-support.ts'

const context = { table: 'users', column: 'ssn', id: '42', tenant: 'acme' }
const canonical = canonicalContext(context)
const dek = new Uint8Array(32).fill(0x41)
/** For faults of which the retry is not the matter. */
const once = { attempts: 1 }

let kms: Awaited<ReturnType<typeof faultyKms>>
let arn: string
let other: string

describeOnEmulator('AWS KMS with faults', () => {
  beforeAll(async () => {
    kms = await faultyKms()
    ;[arn, other] = [await kms.createKey(), await kms.createKey()]
  })
  beforeEach(() => {
    kms.emulator.setFaults({})
    kms.emulator.resetCalls()
  })
  afterEach(() => vi.restoreAllMocks())
  afterAll(() => kms.close())

  describe('abuse 19: a service that does not keep up', () => {
    test.each([1, 2, 4])('abuse 19: throttling is tried %i times at most, then is a code of its own', async (attempts) => {
      kms.emulator.setFaults({ throttleEvery: 1 })
      vi.spyOn(Math, 'random').mockReturnValue(0)
      const error = await errorOf(kms.wrapper(arn, { attempts }).wrap(dek, canonical))
      expect(error.code).toBe('ERR_KEY_THROTTLED')
      expect(kms.emulator.calls).toEqual({ GenerateDataKey: attempts })
    })

    test('abuse 19: it is three times by default', async () => {
      kms.emulator.setFaults({ fail: { Decrypt: 'KMSInternalException' } })
      const wrapped = await kms.wrapper(arn).wrap(dek, canonical)
      expect(await codeOfAsync(kms.wrapper(arn).unwrap(wrapped, canonical))).toBe('ERR_KEY_UNAVAILABLE')
      expect(kms.emulator.calls['Decrypt']).toBe(3)
    })

    test('abuse 19: throttling that passes is not noticed', async () => {
      kms.emulator.setFaults({ throttleEvery: 2 })
      const wrapper = kms.wrapper(arn)
      for (let i = 0; i < 3; i++) await wrapper.wrap(dek, canonical)
      expect(kms.emulator.calls['GenerateDataKey']).toBe(5)
    })

    test('abuse 19: each wait is a random share of a bound that doubles, so that clients do not come back at once', async () => {
      kms.emulator.setFaults({ throttleEvery: 1 })
      const waits = async (share: number) => {
        vi.spyOn(Math, 'random').mockReturnValue(share)
        const timers = vi.spyOn(globalThis, 'setTimeout')
        await errorOf(kms.wrapper(arn, { attempts: 4 }).wrap(dek, canonical))
        const asked = timers.mock.calls.map(([, ms]) => ms)
        vi.restoreAllMocks()
        return asked
      }
      // of AWS's bounds for throttling: 1, 2 and 4 seconds
      expect(await waits(0.01)).toEqual(expect.arrayContaining([10, 20, 40]))
      expect(await waits(0.03)).toEqual(expect.arrayContaining([30, 60, 120]))
    })

    test.each(['hang', 'stall', 'reset'] as const)(
      'abuse 19: an answer that does not come (%s) ends in time, as unavailable',
      { timeout: 30_000 },
      async (answer) => {
        const wrapped = await kms.wrapper(arn).wrap(dek, canonical)
        kms.emulator.setFaults({ answer })
        const error = await errorOf(kms.wrapper(arn, { attempts: 2, timeoutMs: 200 }).unwrap(wrapped, canonical))
        expect(error.code).toBe('ERR_KEY_UNAVAILABLE')
        expect(kms.emulator.calls['Decrypt']).toBe(2)
      },
    )

    test('abuse 19: a source of credentials that hangs ends in time, as unavailable', { timeout: 15_000 }, async () => {
      const config = join(temporaryFolder(), 'config')
      writeFileSync(config, '[default]\ncredential_process = sleep 20\n')
      vi.stubEnv('AWS_CONFIG_FILE', config).stubEnv('AWS_ACCESS_KEY_ID', undefined).stubEnv('AWS_SECRET_ACCESS_KEY', undefined)
      try {
        const error = await errorOf(kms.wrapper(arn, { attempts: 1, timeoutMs: 300 }).wrap(dek, canonical))
        expect(error.code).toBe('ERR_KEY_UNAVAILABLE')
        expect((error.cause as Error).message).toBe('TimeoutError, no answer')
        expect(kms.emulator.calls).toEqual({})
      } finally {
        vi.unstubAllEnvs()
      }
    })

    test('abuse 19: a service out of order or not there is unavailable, and the record opens later', async () => {
      const envelope = await seal(createKeyring({ active: kms.wrapper(arn) }), 'secret', context)
      kms.emulator.setFaults({ fail: { Decrypt: 'KMSInternalException' } })
      expect(await codeOfAsync(open(createKeyring({ active: kms.wrapper(arn, once) }), envelope, context))).toBe('ERR_KEY_UNAVAILABLE')
      const nobody = awsKms(arn, { ...once, endpoint: await closedPort() })
      const error = await errorOf(open(createKeyring({ active: nobody }), envelope, context))
      expect(error.code).toBe('ERR_KEY_UNAVAILABLE')
      expect((error.cause as Error).message).toBe('Error, ECONNREFUSED, no answer')
      kms.emulator.setFaults({})
      expect(await openText(createKeyring({ active: kms.wrapper(arn) }), envelope, context)).toBe('secret')
    })
  })

  describe('an answer that KMS would not give', () => {
    test.each([
      ['abuse 20: names another key', 'other-key-id'],
      ['abuse 22: carries a 16-byte data key', 'short-key'],
      ['is no JSON', 'garbage'],
      ['has 10 MB', 'huge'],
    ] as const)('%s: refused, both ways', async (_, answer) => {
      const wrapper = kms.wrapper(arn, once)
      const wrapped = await wrapper.wrap(dek, canonical)
      kms.emulator.setFaults({ answer })
      for (const call of [wrapper.wrap(dek, canonical), wrapper.unwrap(wrapped, canonical)]) {
        const error = await errorOf(call)
        expect(error.code).toBe('ERR_KEY_SERVICE_RESPONSE')
        expect(print(error, { depth: 10, showHidden: true })).not.toMatch(/Plaintext|\$response|<html>/)
      }
    })

    const lies = ['other-key-id', 'garbage', 'huge'] as const
    test.each(lies)('abuse 20: %s: refused where a record is moved, and where an alias is resolved', async (answer) => {
      const wrapped = await kms.wrapper(arn).wrap(dek, canonical)
      kms.emulator.setFaults({ answer })
      expect(await codeOfAsync(kms.wrapper(arn, once).rewrapTo(kms.wrapper(other), wrapped, canonical))).toBe('ERR_KEY_SERVICE_RESPONSE')
      const bareId = arn.replace(/.*key\//, '')
      expect(await codeOfAsync(resolveAwsKms(bareId, { ...once, region: REGION, endpoint: kms.endpoint }))).toBe('ERR_KEY_SERVICE_RESPONSE')
    })

    test('abuse 24: is not repaired by another region, which could be a liar too', async () => {
      const primary = await kms.createKey({ multiRegion: true })
      await kms.replicate(primary)
      kms.emulator.setFaults({ answer: 'short-key', regions: [REGION] })
      const wrapper = kms.wrapper(primary, { ...once, regions: [REGION, OTHER_REGION] })
      expect(await codeOfAsync(wrapper.wrap(dek, canonical))).toBe('ERR_KEY_SERVICE_RESPONSE')
    })

    test('without material ids leaves zero in the entry, and what has none opens', async () => {
      kms.emulator.setFaults({ answer: 'no-material' })
      const wrapped = await kms.wrapper(arn).wrap(dek, canonical)
      expect(wrapped.materialId).toEqual(new Uint8Array(6))
      kms.emulator.setFaults({})
      expect(Uint8Array.from(await kms.wrapper(arn).unwrap(wrapped, canonical))).toEqual(dek)
    })
  })

  describe('which key is called', () => {
    test('abuse 21: an envelope that names a key which the keyring does not hold makes no call', async () => {
      const envelope = await seal(createKeyring({ active: kms.wrapper(other) }), 'bait', context)
      kms.emulator.resetCalls()
      const mine = createKeyring({ active: kms.wrapper(arn) })
      expect(await codeOfAsync(open(mine, envelope, context))).toBe('ERR_KEY_NOT_FOUND')
      expect(await codeOfAsync(rewrap(mine, envelope, context, { within: true }))).toBe('ERR_KEY_NOT_FOUND')
      expect(kms.emulator.calls).toEqual({})
    })

    test('a wrapper makes no call before it is used, and one for each wrap, unwrap or move', async () => {
      const [wrapper, target] = [kms.wrapper(arn), kms.wrapper(other)]
      expect(kms.emulator.calls).toEqual({})
      const wrapped = await wrapper.wrap(dek, canonical)
      await wrapper.unwrap(wrapped, canonical)
      expect(wrapper.canRewrapTo(target)).toBe(true)
      await wrapper.rewrapTo(target, wrapped, canonical)
      expect(kms.emulator.calls).toEqual({ GenerateDataKey: 1, Decrypt: 1, ReEncrypt: 1 })
    })
  })

  describe('permissions', () => {
    test('denied is a code of its own, and not tried again', async () => {
      kms.emulator.setFaults({ deny: ['GenerateDataKey'] })
      const error = await errorOf(kms.wrapper(arn).wrap(dek, canonical))
      expect(error.code).toBe('ERR_KEY_DENIED')
      expect(String((error.cause as Error).message)).toMatch(/^AccessDeniedException, HTTP 400, request /)
      expect(kms.emulator.calls).toEqual({ GenerateDataKey: 1 })
    })

    test.each([
      ['wrap', 'GenerateDataKey'],
      ['unwrap', 'Decrypt'],
      ['rewrapTo', 'ReEncrypt'],
    ] as const)('preflight asks for %s by a dry run of %s, and nothing else', async (verb, operation) => {
      const use = verb === 'rewrapTo' ? { rewrapTo: kms.wrapper(other) } : verb
      await kms.wrapper(arn).preflight(use, canonical)
      expect(kms.emulator.calls).toEqual({ [operation]: 1 })
      kms.emulator.setFaults({ deny: [operation] })
      expect(await codeOfAsync(kms.wrapper(arn).preflight(use, canonical))).toBe('ERR_KEY_DENIED')
    })

    test('a caller that may only move records moves them, and can neither read nor seal', async () => {
      const [from, to] = [kms.wrapper(arn), kms.wrapper(other)]
      const envelope = await seal(createKeyring({ active: from }), 'secret', context)
      kms.emulator.setFaults({ deny: ['Decrypt', 'Encrypt', 'GenerateDataKey'] })
      const keyring = createKeyring({ active: to, decryptOnly: [from] })
      const moved = await rewrap(keyring, envelope, context, { within: true })
      expect(await codeOfAsync(rewrap(keyring, envelope, context))).toBe('ERR_KEY_DENIED')
      expect(await codeOfAsync(open(keyring, moved, context))).toBe('ERR_KEY_DENIED')
      kms.emulator.setFaults({})
      expect(await openText(createKeyring({ active: to }), moved, context)).toBe('secret')
    })

    test('a move that is denied names both keys, since KMS does not say which it was', async () => {
      const [from, to] = [kms.wrapper(arn), kms.wrapper(other)]
      const wrapped = await from.wrap(dek, canonical)
      kms.emulator.setFaults({ deny: ['ReEncrypt'] })
      const error = await errorOf(from.rewrapTo(to, wrapped, canonical))
      expect([error.code, error.message]).toEqual(['ERR_KEY_DENIED', `${from.id} or ${to.id} may not be used by this caller`])
      expect((await errorOf(from.rewrapTo(from, wrapped, canonical))).message).toBe(`${from.id} may not be used by this caller`)
    })

    test('grant tokens go with every call', async () => {
      kms.emulator.setFaults({ grantToken: 'fresh' })
      expect(await codeOfAsync(kms.wrapper(arn).wrap(dek, canonical))).toBe('ERR_KEY_DENIED')
      const granted = kms.wrapper(arn, { grantTokens: ['fresh'] })
      const wrapped = await granted.wrap(dek, canonical)
      await granted.unwrap(wrapped, canonical)
      for (const use of ['wrap', 'unwrap', { rewrapTo: kms.wrapper(other) }] as const) await granted.preflight(use, canonical)
      const target = kms.wrapper(other, { grantTokens: ['fresh'] })
      await kms.wrapper(arn).rewrapTo(target, wrapped, canonical)
      const bareId = arn.replace(/.*key\//, '')
      const resolving = { region: REGION, endpoint: kms.endpoint }
      expect((await resolveAwsKms(bareId, { ...resolving, grantTokens: ['fresh'] })).arn).toBe(arn)
      expect(await codeOfAsync(resolveAwsKms(bareId, resolving))).toBe('ERR_KEY_DENIED')
    })
  })

  describe('several ways to one record', () => {
    test('abuse 24: the first entry is unavailable, the next opens; when all fail, all are listed', async () => {
      const local = insecureWrapper('recovery')
      const [one, two] = [kms.wrapper(arn, once), kms.wrapper(other, once)]
      const all = createKeyring<KeyWrapper>({ active: one, recovery: [two, local] })
      const envelope = await seal(all, 'secret', context)
      kms.emulator.setFaults({ fail: { Decrypt: 'KMSInternalException' } })
      expect(await openText(all, envelope, context)).toBe('secret')
      const error = await errorOf(open(createKeyring({ active: one, recovery: [two] }), envelope, context))
      expect(error.code).toBe('ERR_KEY_UNAVAILABLE')
      expect(error.message).toContain(`${one.id}: ERR_KEY_UNAVAILABLE, ${two.id}: ERR_KEY_UNAVAILABLE`)
    })

    test('abuse 24: a multi-region key falls back to the next region', async () => {
      const primary = await kms.createKey({ multiRegion: true })
      await kms.replicate(primary)
      const wrapper = kms.wrapper(primary, { ...once, regions: [REGION, OTHER_REGION] })
      const outOfOrder = 'KMSInternalException'
      const fail = { GenerateDataKey: outOfOrder, Decrypt: outOfOrder, ReEncrypt: outOfOrder }
      kms.emulator.setFaults({ fail, regions: [REGION] })
      const wrapped = await wrapper.wrap(dek, canonical)
      expect(Uint8Array.from(await wrapper.unwrap(wrapped, canonical))).toEqual(dek)
      expect(Uint8Array.from(await wrapper.unwrap(await wrapper.rewrapTo(wrapper, wrapped, canonical), canonical))).toEqual(dek)
      for (const use of ['wrap', 'unwrap', { rewrapTo: wrapper }] as const) await wrapper.preflight(use, canonical)
      kms.emulator.setFaults({ throttleEvery: 1 })
      expect(await codeOfAsync(wrapper.unwrap(wrapped, canonical))).toBe('ERR_KEY_THROTTLED')
    })

    test('a multi-region key is called in the preferred region, as long as that answers', async () => {
      const primary = await kms.createKey({ multiRegion: true })
      await kms.replicate(primary)
      kms.emulator.setFaults({ deny: ['GenerateDataKey'], regions: [OTHER_REGION] })
      await kms.wrapper(primary, { regions: [REGION, OTHER_REGION] }).wrap(dek, canonical)
      // and a refusal is an answer: whoever disabled or denied the key there meant it
      expect(await codeOfAsync(kms.wrapper(primary, { regions: [OTHER_REGION, REGION] }).wrap(dek, canonical))).toBe('ERR_KEY_DENIED')
    })

    test('a region without a replica does not make a key look lost that is out of reach', async () => {
      const primary = await kms.createKey({ multiRegion: true })
      const wrapper = kms.wrapper(primary, { ...once, regions: [REGION, OTHER_REGION] })
      kms.emulator.setFaults({ answer: 'reset', regions: [REGION] })
      expect(await codeOfAsync(wrapper.wrap(dek, canonical))).toBe('ERR_KEY_UNAVAILABLE')
      kms.emulator.setFaults({})
      const wrongFirst = kms.wrapper(primary, { ...once, regions: [OTHER_REGION, REGION] })
      expect(await codeOfAsync(wrongFirst.wrap(dek, canonical))).toBe('ERR_KEY_MISSING')
    })
  })
})

/** An endpoint on which nobody listens. */
async function closedPort(): Promise<string> {
  const { endpoint, emulator } = await faultyKms()
  await emulator.close()
  return endpoint
}
