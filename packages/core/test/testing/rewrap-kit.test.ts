import { describe, expect, test } from 'vitest'
import type { KeyWrapper, RewrapKeyWrapper } from '../../src/index.ts'
import { KeyfoldError } from '../../src/index.ts'
import { testKeyWrapper } from '../../src/testing.ts'
import { insecureService, insecureWrapper } from '../keys.ts'
import { failuresOf } from './cases.ts'

describe('a key of a service', () => {
  const service = insecureService()
  testKeyWrapper({ test, wrapper: () => service.wrapper('a'), other: () => service.wrapper('b') })
})

const [a, b] = [insecureWrapper('a'), insecureWrapper('b')]
const zeros = new Uint8Array(32)
const openedBy = (...keys: KeyWrapper[]): RewrapKeyWrapper['unwrap'] => async (wrapped, context) =>
  Promise.any(keys.map((key) => key.unwrap(wrapped, context))).catch(() => Promise.reject(new KeyfoldError('ERR_NOT_AUTHENTIC', 'no')))

/** Moves that break one promise each. */
const broken: ReadonlyArray<[promise: string, rewrapTo: RewrapKeyWrapper['rewrapTo'], said: RegExp]> = [
  ['gives another data key', async (target, _, context) => target.wrap(zeros, context), /^the data key of a wrap that was moved \(32 bytes\)/],
  ['moves nothing', async (_, wrapped) => wrapped, /not made by/],
  [
    'lets the wrap say which key it is of',
    async (target, wrapped, context) => target.wrap(await openedBy(a, b)(wrapped, context), context),
    /^moving a wrap of another key was accepted/,
  ],
  [
    'moves an altered wrap as another data key',
    async (target, wrapped, context) => target.wrap(await a.unwrap(wrapped, context).catch(() => zeros), context),
    /^moving a wrap of another key was accepted/,
  ],
  [
    'refuses an altered wrap with an error of its own',
    async (target, wrapped, context) => target.wrap(await a.unwrap(wrapped, context).catch(() => Promise.reject(new Error('bad'))), context),
    /^moving a wrap of another key ended with an error that is not a KeyfoldError$/,
  ],
  [
    'moves an altered wrap, but not one of another key',
    async (target, wrapped, context) => {
      const isOther = await b.unwrap(wrapped, context).then(() => true, () => false)
      const dek = await a.unwrap(wrapped, context).catch((error: Error) => (isOther ? Promise.reject(error) : zeros))
      return target.wrap(dek, context)
    },
    /^a wrap with bit 0 changed was moved, and opens$/,
  ],
  [
    'refuses an altered wrap alone with a code of its own',
    async (target, wrapped, context) => {
      const isOther = await b.unwrap(wrapped, context).then(() => true, () => false)
      try {
        return await target.wrap(await a.unwrap(wrapped, context), context)
      } catch (error) {
        throw isOther ? error : new KeyfoldError('ERR_LIMIT', 'it is so')
      }
    },
    /^moving a wrap with bit 0 changed ended with ERR_LIMIT; ERR_NOT_AUTHENTIC or ERR_KEY_MISMATCH was expected$/,
  ],
]

test.each(broken)('the kit notices a service that %s', async (_, rewrapTo, said) => {
  const wrapper = (): RewrapKeyWrapper => ({ ...a, canRewrapTo: ({ id }) => id === b.id, rewrapTo })
  const failures = await failuresOf((declare) => testKeyWrapper({ test: declare, wrapper, other: () => b }))
  expect(Object.keys(failures)).toEqual([expect.stringMatching(/moving a wrap within its service/)])
  expect(Object.values(failures)).toEqual([expect.stringMatching(said)])
})

test('the kit notices a wrap that was moved and still opens under its old key', async () => {
  const wrapper = (): RewrapKeyWrapper => ({
    ...a,
    unwrap: openedBy(a, b),
    canRewrapTo: ({ id }) => id === b.id,
    rewrapTo: async (target, wrapped, context) => target.wrap(await a.unwrap(wrapped, context), context),
  })
  const failures = await failuresOf((declare) => testKeyWrapper({ test: declare, wrapper, other: () => b }), /within its service/)
  expect(Object.values(failures)).toEqual([expect.stringMatching(/^a wrap that was moved, by its old key, was accepted/)])
})

test('a service that moves to other keys alone, or to none, keeps every promise', async () => {
  const rewrapTo: RewrapKeyWrapper['rewrapTo'] = async (target, wrapped, context) =>
    target.id === b.id ? target.wrap(await a.unwrap(wrapped, context), context) : Promise.reject(new KeyfoldError('ERR_ARGUMENT', 'not to this key'))
  for (const able of [b.id, 'none']) {
    const wrapper = (): RewrapKeyWrapper => ({ ...a, canRewrapTo: ({ id }) => id === able, rewrapTo })
    expect(await failuresOf((declare) => testKeyWrapper({ test: declare, wrapper, other: () => b }), /within its service/)).toEqual({})
  }
})

test('the kit notices a move in place that changes the data key', async () => {
  const inPlace = (target: KeyWrapper): boolean => target.id === a.id
  const wrapper = (): RewrapKeyWrapper => ({
    ...a,
    canRewrapTo: () => true,
    rewrapTo: async (target, wrapped, context) => target.wrap(inPlace(target) ? zeros : await a.unwrap(wrapped, context), context),
  })
  const failures = await failuresOf((declare) => testKeyWrapper({ test: declare, wrapper, other: () => b }))
  expect(Object.values(failures)).toEqual([expect.stringMatching(/^the data key of a wrap that was moved in place \(32 bytes\)/)])
})
