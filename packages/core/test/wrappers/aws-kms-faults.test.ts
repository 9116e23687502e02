import { createServer } from 'node:http'
import { inspect as print } from 'node:util'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { KeyWrapper } from '../../src/index.ts'
import { canonicalContext, createKeyring, open, openText, seal } from '../../src/index.ts'
import { awsKms } from '../../src/wrappers/aws-kms.ts'
import { codeOfAsync, insecureWrapper } from '../keys.ts'
import { errorOf, faultyKms, OTHER_REGION, REGION } from './aws-kms-support.ts'

const context = { table: 'users', column: 'ssn', id: '42', tenant: 'acme' }
const canonical = canonicalContext(context)
const dek = new Uint8Array(32).fill(0x41)
/** One attempt, briefly: for faults of which the retry is not the matter. */
const once = { attempts: 1, timeoutMs: 300 }

let kms: Awaited<ReturnType<typeof faultyKms>>
let arn: string
beforeAll(async () => {
  kms = await faultyKms()
  arn = await kms.createKey()
})
beforeEach(() => {
  kms.emulator.setFaults({})
  kms.emulator.resetCalls()
})
afterAll(() => kms.emulator.close())

describe('abuse 19: a service that does not keep up', () => {
  test('abuse 19: throttling is tried again so often and no more, then is its own code', async () => {
    kms.emulator.setFaults({ throttleEvery: 1 })
    const error = await errorOf(kms.wrapper(arn, { attempts: 2 }).wrap(dek, canonical))
    expect(error.code).toBe('ERR_KEY_THROTTLED')
    expect(kms.emulator.calls).toEqual({ GenerateDataKey: 2 })
  })

  test('abuse 19: throttling that passes is not noticed', async () => {
    kms.emulator.setFaults({ throttleEvery: 2 })
    const wrapper = kms.wrapper(arn)
    for (let i = 0; i < 3; i++) await wrapper.wrap(dek, canonical)
    expect(kms.emulator.calls['GenerateDataKey']).toBe(5)
  })

  test('abuse 19: two clients that are throttled at once do not come back at once', async () => {
    kms.emulator.setFaults({ throttleEvery: 1 })
    const waits = await Promise.all(
      [1, 2, 3, 4].map(async () => {
        const start = performance.now()
        await errorOf(kms.wrapper(arn, { attempts: 2 }).wrap(dek, canonical))
        return Math.round(performance.now() - start)
      }),
    )
    expect(Math.max(...waits) - Math.min(...waits)).toBeGreaterThan(10)
  })

  test.each(['hang', 'stall', 'reset'] as const)(
    'abuse 19: an answer that does not come (%s) ends in time, as unavailable',
    async (answer) => {
      const wrapped = await kms.wrapper(arn).wrap(dek, canonical)
      kms.emulator.setFaults({ answer })
      const start = performance.now()
      const error = await errorOf(kms.wrapper(arn, { attempts: 2, timeoutMs: 200 }).unwrap(wrapped, canonical))
      expect(error.code).toBe('ERR_KEY_UNAVAILABLE')
      expect(performance.now() - start).toBeLessThan(3000)
      expect(kms.emulator.calls['Decrypt']).toBe(2)
    },
  )

  test('abuse 19: a service out of order or not there is unavailable, and the record opens later', async () => {
    const envelope = await seal(createKeyring({ active: kms.wrapper(arn) }), 'secret', context)
    kms.emulator.setFaults({ fail: { Decrypt: 'KMSInternalException' } })
    expect(await codeOfAsync(open(createKeyring({ active: kms.wrapper(arn, once) }), envelope, context))).toBe('ERR_KEY_UNAVAILABLE')
    const nobody = awsKms(arn, { ...once, endpoint: await closedPort() })
    expect(await codeOfAsync(open(createKeyring({ active: nobody }), envelope, context))).toBe('ERR_KEY_UNAVAILABLE')
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
    const wrapper = kms.wrapper(arn, { ...once, timeoutMs: 2000 })
    const wrapped = await wrapper.wrap(dek, canonical)
    kms.emulator.setFaults({ answer })
    for (const call of [wrapper.wrap(dek, canonical), wrapper.unwrap(wrapped, canonical)]) {
      const error = await errorOf(call)
      expect(error.code).toBe('ERR_KEY_SERVICE_RESPONSE')
      expect(print(error, { depth: 10, showHidden: true })).not.toMatch(/Plaintext|\$response|<html>/)
    }
  })

  test('of a ReEncrypt that names another key is refused', async () => {
    const [from, to] = [kms.wrapper(arn), kms.wrapper(await kms.createKey())]
    const wrapped = await from.wrap(dek, canonical)
    kms.emulator.setFaults({ answer: 'other-key-id' })
    expect(await codeOfAsync(from.rewrapWithin(wrapped, canonical, to))).toBe('ERR_KEY_SERVICE_RESPONSE')
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
    const attackers = await kms.createKey()
    const envelope = await seal(createKeyring({ active: kms.wrapper(attackers) }), 'bait', context)
    kms.emulator.resetCalls()
    expect(await codeOfAsync(open(createKeyring({ active: kms.wrapper(arn) }), envelope, context))).toBe('ERR_KEY_NOT_FOUND')
    expect(kms.emulator.calls).toEqual({})
  })

  test('a wrapper makes no call before it is used, and one for each wrap or unwrap', async () => {
    const wrapper = kms.wrapper(arn)
    expect(kms.emulator.calls).toEqual({})
    await wrapper.unwrap(await wrapper.wrap(dek, canonical), canonical)
    expect(kms.emulator.calls).toEqual({ GenerateDataKey: 1, Decrypt: 1 })
  })

  test('the DEK itself is not sent', async () => {
    const seen = await bodiesOf((endpoint) => awsKms(arn, { ...once, endpoint }).wrap(dek, canonical))
    expect(seen.join()).toContain(arn)
    expect(seen.join()).not.toContain(Buffer.from(dek).toString('base64').slice(0, 20))
  })

  test('the context goes as its hash, but for the pairs that were named', async () => {
    const seen = await bodiesOf((endpoint) => awsKms(arn, { ...once, endpoint, clearContext: ['tenant'] }).wrap(dek, canonical))
    const { EncryptionContext } = JSON.parse(seen[0]!) as { EncryptionContext: Record<string, string> }
    expect(EncryptionContext).toEqual({ tenant: 'acme', keyfold: expect.stringMatching(/^[A-Za-z0-9_-]{43}$/) as string })
  })
})

describe('permissions', () => {
  test('denied is a code of its own, and not tried again', async () => {
    kms.emulator.setFaults({ deny: ['GenerateDataKey'] })
    const error = await errorOf(kms.wrapper(arn).wrap(dek, canonical))
    expect(error.code).toBe('ERR_KEY_DENIED')
    expect(String((error.cause as Error).message)).toMatch(/^AccessDeniedException, HTTP 400, request /)
    expect(kms.emulator.calls).toEqual({ GenerateDataKey: 1 })
    expect(await codeOfAsync(kms.wrapper(arn).preflight())).toBe('ERR_KEY_DENIED')
    await expect(kms.wrapper(arn).preflight('unwrap')).resolves.toBeUndefined()
  })

  test('grant tokens go with every call', async () => {
    kms.emulator.setFaults({ grantToken: 'fresh' })
    expect(await codeOfAsync(kms.wrapper(arn).wrap(dek, canonical))).toBe('ERR_KEY_DENIED')
    const granted = kms.wrapper(arn, { grantTokens: ['fresh'] })
    await granted.unwrap(await granted.wrap(dek, canonical), canonical)
    await granted.preflight()
  })

  test('a key of another state is unavailable, not lost', async () => {
    kms.emulator.setFaults({ fail: { GenerateDataKey: 'KMSInvalidStateException' } })
    expect(await codeOfAsync(kms.wrapper(arn).wrap(dek, canonical))).toBe('ERR_KEY_UNAVAILABLE')
  })
})

describe('several ways to one record', () => {
  test('abuse 24: the first entry is unavailable, the next opens; when all fail, all are listed', async () => {
    const local = insecureWrapper('recovery')
    const [one, two] = [kms.wrapper(arn, once), kms.wrapper(await kms.createKey(), once)]
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
    kms.emulator.setFaults({ fail: { GenerateDataKey: 'KMSInternalException', Decrypt: 'KMSInternalException' }, regions: [REGION] })
    const wrapped = await wrapper.wrap(dek, canonical)
    expect(Uint8Array.from(await wrapper.unwrap(wrapped, canonical))).toEqual(dek)
    kms.emulator.setFaults({ throttleEvery: 1 })
    expect(await codeOfAsync(wrapper.unwrap(wrapped, canonical))).toBe('ERR_KEY_THROTTLED')
  })

  test('a region without a replica does not make a key look lost that is out of reach', async () => {
    const primary = await kms.createKey({ multiRegion: true })
    const wrapper = kms.wrapper(primary, { ...once, regions: [REGION, OTHER_REGION] })
    kms.emulator.setFaults({ answer: 'reset', regions: [REGION] })
    expect(await codeOfAsync(wrapper.wrap(dek, canonical))).toBe('ERR_KEY_UNAVAILABLE')
  })
})

/** An endpoint on which nobody listens. */
async function closedPort(): Promise<string> {
  const { endpoint, emulator } = await faultyKms()
  await emulator.close()
  return endpoint
}

/** The bodies of the requests that `work` sends; each is refused. */
async function bodiesOf(work: (endpoint: string) => Promise<unknown>): Promise<string[]> {
  const bodies: string[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk))
    request.on('end', () => {
      bodies.push(body)
      response.writeHead(400).end('{"__type":"AccessDeniedException"}')
    })
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  await errorOf(work(`http://127.0.0.1:${(server.address() as { port: number }).port}`))
  server.close()
  return bodies
}
