/** Which keys seal a record, which are asked to open it, in which order, and what is left of them afterwards. */
import { describe, expect, test } from 'vitest'
import type { Keyring, KeyWrapper, SyncBatchKeyWrapper, SyncKeyWrapper } from '../src/index.ts'
import {
  createKeyring,
  inspect,
  isCurrent,
  KeyfoldError,
  open,
  openMany,
  openManySync,
  openSync,
  openText,
  reencrypt,
  reencryptMany,
  reencryptManySync,
  reencryptSync,
  rewrap,
  rewrapMany,
  rewrapManySync,
  rewrapSync,
  seal,
  sealMany,
  sealManySync,
  sealSync,
} from '../src/index.ts'
import { isPreflightKeyWrapper, isRewrapKeyWrapper, isSyncKeyWrapper } from '../src/key-source.ts'
import { codeOf, codeOfAsync, insecureKeyring, insecureWrapper, remoteWrapper } from './keys.ts'
import { hex } from './vectors.ts'

const row = { table: 'users', column: 'ssn', id: '42' }
const [a, b, c] = ['a', 'b', 'c'].map(insecureWrapper) as [SyncBatchKeyWrapper, SyncBatchKeyWrapper, SyncBatchKeyWrapper]
const isWiped = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0)

/** A wrapper that keeps every data key that passes through it, as a careless one may. */
function keeper(name: string): { wrapper: SyncKeyWrapper; seen: Uint8Array[] } {
  const inner = insecureWrapper(name)
  const seen: Uint8Array[] = []
  const keep = (dek: Uint8Array): Uint8Array => {
    expect(isWiped(dek)).toBe(false)
    seen.push(dek)
    return dek
  }
  const wrapper: SyncKeyWrapper = {
    id: inner.id,
    keyId: inner.keyId,
    wrapSync: (dek, context) => inner.wrapSync(keep(dek), context),
    unwrapSync: (wrapped, context) => keep(inner.unwrapSync(wrapped, context)),
    wrap: async (dek, context) => inner.wrap(keep(dek), context),
    unwrap: async (wrapped, context) => keep(await inner.unwrap(wrapped, context)),
  }
  return { wrapper, seen }
}

describe('a data key is wiped when the call is over', () => {
  const { wrapper, seen } = keeper('a')
  const keyring = createKeyring({ active: wrapper })
  const envelope = sealSync(keyring, 'x', row)
  const [record, sealed] = [{ plaintext: 'x', context: row }, { envelope, context: row }]
  test.each<[string, () => unknown, count: number]>([
    ['seal', () => seal(keyring, 'x', row), 1],
    ['sealSync', () => sealSync(keyring, 'x', row), 1],
    ['open', () => open(keyring, envelope, row), 1],
    ['openSync', () => openSync(keyring, envelope, row), 1],
    ['rewrap', () => rewrap(keyring, envelope, row), 2],
    ['rewrapSync', () => rewrapSync(keyring, envelope, row), 2],
    ['reencryptSync', () => reencryptSync(keyring, envelope, row), 2],
    ['reencrypt', () => reencrypt(keyring, envelope, row), 2],
    ['reencryptMany', () => reencryptMany(keyring, [sealed, sealed]), 4],
    ['reencryptManySync', () => reencryptManySync(keyring, [sealed, sealed]), 4],
    ['reencryptMany where one is in another context', () => reencryptMany(keyring, [sealed, { envelope, context: {} }]), 3],
    ['rewrapManySync', () => rewrapManySync(keyring, [sealed, sealed]), 4],
    ['sealManySync', () => sealManySync(keyring, [record, record]), 2],
    ['sealMany', () => sealMany(keyring, [record, record]), 2],
    ['openMany', () => openMany(keyring, [sealed, sealed]), 2],
    ['openManySync', () => openManySync(keyring, [sealed, sealed]), 2],
    ['openMany where one is in another context', () => openMany(keyring, [sealed, { envelope, context: {} }]), 2],
    ['rewrapMany', () => rewrapMany(keyring, [sealed, sealed]), 4],
    ['open in another context', () => codeOfAsync(open(keyring, envelope, {})), 1],
    [
      'open of a record with another record’s wrapped key',
      () => codeOf(() => openSync(keyring, envelope.with(66, envelope[66]! ^ 1), row)),
      1,
    ],
  ])('%s', async (_name, call, count) => {
    seen.length = 0
    await call()
    expect(seen).toHaveLength(count)
    expect(seen.every(isWiped)).toBe(true)
  })

  test('when wrapping fails', async () => {
    let seenDek: Uint8Array | undefined
    const failing: KeyWrapper = {
      ...remoteWrapper('a'),
      wrap: async (dek) => {
        seenDek = dek
        throw new KeyfoldError('ERR_KEY_DENIED', 'it is refused')
      },
    }
    expect(await codeOfAsync(seal(createKeyring({ active: failing }), 'x', row))).toBe('ERR_KEY_DENIED')
    expect(isWiped(seenDek!)).toBe(true)
  })
})

describe('a keyring', () => {
  const members: ReadonlyArray<[string, unknown]> = [
    ['nothing', undefined],
    ['null', null],
    ['a text', 'key-file:a'],
    ['a function', Object.assign(() => 0, { ...a })],
    ['a wrapper without an id', { ...a, id: undefined }],
    ['a wrapper without wrap', { ...a, wrap: undefined }],
    ['a wrapper without unwrap', { ...a, unwrap: 'unwrap' }],
    ['a key id as text', { ...a, keyId: '123456789012' }],
    ['a key id of 11 bytes', { ...a, keyId: new Uint8Array(11) }],
    ['a key id of 13 bytes', { ...a, keyId: new Uint8Array(13) }],
  ]
  test.each(members)('refuses %s in each of its places', (_name, member) => {
    const wrong = member as SyncKeyWrapper
    for (const options of [{ active: wrong }, { active: b, recovery: [wrong] }, { active: b, decryptOnly: [wrong] }]) {
      expect(codeOf(() => createKeyring(options))).toBe('ERR_KEYRING_INVALID')
    }
  })

  test('names the ids that clash, and tells one id from one key', () => {
    expect(() => createKeyring({ active: a, recovery: [{ ...b, id: a.id }] })).toThrow('two keys have the id key-file:a')
    expect(() => createKeyring({ active: a, decryptOnly: [b, { ...a, id: 'key-file:copy' }] })).toThrow(
      'key-file:a and key-file:copy are the same key',
    )
  })

  test('seals with the active and the recovery keys, in order, and finds every key by its id in the envelope', () => {
    const keyring = createKeyring({ active: a, recovery: [b], decryptOnly: [c] })
    expect(keyring.active).toBe(a)
    expect(keyring.sealing).toEqual([a, b])
    expect(keyring.wrappers).toEqual([a, b, c])
    for (const wrapper of [a, b, c]) expect(keyring.find(Uint8Array.from(wrapper.keyId))).toBe(wrapper)
    expect(keyring.find(insecureWrapper('d').keyId)).toBeUndefined()
    expect(inspect(sealSync(keyring, 'x', row)).entries.map(({ keyId }) => keyId)).toEqual([hex(a.keyId), hex(b.keyId)])
  })

  test('stays as it was made', () => {
    const decryptOnly: KeyWrapper[] = [b]
    const keyring = createKeyring({ active: a, decryptOnly })
    decryptOnly.push(c)
    ;(keyring.wrappers as KeyWrapper[]).push(c)
    expect(keyring.wrappers).toEqual([a, b])
  })
})

describe('opening', () => {
  const inTwo = sealSync(createKeyring({ active: a, recovery: [b] }), 'x', row)
  const failing = (name: string, code: string): KeyWrapper => ({
    ...remoteWrapper(name),
    unwrap: () => Promise.reject(new KeyfoldError(code, `${name} is out`, { hint: `See to ${name}.` })),
  })
  const ringOf = (...wrappers: KeyWrapper[]): Keyring => createKeyring<KeyWrapper>({ active: c, decryptOnly: wrappers })

  test('no key at hand: the error names the keys that would', () => {
    expect(() => openSync(insecureKeyring('c'), inTwo, row)).toThrow(
      expect.objectContaining({
        code: 'ERR_KEY_NOT_FOUND',
        message: `no key at hand opens the record, which is sealed under ${hex(a.keyId)}, ${hex(b.keyId)}`,
      }),
    )
  })

  test('one key at hand that fails: its own error comes through', async () => {
    const error = await open(ringOf(failing('a', 'ERR_KEY_DENIED')), inTwo, row).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'ERR_KEY_DENIED', message: 'a is out', hint: 'See to a.' })
  })

  // what may pass by itself is told first, so that nobody takes the record for lost
  test.each([
    ['ERR_KEY_DENIED', 'ERR_KEY_UNAVAILABLE', 'ERR_KEY_UNAVAILABLE', 'b'],
    ['ERR_KEY_UNAVAILABLE', 'ERR_KEY_DENIED', 'ERR_KEY_UNAVAILABLE', 'a'],
    ['ERR_NOT_AUTHENTIC', 'ERR_KEY_DENIED', 'ERR_KEY_DENIED', 'b'],
    ['ERR_NOT_AUTHENTIC', 'ERR_SYNC_UNSUPPORTED', 'ERR_SYNC_UNSUPPORTED', 'b'],
    ['ERR_NOT_AUTHENTIC', 'ERR_KEY_MISMATCH', 'ERR_NOT_AUTHENTIC', 'a'],
  ])('abuse 24: both keys fail, with %s and %s: %s is told, and both are listed', async (first, second, told, whose) => {
    const error = await open(ringOf(failing('a', first), failing('b', second)), inTwo, row).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({
      code: told,
      message: `none of the 2 keys at hand opens the record (key-file:a: ${first}, key-file:b: ${second})`,
      hint: `See to ${whose}.`,
    })
    expect(((error as Error).cause as AggregateError).errors.map(({ code }: KeyfoldError) => code)).toEqual([first, second])
  })

  test('what a wrapper of somebody else throws is its cause, and the key is named', async () => {
    const cause = new TypeError('fetch failed')
    const keyring = createKeyring({ active: { ...remoteWrapper('a'), wrap: () => Promise.reject(cause) } })
    const error = await seal(keyring, 'x', row).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'ERR_KEY_UNAVAILABLE', message: 'the key wrapper key-file:a failed' })
    expect((error as Error).cause).toBe(cause)
  })

  test('a data key of another length says so', async () => {
    const keyring = ringOf({ ...remoteWrapper('a'), unwrap: async () => new Uint8Array(16) })
    await expect(open(keyring, inTwo, row)).rejects.toThrow('a data key has 32 bytes, the wrapper gave 16')
  })

  test('an exchanged data key names the key that gave it', async () => {
    const keyring = ringOf({ ...remoteWrapper('a'), unwrap: async () => new Uint8Array(32) })
    await expect(open(keyring, inTwo, row)).rejects.toThrow('the data key that key-file:a unwrapped is not the one that sealed the record')
    expect(await openText(createKeyring({ active: b, decryptOnly: [{ ...a, unwrap: async () => new Uint8Array(32) }] }), inTwo, row)).toBe('x')
  })
})

test('the sync twins need both wrapSync and unwrapSync', () => {
  const { wrapSync, unwrapSync } = a
  expect(isSyncKeyWrapper(a)).toBe(true)
  expect(isSyncKeyWrapper(remoteWrapper('a'))).toBe(false)
  expect(isSyncKeyWrapper({ ...remoteWrapper('a'), wrapSync } as KeyWrapper)).toBe(false)
  expect(isSyncKeyWrapper({ ...remoteWrapper('a'), unwrapSync } as KeyWrapper)).toBe(false)
  const remote = createKeyring({ active: remoteWrapper('a') }) as unknown as Keyring<SyncKeyWrapper>
  expect(() => sealSync(remote, 'x', row)).toThrow('key-file:a needs I/O')
})

test('an ability is told by its methods', () => {
  const [canRewrapTo, rewrapTo, preflight] = [() => true, () => expect.unreachable(), () => expect.unreachable()]
  expect(isPreflightKeyWrapper(a)).toBe(false)
  expect(isPreflightKeyWrapper({ ...a, preflight } as KeyWrapper)).toBe(true)
  expect(isRewrapKeyWrapper(a)).toBe(false)
  expect(isRewrapKeyWrapper({ ...a, canRewrapTo } as KeyWrapper)).toBe(false)
  expect(isRewrapKeyWrapper({ ...a, rewrapTo } as KeyWrapper)).toBe(false)
  expect(isRewrapKeyWrapper({ ...a, canRewrapTo, rewrapTo } as KeyWrapper)).toBe(true)
})

test('a local key refuses a batch whose keys and contexts do not fit each other', async () => {
  const none: never[] = []
  const fact = 'a batch has a context for each key, got 1 keys and 0 contexts'
  const wrapped = a.wrapManySync([new Uint8Array(32)], [{ bytes: new Uint8Array(), pairs: [] }])
  for (const call of [() => a.wrapManySync([new Uint8Array(32)], none), () => a.unwrapManySync(wrapped, none)]) {
    expect(codeOf(call)).toBe('ERR_ARGUMENT')
    expect(call).toThrow(fact)
  }
  await expect(a.wrapMany([new Uint8Array(32)], none)).rejects.toThrow(fact)
  await expect(a.unwrapMany(wrapped, none)).rejects.toThrow(fact)
})

describe('isCurrent', () => {
  const under = (...wrappers: [SyncKeyWrapper, ...SyncKeyWrapper[]]): Uint8Array =>
    sealSync(createKeyring({ active: wrappers[0], recovery: wrappers.slice(1) }), 'x', row)
  const keyring = createKeyring({ active: a, recovery: [b], decryptOnly: [c] })
  test.each([
    ['the sealing keys', under(a, b), true],
    ['the sealing keys in another order', under(b, a), true],
    ['the sealing keys and one that is not held', under(a, insecureWrapper('d'), b), true],
    ['one sealing key too few', under(a), false],
    ['a decrypt-only key in place of one', under(a, c), false],
    ['the sealing keys and a decrypt-only one', under(a, b, c), false],
    ['keys that are not held', under(insecureWrapper('d')), false],
  ])('%s', (_name, envelope, current) => expect(isCurrent(keyring, envelope)).toBe(current))
})

test('inspect shows all that is public, in bytes and in text', () => {
  const envelope = sealSync(createKeyring({ active: a, recovery: [b] }), 'four', row)
  const entryOf = ({ keyId }: KeyWrapper) => ({ keyId: hex(keyId), materialId: '000000000000', wrappedBytes: 40 })
  expect(inspect(envelope)).toEqual({
    version: 1,
    suite: { id: 1, name: 'AES-256-GCM, key commitment by HMAC-SHA-512' },
    keyId: hex(a.keyId),
    entries: [entryOf(a), entryOf(b)],
    payloadBytes: 4,
    totalBytes: envelope.length,
  })
})

describe('a plaintext', () => {
  test.each([
    [null, 'null'],
    [undefined, 'undefined'],
    [42, 'number'],
    [new ArrayBuffer(3), 'object'],
  ])('%s is refused by its type', (value, type) =>
    expect(() => sealSync(insecureKeyring('a'), value as unknown as string, row)).toThrow(
      `a plaintext is a string or a Uint8Array, not ${type}`,
    ))

  test('over 1 GiB is refused', () => {
    const huge = new Uint8Array(0x4000_0001)
    expect(codeOf(() => sealSync(insecureKeyring('a'), huge, row))).toBe('ERR_LIMIT')
    expect(() => sealSync(insecureKeyring('a'), huge, row)).toThrow('the payload has 1073741825 bytes, at most 1073741824 are allowed')
  })
})
