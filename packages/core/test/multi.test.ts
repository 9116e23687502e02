import { describe, expect, test } from 'vitest'
import type { BatchKeyWrapper, KeyWrapper, WrappedKey } from '../src/index.ts'
import {
  canonicalContext,
  createKeyring,
  inspect,
  isSyncKeyWrapper,
  KeyfoldError,
  multi,
  open,
  openMany,
  openManySync,
  openSync,
  seal,
  sealMany,
  sealSync,
} from '../src/index.ts'
import { codeOf, codeOfAsync, insecureWrapper, remoteWrapper } from './keys.ts'
import { hex } from './vectors.ts'

const context = canonicalContext({ id: '1' })
const dek = (n: number): Uint8Array => new Uint8Array(32).fill(n)
const good = insecureWrapper('a')
const near: KeyWrapper = { ...remoteWrapper('a'), id: 'test:near' }

/** A place of the same key that fails. */
function failing(id: string, code: string): BatchKeyWrapper {
  const fail = async (): Promise<never> => {
    throw new KeyfoldError(code, `${id} failed`)
  }
  return { id, keyId: good.keyId, wrap: fail, unwrap: fail, wrapMany: fail, unwrapMany: fail }
}
const down = failing('test:down', 'ERR_KEY_UNAVAILABLE')
const denied = failing('test:denied', 'ERR_KEY_DENIED')

describe('any of several places suffices', () => {
  const orders: ReadonlyArray<[string, KeyWrapper[]]> = [
    ['the only one', [near]],
    ['the first', [near, down]],
    ['the second', [down, near]],
    ['the last', [down, denied, near]],
  ]
  test.each(orders)('%s works: records seal and open, one by one and in batches', async (_, places) => {
    const keyring = createKeyring({ active: multi(places) })
    const envelope = await seal(keyring, 'x', { id: '1' })
    expect(inspect(envelope).entries).toHaveLength(1)
    expect(inspect(envelope).keyId).toBe(hex(good.keyId))
    expect(Buffer.from(await open(keyring, envelope, { id: '1' })).toString()).toBe('x')
    const envelopes = await sealMany(
      keyring,
      Array.from({ length: 20 }, () => ({ plaintext: 'y', context: { id: '1' } })),
    )
    const opened = await openMany(
      keyring,
      envelopes.map((one) => ({ envelope: one, context: { id: '1' } })),
    )
    expect(opened.every(({ status }) => status === 'fulfilled')).toBe(true)
    expect(openSync(createKeyring({ active: good }), envelopes[19]!, { id: '1' })).toHaveLength(1)
  })

  test('the places are asked in their order, and no further once one has done it', async () => {
    const asked: string[] = []
    const place = (id: string, works: boolean): KeyWrapper => ({
      ...good,
      id,
      wrap: async (...args) => (asked.push(`${id} wrap`), works ? good.wrap(...args) : down.wrap(...args)),
      unwrap: async (...args) => (asked.push(`${id} unwrap`), works ? good.unwrap(...args) : down.unwrap(...args)),
    })
    const key = multi([place('test:1', false), place('test:2', true), place('test:3', true)])
    await key.unwrap(await key.wrap(dek(1), context), context)
    expect(asked).toEqual(['test:1 wrap', 'test:2 wrap', 'test:1 unwrap', 'test:2 unwrap'])
  })

  test('in a batch, only what one place did not unwrap goes to the next', async () => {
    const counts: number[] = []
    const half = (id: string, mine: (i: number) => boolean): BatchKeyWrapper => ({
      ...good,
      id,
      unwrapMany: async (wraps, contexts) => {
        counts.push(wraps.length, contexts.length)
        const deks = await good.unwrapMany(wraps, contexts)
        return deks.map((one) => (one instanceof Uint8Array && mine(one[0]!) ? one : new KeyfoldError('ERR_KEY_DENIED', 'no')))
      },
    })
    const key = multi([half('test:even', (i) => i % 2 === 0), half('test:odd', (i) => i % 2 === 1)])
    const wraps = await key.wrapMany(
      Array.from({ length: 10 }, (_, i) => dek(i)),
      Array(10).fill(context),
    )
    const bad: WrappedKey = { ...wraps[0]!, bytes: new Uint8Array(40) }
    const deks = await key.unwrapMany([...wraps, bad], Array(11).fill(context))
    expect(deks.slice(0, 10).map((one) => hex(one as Uint8Array))).toEqual(Array.from({ length: 10 }, (_, i) => hex(dek(i))))
    expect(deks[10]).toMatchObject({ code: 'ERR_KEY_DENIED' })
    expect((deks[10] as Error).message).toContain('place 2, test:odd')
    expect(counts).toEqual([11, 11, 6, 6])
    expect(await key.unwrapMany([], [])).toEqual([])
  })
})

describe('abuse 24: when all fail, all are listed', () => {
  const key = multi([denied, down, denied])
  const listed = 'place 1, test:denied: ERR_KEY_DENIED, place 2, test:down: ERR_KEY_UNAVAILABLE, place 3, test:denied: ERR_KEY_DENIED'
  // what may pass by itself comes first
  const error = (does: string) => ({ code: 'ERR_KEY_UNAVAILABLE', message: `none of the 3 keys at hand ${does} (${listed})` })

  test('wrapping', async () => {
    await expect(key.wrap(dek(1), context)).rejects.toMatchObject(error('wraps'))
    await expect(key.wrapMany([dek(1)], [context])).rejects.toMatchObject(error('wraps'))
    await expect(key.wrap(dek(1), context)).rejects.toMatchObject({
      cause: { errors: [{ code: 'ERR_KEY_DENIED' }, { code: 'ERR_KEY_UNAVAILABLE' }, {}] },
    })
  })

  test('unwrapping', async () => {
    const wrapped = good.wrapSync(dek(1), context)
    await expect(key.unwrap(wrapped, context)).rejects.toMatchObject(error('unwraps'))
    expect(await key.unwrapMany([wrapped, wrapped], [context, context])).toMatchObject([error('unwraps'), error('unwraps')])
  })

  test('what is not authentic anywhere is not authentic', async () => {
    const bad = { ...good.wrapSync(dek(1), context), bytes: new Uint8Array(40) }
    expect(await codeOfAsync(multi([near, near]).unwrap(bad, context))).toBe('ERR_NOT_AUTHENTIC')
  })

  test('an error of a wrapper’s own, and garbage, count as failed places', async () => {
    const throwing: KeyWrapper = { ...near, wrap: async () => Promise.reject(new TypeError('bug')), unwrap: async () => null as never }
    const both = multi([throwing, near])
    expect(hex(await both.unwrap(await both.wrap(dek(1), context), context))).toBe(hex(dek(1)))
    expect(await codeOfAsync(multi([throwing]).wrap(dek(1), context))).toBe('ERR_KEY_UNAVAILABLE')
    expect(await codeOfAsync(multi([throwing]).unwrap(good.wrapSync(dek(1), context), context))).toBe('ERR_KEY_SERVICE_RESPONSE')
  })
})

describe('what it is made of', () => {
  test('keys that differ are refused, with what to do instead', () => {
    const error = ((): unknown => {
      try {
        return multi([near, insecureWrapper('a'), insecureWrapper('b')])
      } catch (thrown) {
        return thrown
      }
    })()
    expect(error).toMatchObject({ code: 'ERR_KEYRING_INVALID', message: 'test:near and key-file:b are different keys' })
    expect((error as KeyfoldError).hint).toContain('recovery')
    expect(codeOf(() => multi([]))).toBe('ERR_KEYRING_INVALID')
  })

  test('it bears the id of the first', () => expect([multi([near, good]).id, multi([good, near]).id]).toEqual(['test:near', 'key-file:a']))

  test('sync twins where every place has them, and only there', () => {
    const local = multi([good, insecureWrapper('a')])
    const keyring = createKeyring({ active: local })
    const envelope = sealSync(keyring, 'x', { id: '1' })
    expect(Buffer.from(openSync(keyring, envelope, { id: '1' })).toString()).toBe('x')
    expect(openManySync(keyring, [{ envelope, context: { id: '1' } }])).toMatchObject([{ status: 'fulfilled' }])
    expect(local.wrapManySync([dek(1)], [context]).map(({ bytes }) => hex(bytes))).toEqual([hex(good.wrapSync(dek(1), context).bytes)])
    expect([isSyncKeyWrapper(multi([good, near])), 'unwrapManySync' in multi([good, near])]).toEqual([false, false])
  })
})
