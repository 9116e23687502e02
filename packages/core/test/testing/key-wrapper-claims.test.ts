/** What the kit of key wrappers says of a wrapper that breaks one promise, in words. */
import { expect, test } from 'vitest'
import type { KeyWrapper, SyncKeyWrapper, WrappedKey } from '../../src/index.ts'
import { KeyfoldError } from '../../src/index.ts'
import type { KeyWrapperKit } from '../../src/testing.ts'
import { testKeyWrapper } from '../../src/testing.ts'
import { insecureKey, insecureWrapper } from '../keys.ts'
import { failuresOf } from './cases.ts'

const { wrapSync, unwrapSync, ...good } = insecureWrapper('a')
const other = insecureWrapper('b')
const zeros = new Uint8Array(32)
const wrapped = async (change: (made: WrappedKey) => object, ...args: Parameters<KeyWrapper['wrap']>): Promise<WrappedKey> => {
  const made = await good.wrap(...args)
  return { ...made, ...change(made) }
}
const wrapping = (change: (made: WrappedKey) => object): Partial<KeyWrapper> => ({ wrap: (...args) => wrapped(change, ...args) })
const failing = (code: string): Partial<KeyWrapper> => ({
  wrap: () => Promise.reject(new KeyfoldError(code, 'it is so')),
  unwrap: () => Promise.reject(new KeyfoldError(code, 'it is so')),
})
/** Unwraps as it should, and gives `instead` where that ends in an error. */
const forgiving = (forgive: (made: WrappedKey) => boolean, instead = zeros): Partial<KeyWrapper> => ({
  unwrap: (made, context) => good.unwrap(made, context).catch((error: Error) => (forgive(made) ? instead.slice() : Promise.reject(error))),
})
/** Unwraps a changed copy of what it gets. */
const unwrapping = (change: (made: WrappedKey) => object): Partial<KeyWrapper> => ({
  unwrap: (made, context) => good.unwrap({ ...made, ...change(made) }, context),
})
const byteLength = ({ bytes }: WrappedKey): number => bytes.length

let wraps = 0
let made = 0
const broken: ReadonlyArray<[fault: string, change: object, noticed: RegExp, said: RegExp]> = [
  ...['2026q4', 'Key:a', '1key:a', 'key file:a', 'key-file:', 'key-file:a b', ' key:a', 'key:a '].map(
    (id) => [`the id ${JSON.stringify(id)}`, { id }, /scheme:name/, /^the id is not `scheme:name`$/] as [string, object, RegExp, RegExp],
  ),
  ['a key id as text', { keyId: '123456789012' }, /key id has 12/, /^the key id is not a Uint8Array of 12 bytes$/],
  ['a key id of 13 bytes', { keyId: new Uint8Array(13) }, /key id has 12/, /^the key id is not a Uint8Array of 12 bytes$/],
  [
    'another key id each time',
    { get keyId() { return new Uint8Array(12).fill(made++) } },
    /key id has 12/,
    /^the key id of a second wrapper over the same key \(12 bytes\) is not/,
  ],
  ['the key id of another key', { keyId: other.keyId }, /key id has 12/, /^another key has the same key id$/],
  ['a material id as text', wrapping(() => ({ materialId: '123456' })), /material id of 6/, /^the material id is not a Uint8Array of 6 bytes$/],
  ['a material id of 7 bytes', wrapping(() => ({ materialId: new Uint8Array(7) })), /material id of 6/, /^the material id is not/],
  ['a wrap as text', wrapping(() => ({ bytes: 'wrap' })), /material id of 6/, /^the wrap has not 1 to 6144 bytes$/],
  ['a wrap of 6145 bytes', wrapping(() => ({ bytes: new Uint8Array(6145) })), /material id of 6/, /^the wrap has not 1 to 6144 bytes$/],
  ['an empty wrap', wrapping(() => ({ bytes: new Uint8Array(0) })), /material id of 6/, /^the wrap has not 1 to 6144 bytes$/],
  ['a data key of zeros in place of any', { unwrap: async () => zeros.slice() }, /what it wraps comes back/, /^the unwrapped data key \(32 bytes\)/],
  [
    'data keys of ones that do not come back',
    { wrap: async (dek: Uint8Array, context: never) => good.wrap(dek.every((byte) => byte === 0xff) ? zeros : dek, context) },
    /what it wraps comes back/,
    /^the unwrapped data key/,
  ],
  ['a data key as text', { unwrap: async () => 'x'.repeat(32) }, /what it wraps comes back/, /^the unwrapped data key is not a Uint8Array$/],
  [
    'a data key that is changed',
    { wrap: async (dek: Uint8Array, context: never) => good.wrap(dek, context).finally(() => dek.fill(7)) },
    /neither changes nor keeps/,
    /^the data key after it was wrapped/,
  ],
  [
    'a wrap that is used up',
    { unwrap: (one: WrappedKey, context: never) => good.unwrap(one, context).finally(() => one.bytes.fill(0)) },
    /buffer of the caller/,
    /ERR_NOT_AUTHENTIC|was not made by|^the wrap after it was unwrapped/,
  ],
  [
    'altered bits that open',
    forgiving((one) => byteLength(one) === 40),
    /changed bit/,
    /^a wrap with bit 0 changed was accepted; ERR_NOT_AUTHENTIC or ERR_KEY_MISMATCH was expected$/,
  ],
  [
    'a material id that is not looked at',
    unwrapping(() => ({ materialId: new Uint8Array(6) })),
    /changed bit/,
    /^a material id with bit 0 changed was accepted/,
  ],
  [
    'a material id whose last bit is not looked at',
    unwrapping(({ materialId }) => ({ materialId: materialId.with(5, materialId[5]! & 0x7f) })),
    /changed bit/,
    /^a material id with bit 47 changed was accepted/,
  ],
  ['a short wrap that opens', forgiving((one) => byteLength(one) === 39), /cut, extended/, /^a wrap of 39 bytes instead of 40 was accepted/],
  ['no wrap that opens', forgiving((one) => byteLength(one) === 0), /cut, extended/, /^a wrap of 0 bytes instead of 40 was accepted/],
  ['a long wrap that opens', forgiving((one) => byteLength(one) === 41), /cut, extended/, /^a wrap of 41 bytes instead of 40 was accepted/],
  [
    'wraps of another key that open',
    { unwrap: (one: WrappedKey, context: never) => good.unwrap(one, context).catch(() => other.unwrap(one, context)) },
    /wrap of another key/,
    /^a wrap of another key was accepted/,
  ],
  [
    'calls at once that get the same data key',
    { wrap: async (dek: Uint8Array, context: never) => good.wrap(wraps++ % 50 === 49 ? zeros : dek, context) },
    /50 calls at once/,
    /^data key \d+ of 50/,
  ],
  ['a key in a list', { held: [insecureKey('a')] }, /printing/, /^the wrapper\.held\.0 shows 32 bytes$/],
  ['a key as an ArrayBuffer view of 13 bytes', { held: new DataView(new ArrayBuffer(13)) }, /printing/, /^the wrapper\.held shows 13 bytes$/],
  ['a key under a symbol', { [Symbol('held')]: insecureKey('a') }, /printing/, /^the wrapper\.Symbol\(held\) shows 32 bytes$/],
  ['a key as hex', { held: Buffer.from(insecureKey('a')).toString('hex') }, /printing/, /^printed, the wrapper shows what may be a key$/],
  ['a key as base64', { held: Buffer.from(insecureKey('a')).toString('base64') }, /printing/, /^printed, the wrapper shows what may be a key$/],
  ['a sync twin that gives zeros', { wrapSync, unwrapSync: () => zeros.slice() }, /sync twins/, /^the data key from unwrapSync/],
  [
    'a sync twin that wraps zeros',
    { wrapSync: (_: Uint8Array, context: never) => wrapSync(zeros, context), unwrapSync },
    /sync twins/,
    /^the data key of wrapSync/,
  ],
  [
    'a sync twin that takes altered wraps',
    {
      wrapSync,
      unwrapSync: (one: WrappedKey, context: never) => {
        try {
          return unwrapSync(one, context)
        } catch {
          return zeros.slice()
        }
      },
    } satisfies Partial<SyncKeyWrapper>,
    /sync twins/,
    /^a wrap with a changed bit was accepted; ERR_NOT_AUTHENTIC was expected$/,
  ],
  [
    'an error of its own',
    { unwrap: () => Promise.reject(new Error('bad')) },
    /wrap of another key/,
    /^a wrap of another key ended with an error that is not a KeyfoldError$/,
  ],
  [
    'another code',
    failing('ERR_LIMIT'),
    /wrap of another key/,
    /^a wrap of another key ended with ERR_LIMIT; ERR_NOT_AUTHENTIC or ERR_KEY_MISMATCH was expected$/,
  ],
]

const kitOf = (change: object, more: Partial<KeyWrapperKit> = {}): Omit<KeyWrapperKit, 'test'> => ({
  wrapper: () => Object.defineProperties({ ...good }, Object.getOwnPropertyDescriptors(change)),
  other: () => other,
  ...more,
})

test.each(broken)('the kit says of %s', async (_fault, change, noticed, said) => {
  const failures = await failuresOf((declare) => testKeyWrapper({ test: declare, ...kitOf(change) }), noticed)
  expect(Object.values(failures)).toContainEqual(expect.stringMatching(said))
})

test.each([
  ['unreachable', 'ERR_KEY_UNAVAILABLE', 'ERR_KEY_DENIED', 'whose service is out of reach'],
  ['denied', 'ERR_KEY_DENIED', 'ERR_KEY_UNAVAILABLE', 'that the caller may not use'],
] as const)('the kit tells a key that is %s from others', async (place, code, wrong, what) => {
  const failuresWith = (change: Partial<KeyWrapper>): Promise<Record<string, string>> =>
    failuresOf((declare) => testKeyWrapper({ test: declare, ...kitOf({}, { [place]: () => ({ ...good, ...change }) }) }), /ends in/)
  expect(await failuresWith(failing(code))).toEqual({})
  const name = `key wrapper: a key ${what} ends in ${code}`
  expect(await failuresWith(failing(wrong))).toEqual({ [name]: `wrapping ended with ${wrong}; ${code} was expected` })
  expect(await failuresWith({})).toEqual({ [name]: `wrapping was accepted; ${code} was expected` })
  const wrongInUnwrap = { ...failing(code), unwrap: failing(wrong).unwrap! }
  expect(await failuresWith(wrongInUnwrap)).toEqual({ [name]: `unwrapping ended with ${wrong}; ${code} or ERR_NOT_AUTHENTIC was expected` })
  expect(await failuresWith({ ...failing(code), unwrap: failing('ERR_NOT_AUTHENTIC').unwrap! })).toEqual({})
})

test('every case has a name of its own, and a good wrapper passes with any number of alterations', async () => {
  const names: string[] = []
  testKeyWrapper({ test: (name) => names.push(name), ...kitOf({}, { unreachable: () => good, denied: () => good }) })
  expect(new Set(names).size).toBe(names.length)
  expect(names.length).toBeGreaterThan(14)
  for (const name of names) expect(name).toMatch(/^key wrapper: .{10,}$/)
  expect(await failuresOf((declare) => testKeyWrapper({ test: declare, ...kitOf({}, { alterations: 2 }) }), /changed bit/)).toEqual({})
})

test('as many altered wraps are tried as the kit is told', async () => {
  const tried = async (alterations?: number): Promise<number> => {
    let calls = 0
    const counting = { unwrap: (...args: Parameters<KeyWrapper['unwrap']>) => (calls++, good.unwrap(...args)) }
    const kit = kitOf(counting, alterations === undefined ? {} : { alterations })
    await failuresOf((declare) => testKeyWrapper({ test: declare, ...kit }), /changed bit/)
    return calls
  }
  expect(await tried()).toBe(64 + 8)
  expect(await tried(4)).toBe(4 + 4)
  expect(await tried(1000)).toBe(320 + 8)
})
