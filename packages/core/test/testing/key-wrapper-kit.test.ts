import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import type { KeyWrapper, SyncKeyWrapper, WrappedKey } from '../../src/index.ts'
import { KeyfoldError } from '../../src/index.ts'
import { testKeyWrapper } from '../../src/testing.ts'
import { insecureKey, insecureWrapper, remoteWrapper } from '../keys.ts'
import { failuresOf } from './cases.ts'

describe('a local key', () => testKeyWrapper({ test, wrapper: () => insecureWrapper('a'), other: () => insecureWrapper('b') }))
describe('a key that is reached by promises', () =>
  testKeyWrapper({ test, wrapper: () => remoteWrapper('a'), other: () => remoteWrapper('b') }))

const good = insecureWrapper('a')
const notAuthentic = (): never => {
  throw new KeyfoldError('ERR_NOT_AUTHENTIC', 'no')
}
const kept = new Map<string, Uint8Array>()

/** Wrappers that break one promise each, and the case that must notice. */
const broken: ReadonlyArray<[promise: string, made: Partial<SyncKeyWrapper> & { secret?: unknown }, noticed: string | RegExp]> = [
  ['an id without a scheme', { id: '2026q4' }, 'its id is `scheme:name`'],
  ['a key id of 8 bytes', { keyId: new Uint8Array(8) }, /its key id has 12 bytes/],
  ['the key id of another key', { keyId: insecureWrapper('b').keyId }, /its key id has 12 bytes/],
  [
    'a material id of 4 bytes',
    { wrap: async (...args) => ({ ...(await good.wrap(...args)), materialId: new Uint8Array(4) }) },
    /material id of 6 bytes/,
  ],
  ['the empty wrap', { wrap: async () => ({ materialId: new Uint8Array(6), bytes: new Uint8Array(0) }) }, /1 to 6144 bytes/],
  ['a data key that is changed', { wrap: async (dek, context) => good.wrap(dek.fill(7), context) }, /neither changes nor keeps/],
  [
    'a data key that is kept',
    {
      wrap: async (dek, context) => {
        const wrapped = await good.wrap(dek, context)
        kept.set(String(wrapped.bytes), dek)
        return wrapped
      },
      unwrap: async (wrapped, context) => kept.get(String(wrapped.bytes))?.slice() ?? good.unwrap(wrapped, context),
    },
    /neither changes nor keeps/,
  ],
  ['a shared buffer', { unwrap: shared() }, /a buffer of the caller/],
  ['a wrap that is not looked at', { unwrap: async () => new Uint8Array(32) }, 'a wrap with a changed bit is not authentic'],
  [
    'a material id that is not looked at',
    { unwrap: async ({ bytes }, context) => good.unwrap({ materialId: new Uint8Array(6), bytes }, context) },
    'a wrap with a changed bit is not authentic',
  ],
  ['bytes behind the wrap that are ignored', { unwrap: tolerant }, /cut, extended or empty/],
  [
    'an error of its own',
    { unwrap: async (wrapped, context) => good.unwrap(wrapped, context).catch(() => Promise.reject(new Error('bad'))) },
    /changed bit/,
  ],
  ['another code', { unwrap: async (wrapped, context) => good.unwrap(wrapped, context).catch(() => unavailable()) }, /changed bit/],
  ['calls that mix', { wrap: lastOne() }, /calls at once/],
  ['a key that shows', { secret: insecureKey('a') }, 'printing it shows no key'],
  ['a key that shows as hex', { secret: Buffer.from(insecureKey('a')).toString('hex') }, 'printing it shows no key'],
  ['a sync twin that gives another key', { unwrapSync: () => new Uint8Array(32) }, /sync twins/],
  [
    'a sync twin that takes anything',
    { unwrapSync: (wrapped) => tryOr(() => good.unwrapSync(wrapped, undefined as never), new Uint8Array(32)) },
    /sync twins/,
  ],
]

test.each(broken)('the kit notices %s', async (_, made, noticed) => {
  const wrapper = (): KeyWrapper => ({ ...good, ...made })
  const only = typeof noticed === 'string' ? new RegExp(noticed) : noticed
  const failures = await failuresOf((declare) => testKeyWrapper({ test: declare, wrapper, other: () => insecureWrapper('b') }), only)
  expect(Object.keys(failures)).toContainEqual(typeof noticed === 'string' ? `key wrapper: ${noticed}` : expect.stringMatching(noticed))
  expect(inspect(failures)).not.toContain(Buffer.from(insecureKey('a')).toString('hex'))
})

const wrapOne = good.wrapSync
const zeros = new Uint8Array(32)
/** Batches of which some results are exchanged, where `of` says so by how many there are. */
const opening = (change: (results: Array<Uint8Array | Error>) => unknown, of: (count: number) => boolean = () => true): object => ({
  wrapMany: wrapEach,
  unwrapMany: async (wraps: WrappedKey[]) => {
    const results = await unwrapEach(wraps)
    return of(wraps.length) ? change(results) : results
  },
})
const batches: ReadonlyArray<[promise: string, made: object, said?: RegExp]> = [
  [
    'one wrap too few',
    { wrapMany: async (deks: Uint8Array[]) => deks.slice(1).map((dek) => wrapOne(dek, undefined as never)), unwrapMany: unwrapEach },
  ],
  [
    'results in another order',
    { wrapMany: async (deks: Uint8Array[]) => deks.map((dek) => wrapOne(dek, undefined as never)).toReversed(), unwrapMany: unwrapEach },
  ],
  [
    'a bad wrap that ends the batch',
    { wrapMany: wrapEach, unwrapMany: async (wraps: WrappedKey[]) => wraps.map((wrapped) => good.unwrapSync(wrapped, undefined as never)) },
  ],
  [
    'a bad wrap that counts as good',
    {
      wrapMany: wrapEach,
      unwrapMany: async (wraps: WrappedKey[]) =>
        wraps.map((wrapped) => tryOr(() => good.unwrapSync(wrapped, undefined as never), new Uint8Array(32))),
    },
  ],
  [
    'a changed data key',
    { wrapMany: async (deks: Uint8Array[]) => (await wrapEach(deks)).map((one, i) => (deks[i]!.fill(7), one)), unwrapMany: unwrapEach },
  ],
  [
    'one buffer for doubles',
    {
      wrapMany: wrapEach,
      unwrapMany: async (wraps: WrappedKey[]) => {
        const opened = new Map<string, Uint8Array | Error>()
        for (const [i, dek] of (await unwrapEach(wraps)).entries())
          if (!opened.has(`${wraps[i]!.bytes}`)) opened.set(`${wraps[i]!.bytes}`, dek)
        return wraps.map(({ bytes }) => opened.get(`${bytes}`))
      },
    },
  ],
  [
    'wraps that open in batches alone',
    {
      wrapMany: async (deks: Uint8Array[]) => (await wrapEach(deks)).map(mirrored),
      unwrapMany: async (wraps: WrappedKey[]) => unwrapEach(wraps.map(mirrored)),
    },
  ],
  [
    'a material id that is not looked at',
    {
      wrapMany: wrapEach,
      unwrapMany: async (wraps: WrappedKey[]) => unwrapEach(wraps.map((one) => ({ ...one, materialId: new Uint8Array(6) }))),
    },
  ],
  [
    'a bad wrap that ends a large batch',
    {
      wrapMany: wrapEach,
      unwrapMany: async (wraps: WrappedKey[]) =>
        wraps.length < 10 ? unwrapEach(wraps) : wraps.map((wrapped) => good.unwrapSync(wrapped, undefined as never)),
    },
  ],
  ['an ending at 1000', { wrapMany: wrapEach, unwrapMany: async (wraps: WrappedKey[]) => unwrapEach(wraps.slice(0, 1000)) }],
  ['calls that mix', mixing(), /^data key 0 of one of five batches at once \(32 bytes\) is not/],
  ['a wrap too many', { wrapMany: async (deks: Uint8Array[]) => wrapEach([...deks, zeros]), unwrapMany: unwrapEach }, /^0 data keys gave 1 wraps$/],
  ['a result too many', opening((results) => [...results, zeros]), /^0 wraps gave 1 data keys$/],
  ['other keys in a large batch', opening((results) => results.with(599, zeros), (count) => count === 600), /^data key 599 of a batch of 600 \(32 bytes\)/],
  ['a result of nothing', opening(() => [undefined], (count) => count === 1), /^data key 0 of a batch of 1 is not a Uint8Array$/],
  [
    'no result for what is bad',
    opening((results) => results.filter((result) => result instanceof Uint8Array)),
    /^6 wraps, some of them bad, gave 2 results$/,
  ],
  [
    'no result for what is bad in a large batch',
    opening((results) => results.filter((result) => result instanceof Uint8Array), (count) => count > 30),
    /^36 wraps, some of them bad, gave 32 results$/,
  ],
  [
    'errors of its own',
    opening((results) => results.map((result) => (result instanceof Error ? new Error('bad') : result))),
    /^bad wrap 1 of a batch of 6 ended with an error that is not a KeyfoldError$/,
  ],
  [
    'another code for the last bad one of a large batch',
    opening((results) => results.with(4, new KeyfoldError('ERR_LIMIT', 'it is so')), (count) => count === 36),
    /^bad wrap 4 of a batch of 36 ended with ERR_LIMIT; ERR_NOT_AUTHENTIC or ERR_KEY_MISMATCH was expected$/,
  ],
  ['a good wrap that is lost among bad ones', opening((results) => results.with(5, results[1]!), (count) => count === 6), /^a good wrap among bad ones is not/],
  [
    'a data key that is used up',
    {
      wrapMany: async (deks: Uint8Array[]) => {
        const wraps = await wrapEach(deks)
        if (deks.length === 20) deks[19]!.fill(7)
        return wraps
      },
      unwrapMany: unwrapEach,
    },
    /^data key 19 after its batch was wrapped \(32 bytes\)/,
  ],
  [
    'what was wrapped alone refused',
    { wrapMany: async (deks: Uint8Array[]) => (await wrapEach(deks)).map(mirrored), unwrapMany: eitherWay, unwrap: eitherWayAlone },
    /^bad wrap|^data key 0, wrapped alone, in a batch is not/,
  ],
  ['a sync batch that gives nothing', { wrapMany: wrapEach, unwrapMany: unwrapEach, wrapManySync: () => [], unwrapManySync: () => [] }],
]

test.each(batches)('the kit notices a batch with %s', async (_, made, said = /./) => {
  const wrapper = (): KeyWrapper => ({ ...good, ...made })
  const failures = await failuresOf((declare) => testKeyWrapper({ test: declare, wrapper, other: () => insecureWrapper('b') }))
  expect(Object.keys(failures)).toEqual([expect.stringMatching(/batches/)])
  expect(Object.values(failures)).toEqual([expect.stringMatching(said)])
})

test('the kit notices a service that is down or refuses, and is reported as something else', async () => {
  const down = { ...good, wrap: notAuthentic, unwrap: notAuthentic }
  const kit = { wrapper: () => good, other: () => insecureWrapper('b'), unreachable: () => down, denied: () => down }
  const failures = await failuresOf((declare) => testKeyWrapper({ test: declare, ...kit }))
  expect(Object.keys(failures)).toEqual([expect.stringMatching(/ERR_KEY_UNAVAILABLE/), expect.stringMatching(/ERR_KEY_DENIED/)])
  const honest = { ...good, wrap: unavailable, unwrap: unavailable }
  expect(
    await failuresOf((declare) => testKeyWrapper({ test: declare, wrapper: kit.wrapper, other: kit.other, unreachable: () => honest })),
  ).toEqual({})
})

function unavailable(): never {
  throw new KeyfoldError('ERR_KEY_UNAVAILABLE', 'down')
}

function shared(): KeyWrapper['unwrap'] {
  const cache = new Map<string, Promise<Uint8Array>>()
  return (wrapped, context) => {
    const name = `${wrapped.bytes} ${wrapped.materialId}`
    const found = cache.get(name) ?? good.unwrap(wrapped, context)
    cache.set(name, found)
    return found
  }
}

async function tolerant(wrapped: WrappedKey, context: Parameters<KeyWrapper['unwrap']>[1]): Promise<Uint8Array> {
  return good.unwrap({ ...wrapped, bytes: wrapped.bytes.subarray(0, 40) }, context)
}

function lastOne(): KeyWrapper['wrap'] {
  let last: Uint8Array
  return async (dek, context) => {
    last = dek
    await Promise.resolve()
    return good.wrap(last, context)
  }
}

/** Opens in batches what batches wrapped, and nothing else. */
async function eitherWay(wraps: readonly WrappedKey[]): Promise<Array<Uint8Array | Error>> {
  return unwrapEach(wraps.map(mirrored))
}

async function eitherWayAlone(wrapped: WrappedKey, context: Parameters<KeyWrapper['unwrap']>[1]): Promise<Uint8Array> {
  return good.unwrap(wrapped, context).catch(() => good.unwrap(mirrored(wrapped), context))
}

function mirrored(wrapped: WrappedKey): WrappedKey {
  return { ...wrapped, bytes: wrapped.bytes.toReversed() }
}

/** Batches that are under way at once get each other's answers. */
function mixing(): object {
  let last: Uint8Array[]
  return {
    wrapMany: async (deks: Uint8Array[]) => {
      last = deks
      await Promise.resolve()
      return wrapEach(last)
    },
    unwrapMany: unwrapEach,
  }
}

function tryOr<T>(call: () => T, instead: T): T {
  try {
    return call()
  } catch {
    return instead
  }
}

async function wrapEach(deks: readonly Uint8Array[]): Promise<WrappedKey[]> {
  return deks.map((dek) => wrapOne(dek, undefined as never))
}

async function unwrapEach(wraps: readonly WrappedKey[]): Promise<Array<Uint8Array | Error>> {
  return wraps.map((wrapped) => {
    try {
      return good.unwrapSync(wrapped, undefined as never)
    } catch (error) {
      return error as Error
    }
  })
}
