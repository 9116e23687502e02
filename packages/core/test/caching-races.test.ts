/** Caches under concurrent use (abuse 41), over time, and in batches. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { BatchKeyWrapper, CanonicalContext, WrappedKey } from '../src/index.ts'
import { caching, createKeyring, KeyfoldError, open, openMany, seal, sealManySync } from '../src/index.ts'
import { DekCache } from '../src/dek-cache.ts'
import { context, dek, good, service, wrapped } from './caching.ts'
import { codeOfAsync, insecureWrapper, remoteWrapper } from './keys.ts'
import { hex } from './vectors.ts'

describe('abuse 41', () => {
  test('ten callers race on a cold cache: one call is made, and every envelope opens', async () => {
    const { wrapper, calls, hold } = service()
    const go = hold()
    const keyring = createKeyring({ active: caching(wrapper, { ttlMs: 60_000 }) })
    const envelope = await seal(keyring, 'x', { id: '1' })
    const racing = Array.from({ length: 10 }, () => open(keyring, envelope, { id: '1' }))
    go()
    // each of them wipes its data key as soon as it is done
    expect((await Promise.all(racing)).map((bytes) => Buffer.from(bytes).toString())).toEqual(Array(10).fill('x'))
    expect(calls).toHaveLength(1)
  })

  test('ten concurrent seals on a cold cache can all be opened', async () => {
    const keyring = createKeyring({ active: caching(service().wrapper, { ttlMs: 60_000 }) })
    const envelopes = await Promise.all(Array.from({ length: 10 }, (_, i) => seal(keyring, `${i}`, { id: '1' })))
    const elsewhere = createKeyring({ active: insecureWrapper('a') })
    for (const [i, envelope] of envelopes.entries())
      expect(Buffer.from(await open(elsewhere, envelope, { id: '1' })).toString()).toBe(`${i}`)
  })

  test('the cache evicts and wipes a key while calls still use it: each has a copy of its own', async () => {
    const { wrapper, calls } = service()
    const cached = caching(wrapper, { ttlMs: 60_000, maxEntries: 1 })
    const keys = [1, 2, 3, 4, 5].map(wrapped)
    const inUse = await Promise.all([...keys, ...keys, ...keys].map((key) => cached.unwrap(key, context)))
    expect(inUse.map(hex)).toEqual([1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 1, 2, 3, 4, 5].map((n) => hex(dek(n))))
    cached.clear()
    expect(inUse.map(hex)).toEqual([1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 1, 2, 3, 4, 5].map((n) => hex(dek(n))))
    expect(calls).toHaveLength(5)
  })

  test('a failure that is shared reaches all who wait', async () => {
    let calls = 0
    const down = { ...remoteWrapper('a'), unwrap: async () => Promise.reject((calls++, new KeyfoldError('ERR_KEY_DENIED', 'no'))) }
    const cached = caching(down, { ttlMs: 60_000 })
    const one = wrapped(1)
    const codes = Array.from({ length: 5 }, () => codeOfAsync(cached.unwrap(one, context)))
    expect(await Promise.all(codes)).toEqual(Array(5).fill('ERR_KEY_DENIED'))
    expect(calls).toBe(1)
  })
})

describe('over time', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }))
  afterEach(() => void vi.useRealTimers())

  /** A cache whose copies are looked at: `Uint8Array.from` makes them. */
  function watched(limits: ConstructorParameters<typeof DekCache>[0]) {
    const copies: Uint8Array[] = []
    const from = vi.spyOn(Uint8Array, 'from').mockImplementation((source: unknown) => {
      const copy = new Uint8Array(source as Uint8Array)
      copies.push(copy)
      return copy
    })
    const cache = new DekCache(limits)
    const put = (name: string, n: number, uses = 9): Uint8Array => {
      cache.put(name, dek(n), uses)
      return copies.at(-1)!
    }
    return { cache, put, done: () => from.mockRestore() }
  }
  const isWiped = (copy: Uint8Array): boolean => copy.every((byte) => byte === 0)

  test('a key is wiped when its time is over, though nobody asks for it', () => {
    const { put, done } = watched({ ttlMs: 1000, maxEntries: 10 })
    const one = put('one', 1)
    vi.advanceTimersByTime(400)
    const two = put('two', 2)
    vi.advanceTimersByTime(599)
    expect([one, two].map(isWiped)).toEqual([false, false])
    vi.advanceTimersByTime(1)
    expect([one, two].map(isWiped)).toEqual([true, false])
    vi.advanceTimersByTime(399)
    expect(isWiped(two)).toBe(false)
    vi.advanceTimersByTime(1)
    expect(isWiped(two)).toBe(true)
    expect(vi.getTimerCount()).toBe(0)
    done()
  })

  test('a key is wiped when it gives way, is used up, replaced or forgotten', () => {
    const { cache, put, done } = watched({ ttlMs: 1000, maxEntries: 2 })
    const [one, two, three] = [put('one', 1), put('two', 2), put('three', 3)]
    expect([one, two, three].map(isWiped)).toEqual([true, false, false])
    const again = put('two', 4)
    expect([two, again, three].map(isWiped)).toEqual([true, false, false])
    const once = put('once', 5, 1)
    expect(hex(cache.take('once')!)).toBe(hex(dek(5)))
    expect([once, cache.take('once')].map((copy) => copy === undefined || isWiped(copy))).toEqual([true, true])
    cache.clear()
    expect(isWiped(again)).toBe(true)
    expect(cache.take('two')).toBeUndefined()
    done()
  })

  test('one timer, however many keys; and none that keeps the process alive', () => {
    const timer = vi.spyOn(globalThis, 'setTimeout')
    const { put, done } = watched({ ttlMs: 1000, maxEntries: 100 })
    for (let i = 0; i < 50; i++) put(String(i), i)
    expect(timer).toHaveBeenCalledTimes(1)
    expect((timer.mock.results[0]!.value as NodeJS.Timeout).hasRef()).toBe(false)
    timer.mockRestore()
    done()
  })
})

describe('batches', () => {
  /** The key of `good` with batches, counted. */
  function batchService(
    answer = (wraps: readonly WrappedKey[], contexts: readonly CanonicalContext[]): unknown => good.unwrapManySync(wraps, contexts),
  ) {
    const calls: number[] = []
    const wrapper = {
      ...remoteWrapper('a'),
      wrapMany: good.wrapMany,
      unwrapMany: async (wraps: readonly WrappedKey[], contexts: readonly CanonicalContext[]) => (
        calls.push(wraps.length),
        answer(wraps, contexts)
      ),
    } as BatchKeyWrapper
    return { wrapper, calls }
  }
  const all = (keys: readonly WrappedKey[]): CanonicalContext[] => keys.map(() => context)
  const texts = (deks: ReadonlyArray<Uint8Array | Error>): string[] =>
    deks.map((one) => (one instanceof KeyfoldError ? one.code : hex(one as Uint8Array)))

  test('one call for all that is not there yet, each only once', async () => {
    const { wrapper, calls } = batchService()
    const cached = caching(wrapper, { ttlMs: 60_000 })
    const [one, two, three] = [1, 2, 3].map(wrapped) as [WrappedKey, WrappedKey, WrappedKey]
    const first = [one, two, one]
    expect(texts(await cached.unwrapMany(first, all(first)))).toEqual([1, 2, 1].map((n) => hex(dek(n))))
    const second = [three, two, three, one]
    expect(texts(await cached.unwrapMany(second, all(second)))).toEqual([3, 2, 3, 1].map((n) => hex(dek(n))))
    expect(texts(await cached.unwrapMany(second, all(second)))).toEqual([3, 2, 3, 1].map((n) => hex(dek(n))))
    expect(await cached.unwrapMany([], [])).toEqual([])
    expect(calls).toEqual([2, 1])
    expect((await cached.wrapMany([dek(1)], [context])).map(({ bytes }) => hex(bytes))).toEqual([hex(one.bytes)])
  })

  test('a batch and a single call share what is on its way', async () => {
    const { wrapper, calls } = batchService()
    const cached = caching(wrapper, { ttlMs: 60_000 })
    const [one, two] = [1, 2].map(wrapped) as [WrappedKey, WrappedKey]
    const single = cached.unwrap(one, context)
    const batch = cached.unwrapMany([one, two], [context, context])
    expect(hex(await single)).toBe(hex(dek(1)))
    expect(texts(await batch)).toEqual([hex(dek(1)), hex(dek(2))])
    expect(calls).toEqual([1])
  })

  test('what fails stands in its place, and is not kept', async () => {
    const { wrapper, calls } = batchService()
    const cached = caching(wrapper, { ttlMs: 60_000 })
    const bad = { ...wrapped(1), bytes: new Uint8Array(40) }
    const keys = [wrapped(1), bad, wrapped(2)]
    for (let i = 0; i < 2; i++)
      expect(texts(await cached.unwrapMany(keys, all(keys)))).toEqual([hex(dek(1)), 'ERR_NOT_AUTHENTIC', hex(dek(2))])
    expect(calls).toEqual([3, 1])
  })

  test.each<[string, (wraps: readonly WrappedKey[]) => unknown, string]>([
    ['too few', (wraps) => wraps.slice(1).map(() => dek(1)), 'ERR_KEY_SERVICE_RESPONSE'],
    ['no list', () => undefined, 'ERR_KEY_SERVICE_RESPONSE'],
    ['no keys', (wraps) => wraps.map(() => 'key'), 'ERR_KEY_SERVICE_RESPONSE'],
    ['errors of its own', (wraps) => wraps.map(() => new Error('no')), 'ERR_KEY_UNAVAILABLE'],
    ['a failed call', () => Promise.reject(new Error('no')), 'ERR_KEY_UNAVAILABLE'],
    ['a denied call', () => Promise.reject(new KeyfoldError('ERR_KEY_DENIED', 'no')), 'ERR_KEY_DENIED'],
  ])('an answer of %s', async (_, answer, code) => {
    const cached = caching(batchService(answer).wrapper, { ttlMs: 60_000 })
    const keys = [1, 2].map(wrapped)
    expect(texts(await cached.unwrapMany(keys, all(keys)))).toEqual([code, code])
  })

  test('openMany through a cache', async () => {
    const { wrapper, calls } = batchService()
    const keyring = createKeyring({ active: caching(wrapper, { ttlMs: 60_000 }) })
    const records = sealManySync(
      createKeyring({ active: good }),
      Array.from({ length: 40 }, () => ({ plaintext: 'x', context: { id: '1' } })),
    )
    const batch = records.map((envelope) => ({ envelope, context: { id: '1' } }))
    for (let i = 0; i < 3; i++) expect((await openMany(keyring, batch)).every(({ status }) => status === 'fulfilled')).toBe(true)
    expect(calls).toEqual([40])
  })

  test('a wrapper without batches has none behind a cache', () => {
    expect('unwrapMany' in caching(service().wrapper, { ttlMs: 1 })).toBe(false)
    expect('wrapMany' in caching(service().wrapper, { ttlMs: 1 })).toBe(false)
  })
})
