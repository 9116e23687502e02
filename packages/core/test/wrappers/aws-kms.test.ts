import { randomUUID } from 'node:crypto'
import { inspect as print } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { caching, canonicalContext, createKeyring, inspect, multi, open, openText, rewrap, seal, withoutMaterials } from '../../src/index.ts'
import { parse } from '../../src/format.ts'
import { awsKmsMaterialId, resolveAwsKms } from '../../src/wrappers/aws-kms.ts'
import { codeOfAsync, insecureWrapper } from '../keys.ts'
import { anyKms, errorOf, OTHER_REGION, REGION } from './aws-kms-support.ts'

const context = { table: 'users', column: 'ssn', id: '42', tenant: 'acme' }

let kms: Awaited<ReturnType<typeof anyKms>>
let arn: string
beforeAll(async () => {
  kms = await anyKms()
  arn = await kms.createKey()
})
afterAll(() => kms.close())

const keyring = (...args: Parameters<typeof kms.wrapper>) => createKeyring({ active: kms.wrapper(...args) })
const entryOf = (envelope: Uint8Array) => parse(envelope).entries[0]!

describe('a record under a KMS key', () => {
  test('opens in another process that names the key, by ARN or URI', async () => {
    const envelope = await seal(keyring(arn), '078-05-1120', context)
    expect(await openText(keyring(arn), envelope, context)).toBe('078-05-1120')
    expect(await openText(keyring(`aws-kms:${arn}`), envelope, context)).toBe('078-05-1120')
  })

  test('is named by a key id that depends on the ARN alone, and by the material that wrapped it', async () => {
    const [one, other] = await Promise.all([seal(keyring(arn), 'a', context), seal(keyring(arn), 'b', context)])
    expect(entryOf(one).keyId).toEqual(kms.wrapper(arn).keyId)
    expect(entryOf(one).materialId).toEqual(entryOf(other).materialId)
    expect(entryOf(one).materialId).not.toEqual(new Uint8Array(6))
    expect(inspect(one).keyId).toBe(Buffer.from(kms.wrapper(arn).keyId).toString('hex'))
  })

  test('does not open in another context: KMS itself refuses', async () => {
    const envelope = await seal(keyring(arn), 'secret', context)
    expect(await codeOfAsync(open(keyring(arn), envelope, { ...context, id: '43' }))).toBe('ERR_NOT_AUTHENTIC')
    const { materialId, wrapped: bytes } = entryOf(envelope)
    const elsewhere = kms.wrapper(arn).unwrap({ materialId, bytes }, canonicalContext({ ...context, id: '43' }))
    expect(await codeOfAsync(elsewhere)).toBe('ERR_NOT_AUTHENTIC')
  })

  test('abuse 1: a changed bit of the wrapped key or the material id is refused', async () => {
    const wrapper = kms.wrapper(arn)
    const wrapped = await wrapper.wrap(new Uint8Array(32).fill(7), canonicalContext(context))
    const at = [0, 20, 60, 130, wrapped.bytes.length - 60, wrapped.bytes.length - 41, wrapped.bytes.length - 40, wrapped.bytes.length - 1]
    for (const i of at) {
      const bytes = wrapped.bytes.map((byte, j) => (i === j ? byte ^ 1 : byte))
      const code = await codeOfAsync(wrapper.unwrap({ ...wrapped, bytes }, canonicalContext(context)))
      expect(['ERR_NOT_AUTHENTIC', 'ERR_KEY_MISMATCH'], `byte ${i}`).toContain(code)
    }
    const materialId = wrapped.materialId.map((byte, i) => (i === 5 ? byte ^ 1 : byte))
    expect(await codeOfAsync(wrapper.unwrap({ ...wrapped, materialId }, canonicalContext(context)))).toBe('ERR_NOT_AUTHENTIC')
    for (const length of [1, 39, 40, 100]) {
      const cut = { ...wrapped, bytes: wrapped.bytes.subarray(0, length) }
      expect(await codeOfAsync(wrapper.unwrap(cut, canonicalContext(context))), `${length} bytes`).toBe('ERR_NOT_AUTHENTIC')
    }
  })

  test('is refused as the wrong key where the entry was wrapped by another KMS key', async () => {
    const stranger = await kms.createKey()
    const wrapped = await kms.wrapper(stranger).wrap(new Uint8Array(32), canonicalContext(context))
    expect(await codeOfAsync(kms.wrapper(arn).unwrap(wrapped, canonicalContext(context)))).toBe('ERR_KEY_MISMATCH')
  })

  test('opens only with the same pairs in clear', async () => {
    const envelope = await seal(keyring(arn, { clearContext: ['tenant'] }), 'secret', context)
    expect(await openText(keyring(arn, { clearContext: ['tenant'] }), envelope, context)).toBe('secret')
    expect(await codeOfAsync(open(keyring(arn), envelope, context))).toBe('ERR_NOT_AUTHENTIC')
    const without = seal(keyring(arn, { clearContext: ['region'] }), 'secret', context)
    expect(await codeOfAsync(without)).toBe('ERR_CONTEXT_INVALID')
  })

  test('is wrapped in 40 bytes more than the ciphertext that KMS gives for a data key', async () => {
    const { wrapped } = entryOf(await seal(keyring(arn), 'secret', context))
    // 184 bytes of AWS, for now: what KMS gives is opaque
    if (kms.endpoint.includes('127.0.0.1')) expect(wrapped).toHaveLength(184 + 40)
    expect(wrapped.length).toBeGreaterThan(40 + 32)
  })

  test('abuse 24: under several KMS keys opens with each of them alone', async () => {
    const [one, two] = [kms.wrapper(arn), kms.wrapper(await kms.createKey())]
    const envelope = await seal(createKeyring({ active: one, recovery: [two] }), 'secret', context)
    expect(inspect(envelope).entries).toHaveLength(2)
    for (const active of [one, two]) expect(await openText(createKeyring({ active }), envelope, context)).toBe('secret')
  })

  test('is rewrapped from and to a local key', async () => {
    const local = insecureWrapper('q1')
    const sealed = await seal(createKeyring({ active: local }), 'secret', context)
    const moved = await rewrap(createKeyring({ active: kms.wrapper(arn), decryptOnly: [local] }), sealed, context)
    expect(await openText(keyring(arn), moved, context)).toBe('secret')
    const back = await rewrap(createKeyring({ active: local, decryptOnly: [kms.wrapper(arn)] }), moved, context)
    expect(await openText(createKeyring({ active: local }), back, context)).toBe('secret')
  })
})

describe('rotation behind a stable ARN', () => {
  test('shows as another material id, and what was sealed before opens', async () => {
    const rotated = await kms.createKey()
    const before = await seal(keyring(rotated), 'before', context)
    await kms.rotate(rotated)
    const after = await seal(keyring(rotated), 'after', context)
    expect(entryOf(after).keyId).toEqual(entryOf(before).keyId)
    expect(entryOf(after).materialId).not.toEqual(entryOf(before).materialId)
    expect(await openText(keyring(rotated), before, context)).toBe('before')
    expect(await openText(keyring(rotated), after, context)).toBe('after')
    for (const within of [false, true]) {
      const moved = await rewrap(keyring(rotated), before, context, { within })
      expect(entryOf(moved).materialId).toEqual(entryOf(after).materialId)
      expect(await openText(keyring(rotated), moved, context)).toBe('before')
    }
  })

  test('shows in inspect by the id that awsKmsMaterialId gives for a KeyMaterialId of KMS', async () => {
    const envelope = await seal(keyring(arn), 'secret', context)
    expect(inspect(envelope).entries[0]!.materialId).toBe(awsKmsMaterialId(await kms.material(arn)))
  })
})

describe('states of a key', () => {
  test('disabled, pending deletion and missing have codes of their own; enabling brings the record back', async () => {
    const doomed = await kms.createKey()
    const envelope = await seal(keyring(doomed), 'secret', context)
    await kms.disable(doomed)
    expect(await codeOfAsync(open(keyring(doomed), envelope, context))).toBe('ERR_KEY_DISABLED')
    expect(await codeOfAsync(seal(keyring(doomed), 'x', context))).toBe('ERR_KEY_DISABLED')
    const canonical = canonicalContext(context)
    for (const use of ['wrap', 'unwrap', { rewrapTo: kms.wrapper(arn) }] as const) {
      expect(await codeOfAsync(kms.wrapper(doomed).preflight(use, canonical))).toBe('ERR_KEY_DISABLED')
    }
    expect(await codeOfAsync(kms.wrapper(arn).preflight({ rewrapTo: kms.wrapper(doomed) }, canonical))).toBe('ERR_KEY_DISABLED')
    await kms.enable(doomed)
    expect(await openText(keyring(doomed), envelope, context)).toBe('secret')
    await kms.scheduleDeletion(doomed)
    expect(await codeOfAsync(open(keyring(doomed), envelope, context))).toBe('ERR_KEY_PENDING_DELETION')
    const missing = arn.replace(/[^/]+$/, randomUUID())
    expect(await codeOfAsync(seal(keyring(missing), 'x', context))).toBe('ERR_KEY_MISSING')
  })

  test('preflight passes where wrapping, unwrapping and moving would', async () => {
    for (const use of ['wrap', 'unwrap', { rewrapTo: kms.wrapper(await kms.createKey()) }] as const) {
      await expect(kms.wrapper(arn).preflight(use, canonicalContext(context))).resolves.toBeUndefined()
    }
  })
})

describe('an alias', () => {
  test('is resolved once to its key, by its name, its ARN or the bare id', async () => {
    const name = `alias/keyfold-${randomUUID()}`
    await kms.alias(arn, name)
    const options = { endpoint: kms.endpoint, region: REGION }
    const envelope = await seal(keyring(arn), 'secret', context)
    for (const text of [name, `aws-kms:${name}`, arn.replace(/key\/.*/, name), arn.replace(/.*key\//, '')]) {
      const wrapper = await resolveAwsKms(text, options)
      expect(wrapper.arn).toBe(arn)
      expect(await openText(createKeyring({ active: wrapper }), envelope, context)).toBe('secret')
    }
    expect(await codeOfAsync(resolveAwsKms('alias/keyfold-nobody', options))).toBe('ERR_KEY_MISSING')
  })

  test('that moves on takes nothing along: the wrapper stays with its key, a new one follows', async () => {
    const name = `alias/keyfold-${randomUUID()}`
    const other = await kms.createKey()
    await kms.alias(arn, name)
    const options = { endpoint: kms.endpoint, regions: [REGION] }
    const wrapper = await resolveAwsKms(name, options)
    await kms.moveAlias(other, name)
    const envelope = await seal(createKeyring({ active: wrapper }), 'secret', context)
    expect(await openText(keyring(arn), envelope, context)).toBe('secret')
    expect((await resolveAwsKms(name, options)).arn).toBe(other)
  })
})

describe('a multi-region key', () => {
  test('has one key id in every region, and either region opens', async () => {
    const primary = await kms.createKey({ multiRegion: true })
    await kms.replicate(primary)
    const here = kms.wrapper(primary)
    const there = kms.wrapper(primary, { regions: [OTHER_REGION] })
    expect([there.id, there.keyId]).toEqual([here.id, here.keyId])
    expect(there.arn).toBe(primary.replace(REGION, OTHER_REGION))
    const envelope = await seal(createKeyring({ active: here }), 'secret', context)
    expect(await openText(createKeyring({ active: there }), envelope, context)).toBe('secret')
  })
})

describe('moving a record within KMS', () => {
  test('by rewrap with { within: true } needs no data key in this process, and keeps context and clear pairs', async () => {
    const [from, to] = [kms.wrapper(arn, { clearContext: ['tenant'] }), kms.wrapper(await kms.createKey(), { clearContext: ['table'] })]
    const envelope = await seal(createKeyring({ active: from }), 'secret', context)
    const moved = await rewrap(createKeyring({ active: to, decryptOnly: [from] }), envelope, context, { within: true })
    expect(await openText(createKeyring({ active: to }), moved, context)).toBe('secret')
    expect(await codeOfAsync(open(createKeyring({ active: from }), moved, context))).toBe('ERR_KEY_NOT_FOUND')
    expect(await codeOfAsync(open(createKeyring({ active: to }), moved, { ...context, id: '43' }))).toBe('ERR_NOT_AUTHENTIC')
    expect(parse(moved).body).toEqual(parse(envelope).body)
  })

  test('is refused in another context, and for an entry of another key', async () => {
    const [from, to] = [kms.wrapper(arn), kms.wrapper(await kms.createKey())]
    const canonical = canonicalContext(context)
    const wrapped = await from.wrap(new Uint8Array(32), canonical)
    expect(await codeOfAsync(from.rewrapTo(to, wrapped, canonicalContext({ id: '43' })))).toBe('ERR_NOT_AUTHENTIC')
    expect(await codeOfAsync(to.rewrapTo(from, wrapped, canonical))).toBe('ERR_KEY_MISMATCH')
    const materialId = wrapped.materialId.map((byte) => byte ^ 1)
    expect(await codeOfAsync(from.rewrapTo(to, { ...wrapped, materialId }, canonical))).toBe('ERR_NOT_AUTHENTIC')
    expect(await codeOfAsync(from.rewrapTo(to, { ...wrapped, bytes: wrapped.bytes.subarray(0, 40) }, canonical))).toBe('ERR_NOT_AUTHENTIC')
  })

  test('works between regions that two multi-region keys share', async () => {
    const [one, two] = [await kms.createKey({ multiRegion: true }), await kms.createKey({ multiRegion: true })]
    for (const primary of [one, two]) await kms.replicate(primary)
    const from = kms.wrapper(one, { regions: [REGION, OTHER_REGION] })
    const to = kms.wrapper(two, { regions: [OTHER_REGION] })
    const canonical = canonicalContext(context)
    const dek = new Uint8Array(32).fill(9)
    const moved = await from.rewrapTo(to, await from.wrap(dek, canonical), canonical)
    expect(Uint8Array.from(await kms.wrapper(two).unwrap(moved, canonical))).toEqual(dek)
  })
})

test('abuse 13: neither the wrapper nor its errors show an answer, a request or a key', async () => {
  const wrapper = kms.wrapper(arn)
  await wrapper.wrap(new Uint8Array(32), canonicalContext(context))
  expect(Object.keys(JSON.parse(JSON.stringify(wrapper)) as object).sort()).toEqual(['arn', 'contextNames', 'id', 'keyId'])
  const error = await errorOf(kms.wrapper(arn.replace(/[^/]+$/, randomUUID())).wrap(new Uint8Array(32).fill(65), canonicalContext(context)))
  const shown = print(error, { depth: 10, showHidden: true })
  expect(shown).not.toMatch(/\$response|Plaintext|EncryptionContext|QUFBQUF/)
})

describe('the last use of a KMS key', () => {
  test('is told for each region, with the operation', async () => {
    const key = await kms.createKey()
    const wrapper = kms.wrapper(key)
    expect(await wrapper.lastUsage()).toEqual([{ place: REGION, usedAt: null, operation: null, trackedSince: expect.any(String) as string }])
    const before = Date.now()
    await seal(createKeyring({ active: wrapper }), 'x', context)
    const [usage] = await wrapper.lastUsage()
    expect(usage?.operation).toBe('GenerateDataKey')
    expect(Math.abs(Date.parse(usage!.usedAt!) - before)).toBeLessThan(60_000)
  })

  test('of a key that is not there is an error with a code', async () => {
    const gone = kms.wrapper(arn.replace(/key\/.*/, `key/${randomUUID()}`))
    expect(await codeOfAsync(gone.lastUsage())).toBe('ERR_KEY_MISSING')
  })
})

test('a wrapper names the pairs of a context that KMS is to see in clear', () => {
  const wrapper = kms.wrapper(arn, { clearContext: ['table', 'tenant'] })
  const kept = [wrapper, caching(wrapper, { ttlMs: 1000 }), multi([wrapper]), withoutMaterials(wrapper, ['0123456789ab'])]
  expect(kept.map(({ contextNames }) => contextNames)).toEqual(kept.map(() => ['table', 'tenant']))
})
