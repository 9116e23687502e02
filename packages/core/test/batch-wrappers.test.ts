/** What batches ask of key wrappers: how many calls, how many at once, and what is done with wrong answers. */
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { BatchKeyWrapper, KeyWrapper, Outcome, PlainRecord, SealedRecord, SyncKeyWrapper, WrappedKey } from '../src/index.ts'
import {
  createKeyring,
  KeyfoldError,
  open,
  openMany,
  openManySync,
  rewrapMany,
  rewrapManySync,
  seal,
  sealMany,
  sealManySync,
} from '../src/index.ts'
import { codeOf, codeOfAsync, insecureWrapper, remoteWrapper } from './keys.ts'

const good = insecureWrapper('a')
const context = { table: 'users', id: '1' }
const plain = (count: number): PlainRecord[] => Array.from({ length: count }, (_, i) => ({ plaintext: `payload ${i}`, context }))
const sealed = (count: number): SealedRecord<Uint8Array>[] =>
  sealManySync(createKeyring({ active: good }), plain(count)).map((envelope) => ({ envelope, context }))
const codes = (outcomes: ReadonlyArray<Outcome<unknown>>): string[] =>
  outcomes.map((one) => (one.status === 'rejected' ? one.reason.code : 'opened'))
const unavailable = (): KeyfoldError => new KeyfoldError('ERR_KEY_UNAVAILABLE', 'down')

/** The key of `good` behind a service that does batches. */
function service(made: Partial<BatchKeyWrapper> = {}): BatchKeyWrapper {
  return { ...remoteWrapper('a'), wrapMany: good.wrapMany, unwrapMany: good.unwrapMany, ...made }
}

describe('how a key is called', () => {
  test('a key that does batches gets them whole, up to 1024 in one call', async () => {
    const calls: string[] = []
    const counted = service({
      wrapMany: async (...batch) => (calls.push(`wrap ${batch[0].length} ${batch[1].length}`), good.wrapMany(...batch)),
      unwrapMany: async (...batch) => (calls.push(`unwrap ${batch[0].length} ${batch[1].length}`), good.unwrapMany(...batch)),
      wrap: () => expect.unreachable(),
      unwrap: () => expect.unreachable(),
    })
    const keyring = createKeyring({ active: counted })
    const records = plain(2050)
    const envelopes = await sealMany(keyring, records)
    const outcomes = await openMany(
      keyring,
      envelopes.map((envelope) => ({ envelope, context })),
    )
    expect(outcomes.map((one) => (one.status === 'fulfilled' ? Buffer.from(one.value).toString() : one))).toEqual(
      records.map(({ plaintext }) => plaintext),
    )
    expect(calls).toEqual(['wrap 1024 1024', 'wrap 1024 1024', 'wrap 2 2', 'unwrap 1024 1024', 'unwrap 1024 1024', 'unwrap 2 2'])
  })

  test('each data key goes with the context of its record', async () => {
    const seen: string[] = []
    const watched = service({
      wrapMany: async (deks, contexts) => (seen.push(...contexts.map(({ pairs }) => pairs[0]![1])), good.wrapMany(deks, contexts)),
      unwrapMany: async (wraps, contexts) => (seen.push(...contexts.map(({ pairs }) => pairs[0]![1])), good.unwrapMany(wraps, contexts)),
    })
    const keyring = createKeyring({ active: watched })
    const records = ['x', 'y', 'z'].map((id) => ({ plaintext: '', context: { id } }))
    const envelopes = await sealMany(keyring, records)
    await openMany(
      keyring,
      envelopes.map((envelope, i) => ({ envelope, context: records[i]!.context })),
    )
    expect(seen).toEqual(['x', 'y', 'z', 'x', 'y', 'z'])
  })

  test('any other key gets 16 calls at once, no more and no fewer', async () => {
    let now = 0
    let most = 0
    const slowly = async <T>(call: () => Promise<T>): Promise<T> => {
      most = Math.max(most, ++now)
      await sleep(1)
      now--
      return call()
    }
    const slow: KeyWrapper = {
      ...remoteWrapper('a'),
      wrap: (...args) => slowly(() => good.wrap(...args)),
      unwrap: (...args) => slowly(() => good.unwrap(...args)),
    }
    const keyring = createKeyring({ active: slow })
    const envelopes = await sealMany(keyring, plain(100))
    expect([now, most]).toEqual([0, 16])
    most = 0
    expect(
      codes(
        await openMany(
          keyring,
          envelopes.map((envelope) => ({ envelope, context })),
        ),
      ),
    ).toEqual(Array(100).fill('opened'))
    expect([now, most]).toEqual([0, 16])
  })

  test('a local key without batches of its own works sync', () => {
    const { id, keyId, wrap, unwrap, wrapSync, unwrapSync } = good
    const keyring = createKeyring<SyncKeyWrapper>({ active: { id, keyId, wrap, unwrap, wrapSync, unwrapSync } })
    const envelopes = sealManySync(keyring, plain(20))
    expect(
      codes(
        openManySync(
          keyring,
          envelopes.map((envelope) => ({ envelope, context })),
        ),
      ),
    ).toEqual(Array(20).fill('opened'))
  })

  test('a key that needs I/O is refused sync, in the place of each record', () => {
    const keyring = createKeyring({ active: insecureWrapper('b'), decryptOnly: [service()] })
    expect(codes(openManySync(keyring, sealed(3)))).toEqual(Array(3).fill('ERR_SYNC_UNSUPPORTED'))
    expect(codes(rewrapManySync(keyring, sealed(3)))).toEqual(Array(3).fill('ERR_SYNC_UNSUPPORTED'))
  })
})

describe('a key that fails', () => {
  test('the first failed wrap ends a batch: no further call is begun, and those under way come to their end', async () => {
    let begun = 0
    let ended = 0
    const wrap: KeyWrapper['wrap'] = async (...args) => {
      const call = ++begun
      await sleep(call === 3 ? 1 : 20)
      ended++
      if (call === 3) throw new KeyfoldError('ERR_KEY_DENIED', 'no')
      return good.wrap(...args)
    }
    const keyring = createKeyring({ active: { ...remoteWrapper('a'), wrap } })
    expect(await codeOfAsync(sealMany(keyring, plain(100)))).toBe('ERR_KEY_DENIED')
    expect([begun, ended]).toEqual([16, 16])
  })

  test('with the first key denied, the recovery keys are not called', async () => {
    const denied = service({ wrapMany: async () => Promise.reject(new KeyfoldError('ERR_KEY_DENIED', 'no')) })
    const never: KeyWrapper = { ...remoteWrapper('b'), wrap: () => expect.unreachable() }
    const keyring = createKeyring({ active: denied, recovery: [never] })
    await expect(sealMany(keyring, plain(5))).rejects.toMatchObject({ code: 'ERR_KEY_DENIED', message: 'no' })
    const next = createKeyring({ active: denied, recovery: [never], decryptOnly: [insecureWrapper('c')] })
    const old = sealManySync(createKeyring({ active: insecureWrapper('c') }), plain(5)).map((envelope) => ({ envelope, context }))
    expect(codes(await rewrapMany(next, old))).toEqual(Array(5).fill('ERR_KEY_DENIED'))
  })

  test('a service that is out of reach 16 times in a row is not asked for the rest', async () => {
    let calls = 0
    const down: KeyWrapper = { ...remoteWrapper('a'), unwrap: async () => Promise.reject((calls++, unavailable())) }
    expect(codes(await openMany(createKeyring({ active: down }), sealed(200)))).toEqual(Array(200).fill('ERR_KEY_UNAVAILABLE'))
    expect(calls).toBe(16)
  })

  test.each([
    ['throttled', 'ERR_KEY_THROTTLED', 16],
    ['denied, which may be a matter of the record', 'ERR_KEY_DENIED', 60],
  ])('the same for a key that is %s', async (_, code, expected) => {
    let calls = 0
    const failing: KeyWrapper = { ...remoteWrapper('a'), unwrap: async () => Promise.reject((calls++, new KeyfoldError(code, 'no'))) }
    expect(codes(await openMany(createKeyring({ active: failing }), sealed(60)))).toEqual(Array(60).fill(code))
    expect(calls).toBe(expected)
  })

  test('one that answers now and then is asked for all of them', async () => {
    let calls = 0
    const shaky: KeyWrapper = {
      ...remoteWrapper('a'),
      unwrap: async (...args) => (++calls % 10 === 0 ? good.unwrap(...args) : Promise.reject(unavailable())),
    }
    const outcomes = codes(await openMany(createKeyring({ active: shaky }), sealed(100)))
    expect(calls).toBe(100)
    expect(outcomes.filter((code) => code === 'opened')).toHaveLength(10)
  })

  test.each([
    ['ERR_KEY_UNAVAILABLE', 1],
    ['ERR_KEY_DENIED', 3],
  ])('a whole batch that ends with %s takes %i call(s) for 3000 records', async (code, expected) => {
    let calls = 0
    const failing = service({ unwrapMany: async () => Promise.reject((calls++, new KeyfoldError(code, 'no'))) })
    expect(codes(await openMany(createKeyring({ active: failing }), sealed(3000)))).toEqual(Array(3000).fill(code))
    expect(calls).toBe(expected)
  })

  test('one failed batch of several leaves the others as they are', async () => {
    let calls = 0
    const failing = service({
      unwrapMany: async (...args) => (++calls === 2 ? Promise.reject(new KeyfoldError('ERR_KEY_DENIED', 'no')) : good.unwrapMany(...args)),
    })
    const outcomes = codes(await openMany(createKeyring({ active: failing }), sealed(2100)))
    expect(outcomes).toEqual([Array(1024).fill('opened'), Array(1024).fill('ERR_KEY_DENIED'), Array(52).fill('opened')].flat())
  })

  test('an error that is no KeyfoldError means that the key is out of order, not the record', async () => {
    const cause = new TypeError('of its own')
    const throwing = service({ unwrapMany: async () => Promise.reject(cause), wrapMany: async () => Promise.reject(cause) })
    const [one] = await openMany(createKeyring({ active: throwing }), sealed(1))
    expect(one).toMatchObject({ reason: { code: 'ERR_KEY_UNAVAILABLE', cause, message: 'the key wrapper key-file:a failed' } })
    expect(await codeOfAsync(sealMany(createKeyring({ active: throwing }), plain(1)))).toBe('ERR_KEY_UNAVAILABLE')
    const inPlace = service({ unwrapMany: async () => [cause] })
    expect(await openMany(createKeyring({ active: inPlace }), sealed(1))).toMatchObject([
      { reason: { code: 'ERR_KEY_UNAVAILABLE', cause } },
    ])
  })
})

const wrapOne = (): WrappedKey => good.wrapSync(new Uint8Array(32), undefined as never)
const wrongWraps: ReadonlyArray<[string, (deks: readonly Uint8Array[]) => unknown]> = [
  ['one too few', (deks) => deks.slice(1).map(wrapOne)],
  ['one too many', (deks) => [...deks.map(wrapOne), wrapOne()]],
  ['none', () => []],
  ['no list', () => 'wrapped'],
  ['nothing', () => undefined],
  ['a list like thing', (deks) => ({ length: deks.length })],
  ['holes', (deks) => deks.map(() => undefined)],
  ['nulls', (deks) => deks.map(() => null)],
  ['bytes without a material', (deks) => deks.map(() => ({ bytes: new Uint8Array(40) }))],
  ['a material of 5 bytes', (deks) => deks.map(() => ({ ...wrapOne(), materialId: new Uint8Array(5) }))],
  ['a material that is text', (deks) => deks.map(() => ({ ...wrapOne(), materialId: 'abcdef' }))],
  ['no bytes', (deks) => deks.map(() => ({ ...wrapOne(), bytes: new Uint8Array(0) }))],
  ['6145 bytes', (deks) => deks.map(() => ({ ...wrapOne(), bytes: new Uint8Array(6145) }))],
  ['an array of numbers', (deks) => deks.map(() => ({ ...wrapOne(), bytes: Array(40).fill(1) }))],
  ['an error in a place', (deks) => deks.map((_, i) => (i === 1 ? unavailable() : wrapOne()))],
]

describe.each(wrongWraps)('a key that answers wraps with %s', (name, answer) => {
  test('nothing is sealed', async () => {
    const bad = { ...good, wrapMany: async (deks: readonly Uint8Array[]) => answer(deks), wrapManySync: answer } as unknown as typeof good
    const keyring = createKeyring({ active: bad })
    expect(await codeOfAsync(sealMany(keyring, plain(3)))).toBe('ERR_KEY_SERVICE_RESPONSE')
    expect(codeOf(() => sealManySync(keyring, plain(3)))).toBe('ERR_KEY_SERVICE_RESPONSE')
    const next = createKeyring({ active: { ...bad, id: 'key-file:z', keyId: new Uint8Array(12) }, decryptOnly: [good] })
    expect(codes(await rewrapMany(next, sealed(3)))).toEqual(Array(3).fill('ERR_KEY_SERVICE_RESPONSE'))
    if (name.startsWith('one too') || name === 'none') return
    const one = { ...good, wrap: async () => (answer([new Uint8Array(32), new Uint8Array(32)]) as unknown[])?.[1] } as unknown as KeyWrapper
    expect(await codeOfAsync(seal(createKeyring({ active: one }), 'x', context))).toBe('ERR_KEY_SERVICE_RESPONSE')
  })
})

const wrongDeks: ReadonlyArray<[string, (wraps: readonly WrappedKey[]) => unknown, string]> = [
  ['one too few', (wraps) => wraps.slice(1).map(() => new Uint8Array(32)), 'ERR_KEY_SERVICE_RESPONSE'],
  ['one too many', (wraps) => [...wraps, 0].map(() => new Uint8Array(32)), 'ERR_KEY_SERVICE_RESPONSE'],
  ['no list', () => new Uint8Array(32), 'ERR_KEY_SERVICE_RESPONSE'],
  ['nothing', () => undefined, 'ERR_KEY_SERVICE_RESPONSE'],
  ['nulls', (wraps) => wraps.map(() => null), 'ERR_KEY_SERVICE_RESPONSE'],
  ['text', (wraps) => wraps.map(() => 'k'.repeat(32)), 'ERR_KEY_SERVICE_RESPONSE'],
  ['keys of 16 bytes (abuse 22)', (wraps) => wraps.map(() => new Uint8Array(16)), 'ERR_NOT_AUTHENTIC'],
  ['other keys', (wraps) => wraps.map(() => new Uint8Array(32)), 'ERR_KEY_COMMITMENT'],
  [
    'the keys in another order',
    (wraps) => wraps.map((wrapped) => good.unwrapSync(wrapped, undefined as never)).toReversed(),
    'ERR_KEY_COMMITMENT',
  ],
]

describe.each(wrongDeks)('a key that answers unwraps with %s', (name, answer, code) => {
  test('nothing is opened, and the next entry is tried', async () => {
    const bad = {
      ...good,
      unwrapMany: async (wraps: readonly WrappedKey[]) => answer(wraps),
      unwrapManySync: answer,
    } as unknown as typeof good
    const batch = sealed(4)
    expect(codes(await openMany(createKeyring({ active: bad }), batch))).toEqual(Array(4).fill(code))
    expect(codes(openManySync(createKeyring({ active: bad }), batch))).toEqual(Array(4).fill(code))
    const both = createKeyring({ active: good, recovery: [insecureWrapper('b')] })
    const twice = sealManySync(both, plain(4)).map((envelope) => ({ envelope, context }))
    expect(codes(openManySync(createKeyring({ active: bad, recovery: [insecureWrapper('b')] }), twice))).toEqual(Array(4).fill('opened'))
    if (!['nulls', 'text'].includes(name)) return
    const one = { ...good, unwrap: async (wrapped: WrappedKey) => (answer([wrapped]) as unknown[])[0] } as unknown as KeyWrapper
    expect(await codeOfAsync(open(createKeyring({ active: one }), batch[0]!.envelope, context))).toBe(code)
  })
})

test('data keys are cleared when a batch is done, whatever came of it', async () => {
  const seen: Uint8Array[] = []
  const watched = service({
    wrapMany: async (deks, contexts) => (seen.push(...deks), good.wrapMany(deks, contexts)),
    unwrapMany: async (wraps, contexts) => {
      const deks = await good.unwrapMany(wraps, contexts)
      seen.push(...deks.filter((dek) => dek instanceof Uint8Array))
      return deks
    },
  })
  const keyring = createKeyring({ active: watched })
  const batch = (await sealMany(keyring, plain(10))).map((envelope, i) => ({ envelope, context: i === 4 ? { other: 'context' } : context }))
  await openMany(keyring, batch)
  await rewrapMany(keyring, batch)
  const tooMany = service({
    unwrapMany: async (wraps, contexts) => {
      const deks = [...(await good.unwrapMany(wraps, contexts)), new Uint8Array(32).fill(7)]
      seen.push(...(deks as Uint8Array[]))
      return deks
    },
  })
  await openMany(createKeyring({ active: tooMany }), batch)
  const other = service({
    unwrapMany: async (wraps) => {
      const deks = wraps.map(() => new Uint8Array(32).fill(8))
      seen.push(...deks)
      return deks
    },
  })
  await openMany(createKeyring({ active: other }), batch)
  expect(seen).toHaveLength(61)
  expect(seen.every((dek) => dek.length === 32 && dek.every((byte) => byte === 0))).toBe(true)
})
