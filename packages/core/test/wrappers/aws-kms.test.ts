import { randomUUID } from 'node:crypto'
import { inspect as print } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { canonicalContext, createKeyring, inspect, open, openText, rewrap, seal } from '../../src/index.ts'
import { parse } from '../../src/format.ts'
import { resolveAwsKms } from '../../src/wrappers/aws-kms.ts'
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
    const moved = await rewrap(keyring(rotated), before, context)
    expect(entryOf(moved).materialId).toEqual(entryOf(after).materialId)
  })
})

describe('states of a key', () => {
  test('disabled, pending deletion and missing have codes of their own; enabling brings the record back', async () => {
    const doomed = await kms.createKey()
    const envelope = await seal(keyring(doomed), 'secret', context)
    await kms.disable(doomed)
    expect(await codeOfAsync(open(keyring(doomed), envelope, context))).toBe('ERR_KEY_DISABLED')
    expect(await codeOfAsync(seal(keyring(doomed), 'x', context))).toBe('ERR_KEY_DISABLED')
    expect(await codeOfAsync(kms.wrapper(doomed).preflight())).toBe('ERR_KEY_DISABLED')
    await kms.enable(doomed)
    expect(await openText(keyring(doomed), envelope, context)).toBe('secret')
    await kms.scheduleDeletion(doomed)
    expect(await codeOfAsync(open(keyring(doomed), envelope, context))).toBe('ERR_KEY_PENDING_DELETION')
    const missing = arn.replace(/[^/]+$/, randomUUID())
    expect(await codeOfAsync(seal(keyring(missing), 'x', context))).toBe('ERR_KEY_NOT_FOUND')
  })

  test('preflight passes where wrapping and unwrapping would, and uses no key', async () => {
    await expect(kms.wrapper(arn).preflight()).resolves.toBeUndefined()
    await expect(kms.wrapper(arn).preflight('unwrap')).resolves.toBeUndefined()
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
    expect(await codeOfAsync(resolveAwsKms('alias/keyfold-nobody', options))).toBe('ERR_KEY_NOT_FOUND')
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

describe('rewrapping within KMS', () => {
  test('moves a wrapped data key to another KMS key; this process sees none', async () => {
    const [from, to] = [kms.wrapper(arn, { clearContext: ['tenant'] }), kms.wrapper(await kms.createKey())]
    const dek = new Uint8Array(32).fill(9)
    const canonical = canonicalContext(context)
    const moved = await from.rewrapWithin(await from.wrap(dek, canonical), canonical, to)
    expect(Uint8Array.from(await to.unwrap(moved!, canonical))).toEqual(dek)
    expect(await codeOfAsync(from.unwrap(moved!, canonical))).toBe('ERR_KEY_MISMATCH')
  })

  test('says that it cannot where the target is no KMS key of this region', async () => {
    const wrapped = await kms.wrapper(arn).wrap(new Uint8Array(32), canonicalContext(context))
    expect(await kms.wrapper(arn).rewrapWithin(wrapped, canonicalContext(context), insecureWrapper('q1'))).toBeUndefined()
    const elsewhere = kms.wrapper(arn.replace(REGION, OTHER_REGION))
    expect(await kms.wrapper(arn).rewrapWithin(wrapped, canonicalContext(context), elsewhere)).toBeUndefined()
  })
})

test('abuse 13: neither the wrapper nor its errors show an answer, a request or a key', async () => {
  const wrapper = kms.wrapper(arn)
  await wrapper.wrap(new Uint8Array(32), canonicalContext(context))
  expect(Object.keys(JSON.parse(JSON.stringify(wrapper)) as object).sort()).toEqual(['arn', 'id', 'keyId'])
  const error = await errorOf(kms.wrapper(arn.replace(/[^/]+$/, randomUUID())).wrap(new Uint8Array(32).fill(65), canonicalContext(context)))
  const shown = print(error, { depth: 10, showHidden: true })
  expect(shown).not.toMatch(/\$response|Plaintext|EncryptionContext|QUFBQUF/)
})
