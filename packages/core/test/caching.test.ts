import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { CanonicalContext, KeyWrapper, WrappedKey } from '../src/index.ts'
import { caching, canonicalContext, createKeyring, isSyncKeyWrapper, KeyfoldError, open, seal } from '../src/index.ts'
import { context, dek, good, service, wrapped } from './caching.ts'
import { codeOf, codeOfAsync, remoteWrapper } from './keys.ts'
import { hex } from './vectors.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }))
afterEach(() => void vi.useRealTimers())

describe('what is kept', () => {
  test('a data key is fetched once, and each caller gets a copy of his own', async () => {
    const { wrapper, calls, handed } = service()
    const cached = caching(wrapper, { ttlMs: 1000 })
    const one = wrapped(1)
    const first = await cached.unwrap(one, context)
    expect(hex(first)).toBe(hex(dek(1)))
    first.fill(0)
    const second = await cached.unwrap(one, context)
    second.fill(9)
    expect(hex(await cached.unwrap(one, context))).toBe(hex(dek(1)))
    expect(calls).toHaveLength(1)
    expect(handed[0]!.every((byte) => byte === 0)).toBe(true)
  })

  test('it is found by all that was asked: wrapped bytes, material and context; another cache knows nothing of it', async () => {
    const asked: string[] = []
    const any: KeyWrapper = { ...remoteWrapper('a'), unwrap: async ({ bytes }) => (asked.push(hex(bytes)), dek(asked.length)) }
    const cached = caching(any, { ttlMs: 1000 })
    const [one, other] = [wrapped(1), wrapped(2)]
    const material = (n: number): Uint8Array => new Uint8Array(6).fill(n)
    const questions: Array<[WrappedKey, CanonicalContext]> = [
      [one, context],
      [other, context],
      [{ ...one, materialId: material(1) }, context],
      [one, canonicalContext({ id: '2' })],
      [one, canonicalContext({})],
      // the border between the material and the bytes counts
      [{ materialId: new Uint8Array(5), bytes: Uint8Array.of(0, ...one.bytes) }, context],
      [{ materialId: new Uint8Array(0), bytes: Uint8Array.of(...one.materialId, ...one.bytes) }, context],
    ]
    for (const [i, question] of questions.entries()) expect(hex(await cached.unwrap(...question))).toBe(hex(dek(i + 1)))
    for (const [i, question] of questions.entries()) expect(hex(await cached.unwrap(...question))).toBe(hex(dek(i + 1)))
    expect(asked).toHaveLength(questions.length)
    await caching(any, { ttlMs: 1000 }).unwrap(one, context)
    expect(asked).toHaveLength(questions.length + 1)
  })

  test('wraps are passed on, and nothing is learned from them', async () => {
    const { wrapper, calls } = service()
    const wrap = vi.fn(wrapper.wrap)
    const cached = caching({ ...wrapper, wrap }, { ttlMs: 1000 })
    const [one, two] = [await cached.wrap(dek(1), context), await cached.wrap(dek(1), context)]
    expect(wrap.mock.calls).toEqual([
      [dek(1), context],
      [dek(1), context],
    ])
    await cached.unwrap(one, context)
    expect(calls).toHaveLength(1)
    expect(hex(one.bytes)).toBe(hex(two.bytes))
  })

  test('records seal and open through it; of the wrapper’s sync twins nothing shows', async () => {
    const { wrapper, calls } = service()
    const cached = caching(wrapper, { ttlMs: 1000 })
    expect([cached.id, cached.keyId, isSyncKeyWrapper(caching(good, { ttlMs: 1 }))]).toEqual([wrapper.id, wrapper.keyId, false])
    const keyring = createKeyring({ active: cached })
    const envelope = await seal(keyring, 'x', { id: '1' })
    for (let i = 0; i < 5; i++) expect(Buffer.from(await open(keyring, envelope, { id: '1' })).toString()).toBe('x')
    expect(calls).toHaveLength(1)
  })

  test('a failure is not kept', async () => {
    let calls = 0
    const shaky: KeyWrapper = {
      ...remoteWrapper('a'),
      unwrap: async (...args) => (++calls < 3 ? Promise.reject(new KeyfoldError('ERR_KEY_UNAVAILABLE', 'down')) : good.unwrap(...args)),
    }
    const cached = caching(shaky, { ttlMs: 1000 })
    const one = wrapped(1)
    expect(await codeOfAsync(cached.unwrap(one, context))).toBe('ERR_KEY_UNAVAILABLE')
    expect(await codeOfAsync(cached.unwrap(one, context))).toBe('ERR_KEY_UNAVAILABLE')
    expect(hex(await cached.unwrap(one, context))).toBe(hex(dek(1)))
    expect(calls).toBe(3)
  })

  test.each<[string, () => unknown]>([
    ['nothing', () => undefined],
    ['text', () => 'k'.repeat(32)],
  ])('an answer of %s is refused and not kept', async (_, answer) => {
    let calls = 0
    const bad = { ...remoteWrapper('a'), unwrap: async () => (calls++, answer()) } as unknown as KeyWrapper
    const cached = caching(bad, { ttlMs: 1000 })
    for (let i = 1; i <= 2; i++) {
      expect(await codeOfAsync(cached.unwrap(wrapped(1), context))).toBe('ERR_KEY_SERVICE_RESPONSE')
      expect(calls).toBe(i)
    }
  })

  test('abuse 22: a key of 16 bytes is not kept', async () => {
    let calls = 0
    const short: KeyWrapper = { ...remoteWrapper('a'), unwrap: async () => (calls++, new Uint8Array(16)) }
    const cached = caching(short, { ttlMs: 1000 })
    for (let i = 1; i <= 2; i++) {
      expect(await cached.unwrap(wrapped(1), context)).toHaveLength(16)
      expect(calls).toBe(i)
    }
  })

  test('a wrapper that throws at once, without a promise, fails like any other', async () => {
    const throwing: KeyWrapper = {
      ...remoteWrapper('a'),
      unwrap: () => {
        throw new KeyfoldError('ERR_KEY_DENIED', 'no')
      },
    }
    const cached = caching(throwing, { ttlMs: 1000 })
    expect(await codeOfAsync(cached.unwrap(wrapped(1), context))).toBe('ERR_KEY_DENIED')
    expect(await codeOfAsync(cached.unwrap(wrapped(1), context))).toBe('ERR_KEY_DENIED')
  })

  test('a caller who changes his buffer while the call is under way changes nothing', async () => {
    const { wrapper, hold, calls } = service()
    const go = hold()
    const cached = caching(wrapper, { ttlMs: 1000 })
    const [one, other] = [wrapped(1), wrapped(2)]
    const bytes = Uint8Array.from(one.bytes)
    const fetching = cached.unwrap({ ...one, bytes }, context)
    bytes.set(other.bytes)
    go()
    expect(hex(await fetching)).toBe(hex(dek(1)))
    expect(hex(await cached.unwrap(one, context))).toBe(hex(dek(1)))
    expect(calls).toHaveLength(1)
  })
})

describe('how long it is kept', () => {
  test('until its time is over, not longer for being used', async () => {
    const { wrapper, calls } = service()
    const cached = caching(wrapper, { ttlMs: 1000 })
    const one = wrapped(1)
    await cached.unwrap(one, context)
    vi.advanceTimersByTime(600)
    await cached.unwrap(one, context)
    vi.advanceTimersByTime(399)
    await cached.unwrap(one, context)
    expect(calls).toHaveLength(1)
    vi.advanceTimersByTime(1)
    await cached.unwrap(one, context)
    expect(calls).toHaveLength(2)
  })

  test('for so many uses, those that fetched it together among them', async () => {
    const { wrapper, calls, hold } = service()
    const cached = caching(wrapper, { ttlMs: 1000, maxUses: 3 })
    const one = wrapped(1)
    const ask = (): Promise<Uint8Array> => cached.unwrap(one, context)
    for (let i = 0; i < 3; i++) await ask()
    expect(calls).toHaveLength(1)
    await ask()
    expect(calls).toHaveLength(2)
    const go = hold()
    const others = [ask(), ask(), ask(), ask(), ask(), ask()]
    go()
    expect((await Promise.all(others)).map(hex)).toEqual(Array(6).fill(hex(dek(1))))
    // two are left of the second; of the other four, three share a call, and one begins another
    expect(calls).toHaveLength(4)
    await ask()
    await ask()
    expect(calls).toHaveLength(4)
    await ask()
    expect(calls).toHaveLength(5)
  })

  test('with one use, each caller has a call of his own', async () => {
    const { wrapper, calls } = service()
    const cached = caching(wrapper, { ttlMs: 1000, maxUses: 1 })
    const one = wrapped(1)
    await Promise.all([cached.unwrap(one, context), cached.unwrap(one, context)])
    await cached.unwrap(one, context)
    expect(calls).toHaveLength(3)
  })

  test.each([
    ['entries', { maxEntries: 3 }],
    ['bytes', { maxBytes: 3 * 256 + 255 }],
    ['the tighter of both', { maxEntries: 5, maxBytes: 3 * 256 }],
    ['the tighter of both, again', { maxEntries: 3, maxBytes: 5 * 256 }],
  ])('bounded by %s: the oldest gives way', async (_, limits) => {
    const { wrapper, calls } = service()
    const cached = caching(wrapper, { ttlMs: 1000, ...limits })
    const keys = [1, 2, 3, 4].map(wrapped)
    for (const key of keys) await cached.unwrap(key, context)
    for (const key of keys.slice(1)) await cached.unwrap(key, context)
    expect(calls).toHaveLength(4)
    await cached.unwrap(keys[0]!, context)
    expect(calls).toHaveLength(5)
  })

  test('by default 1000 keys and 1000 uses', async () => {
    const { wrapper, calls } = service()
    const cached = caching(wrapper, { ttlMs: 86_400_000 })
    const one = wrapped(1)
    for (let i = 0; i < 1000; i++) await cached.unwrap(one, context)
    expect(calls).toHaveLength(1)
    await cached.unwrap(one, context)
    expect(calls).toHaveLength(2)
    const contexts = Array.from({ length: 1000 }, (_, i) => canonicalContext({ id: `other ${i}` }))
    for (const other of contexts.slice(1)) await cached.unwrap(one, other)
    await cached.unwrap(one, context)
    expect(calls).toHaveLength(1001)
    await cached.unwrap(one, contexts[0]!)
    await cached.unwrap(one, context)
    expect(calls).toHaveLength(1003)
  })

  test('clear forgets all at once, and what is being fetched goes to those who wait alone', async () => {
    const { wrapper, calls, hold } = service()
    const cached = caching(wrapper, { ttlMs: 1000 })
    const one = wrapped(1)
    await cached.unwrap(one, context)
    cached.clear()
    const go = hold()
    const fetching = cached.unwrap(one, context)
    cached.clear()
    go()
    expect(hex(await fetching)).toBe(hex(dek(1)))
    expect(calls).toHaveLength(2)
    await cached.unwrap(one, context)
    expect(calls).toHaveLength(3)
  })

  test.each([
    ['ttlMs', [undefined, 0, 0.5, 86_400_001, '1', Number.NaN]],
    ['maxUses', [0, 1.5, 1_000_001, -1]],
    ['maxEntries', [0, 1_000_001]],
    ['maxBytes', [0, 255, Infinity]],
  ])('%s out of range is an argument', (name, values) => {
    for (const value of values) expect(codeOf(() => caching(good, { ttlMs: 1, [name]: value }))).toBe('ERR_ARGUMENT')
    expect(() => caching(good, { ttlMs: 1, [name]: values[0] === undefined ? 0 : values[0] })).toThrow(name)
  })

  test('the ends of each range are allowed', () => {
    for (const ttlMs of [1, 86_400_000])
      for (const many of [1, 1_000_000]) caching(good, { ttlMs, maxUses: many, maxEntries: many, maxBytes: 256 })
  })
})
