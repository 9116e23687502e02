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
const broken: ReadonlyArray<[promise: string, rewrapTo: RewrapKeyWrapper['rewrapTo']]> = [
  ['gives another data key', async (target, _, context) => target.wrap(zeros, context)],
  ['moves nothing', async (_, wrapped) => wrapped],
  ['lets the wrap say which key it is of', async (target, wrapped, context) => target.wrap(await openedBy(a, b)(wrapped, context), context)],
  [
    'moves an altered wrap as another data key',
    async (target, wrapped, context) => target.wrap(await a.unwrap(wrapped, context).catch(() => zeros), context),
  ],
  [
    'refuses an altered wrap with an error of its own',
    async (target, wrapped, context) => target.wrap(await a.unwrap(wrapped, context).catch(() => Promise.reject(new Error('bad'))), context),
  ],
]

test.each(broken)('the kit notices a service that %s', async (_, rewrapTo) => {
  const wrapper = (): RewrapKeyWrapper => ({ ...a, canRewrapTo: ({ id }) => id === b.id, rewrapTo })
  const failures = await failuresOf((declare) => testKeyWrapper({ test: declare, wrapper, other: () => b }))
  expect(Object.keys(failures)).toEqual([expect.stringMatching(/moving a wrap within its service/)])
})

test('the kit notices a move in place that changes the data key', async () => {
  const inPlace = (target: KeyWrapper): boolean => target.id === a.id
  const wrapper = (): RewrapKeyWrapper => ({
    ...a,
    canRewrapTo: () => true,
    rewrapTo: async (target, wrapped, context) => target.wrap(inPlace(target) ? zeros : await a.unwrap(wrapped, context), context),
  })
  const failures = await failuresOf((declare) => testKeyWrapper({ test: declare, wrapper, other: () => b }))
  expect(Object.keys(failures)).toEqual([expect.stringMatching(/moving a wrap within its service/)])
})
