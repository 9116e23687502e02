import { inspect as print } from 'node:util'
import { afterEach, describe, expect, expectTypeOf, test, vi } from 'vitest'
import type { KeySource, SyncKeySource } from '../../src/index.ts'
import {
  createBranchKeys, createKeyring, inspect, memoryBranchKeyStore, open, openSync, openText, openTextSync, reencrypt, rewrap, seal, sealSync,
} from '../../src/index.ts'
import { codeOf, codeOfAsync, insecureKey, insecureKeyring, insecureWrapper } from '../keys.ts'
import { record, setting } from './support.ts'

afterEach(() => vi.useRealTimers())

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

describe('seal and open', () => {
  test('one call of the root seals and opens any number of records', async () => {
    const { root, open: process } = setting()
    const keys = process()
    for (let i = 0; i < 100; i++) {
      const context = record('7', String(i))
      expect(await openText(keys, await seal(keys, `note ${i}`, context), context)).toBe(`note ${i}`)
    }
    expect(root.calls).toEqual({ wrap: 1, unwrap: 0 })
  })

  test('a record is 118 bytes over its payload, and names its branch key alone', async () => {
    const { root, store, open: process } = setting()
    const envelope = await seal(process(), 'x'.repeat(256), record('7'))
    expect(envelope.length).toBe(256 + 118)
    const [stored] = await store.versions('7')
    expect(inspect(envelope).entries.map(({ keyId }) => keyId)).toEqual([hex(stored!.keyId)])
    expect(inspect(stored!.sealed!).keyId).toBe(hex(root.keyId))
  })

  test('another process with the root and the store opens them; one without the store, or without the root, does not', async () => {
    const { root, store, open: process } = setting()
    const envelope = await seal(process(), 'text', record('7'))
    expect(await openText(process(), envelope, record('7'))).toBe('text')
    expect(root.calls).toEqual({ wrap: 1, unwrap: 1 })
    expect(await codeOfAsync(open(process({ store: memoryBranchKeyStore() }), envelope, record('7')))).toBe('ERR_KEY_NOT_FOUND')
    expect(await codeOfAsync(open(createKeyring({ active: root }), envelope, record('7')))).toBe('ERR_KEY_NOT_FOUND')
    const stranger = createBranchKeys({ keyring: insecureKeyring('other'), store, partition: { by: 'tenant' } })
    expect(await codeOfAsync(open(stranger, envelope, record('7')))).toBe('ERR_KEY_NOT_FOUND')
  })

  test('partitions have keys of their own, and a record opens in its own context alone', async () => {
    const { store, open: process } = setting()
    const keys = process()
    const one = await seal(keys, 'text', record('1'))
    const other = await seal(keys, 'text', record('2'))
    expect(inspect(one).keyId).not.toBe(inspect(other).keyId)
    expect(await store.versions('1')).toHaveLength(1)
    expect(await store.versions('2')).toHaveLength(1)
    expect(await codeOfAsync(open(keys, one, record('2')))).toBe('ERR_NOT_AUTHENTIC')
  })

  test('one partition by name takes every record', async () => {
    const { store, open: process } = setting()
    const keys = process({ partition: 'all' })
    expect(keys.partitionOf({ id: '1' })).toBe('all')
    await seal(keys, 'a', { id: '1' })
    await seal(keys, 'b', record('7'))
    expect((await store.versions('all')).map(({ version }) => version)).toEqual([1])
  })

  test('what was sealed under the root itself opens, and moves to the branch key by rewrap', async () => {
    const { root, open: process } = setting()
    const direct = await seal(createKeyring({ active: root }), 'text', record('7'))
    const keys = process()
    expect(await openText(keys, direct, record('7'))).toBe('text')
    const moved = await rewrap(keys, direct, record('7'))
    expect(inspect(moved).entries).toHaveLength(1)
    expect(inspect(moved).keyId).not.toBe(hex(root.keyId))
    expect(await openText(process(), moved, record('7'))).toBe('text')
  })

  test('reencrypt gives a new data key under the branch key', async () => {
    const keys = setting().open()
    const envelope = await seal(keys, 'text', record('7'))
    const again = await reencrypt(keys, envelope, record('7'))
    expect(hex(again.subarray(-20))).not.toBe(hex(envelope.subarray(-20)))
    expect(await openText(keys, again, record('7'))).toBe('text')
  })

  test('recovery keys of the keyring wrap the branch key, and each of them opens alone', async () => {
    const store = memoryBranchKeyStore()
    const both = createKeyring({ active: insecureWrapper('a'), recovery: [insecureWrapper('b')] })
    const envelope = await seal(createBranchKeys({ keyring: both, store, partition: 'p' }), 'text', { id: '1' })
    for (const name of ['a', 'b']) {
      expect(await openText(createBranchKeys({ keyring: insecureKeyring(name), store, partition: 'p' }), envelope, { id: '1' })).toBe('text')
    }
  })

  test('a context without the pair that names the partition, or with a name that is none, is refused before a key is called', async () => {
    const { root, open: process } = setting()
    const keys = process()
    for (const context of [{ id: '1' }, record(''), record('x'.repeat(256))]) {
      expect(await codeOfAsync(seal(keys, 'text', context))).toBe('ERR_CONTEXT_INVALID')
      expect(codeOf(() => keys.partitionOf(context))).toBe('ERR_CONTEXT_INVALID')
    }
    expect(await codeOfAsync(seal(keys, 'text', record('x'.repeat(255))))).toBeUndefined()
    expect(root.calls.wrap).toBe(1)
  })

  test('with another keyring they open and seal the same records, with nothing at hand, their own limits, and none of the other’s keys', async () => {
    const { root, store, open: process } = setting()
    const keys = process({ maxKeys: 1, ttlMs: 5000 })
    const envelope = await seal(keys, 'text', record('7'))
    const other = insecureWrapper('next')
    const moved = keys.withKeyring(createKeyring({ active: other, decryptOnly: [root] }))
    expect(moved.store).toBe(store)
    expect(codeOf(() => openSync(moved, envelope, record('7')))).toBe('ERR_BRANCH_KEY_LOCKED')
    expect(await openText(moved, envelope, record('7'))).toBe('text')
    expect(root.calls).toEqual({ wrap: 1, unwrap: 1 })
    expect(await codeOfAsync(moved.unlock(['7', '8']))).toBe('ERR_LIMIT')
    expect(await codeOfAsync(open(keys.withKeyring(createKeyring({ active: other })), envelope, record('7')))).toBe('ERR_KEY_NOT_FOUND')
    moved.forget()
    expect(openTextSync(keys, envelope, record('7'))).toBe('text')
  })

  test('printing it shows no key', async () => {
    const { open: process } = setting()
    const keys = process()
    await seal(keys, 'text', record('7'))
    for (const shown of [print(keys, { depth: 9, showHidden: true }), JSON.stringify(keys)]) {
      expect(shown).not.toContain(hex(insecureKey('root')))
      expect(shown).not.toMatch(/Held|expiresAt|uses/)
    }
  })
})

describe('sync', () => {
  test('branch keys are a key source whose twins need no wait, by their type', () => {
    const keys = setting().open()
    expectTypeOf(keys).toExtend<SyncKeySource>()
    expectTypeOf(keys).toExtend<KeySource>()
  })

  test('without unlock both directions throw ERR_BRANCH_KEY_LOCKED with a hint; with it, neither calls the root', async () => {
    const { root, open: process } = setting()
    const envelope = await seal(process(), 'text', record('7'))
    const keys = process()
    expect(codeOf(() => sealSync(keys, 'text', record('7')))).toBe('ERR_BRANCH_KEY_LOCKED')
    expect(codeOf(() => openSync(keys, envelope, record('7')))).toBe('ERR_BRANCH_KEY_LOCKED')
    expect(root.calls).toEqual({ wrap: 1, unwrap: 0 })
    await keys.unlock(['7', '8', '7'])
    expect(root.calls).toEqual({ wrap: 2, unwrap: 1 })
    expect(openTextSync(keys, envelope, record('7'))).toBe('text')
    expect(openTextSync(keys, sealSync(keys, 'other', record('8')), record('8'))).toBe('other')
    expect(codeOf(() => sealSync(keys, 'text', record('9')))).toBe('ERR_BRANCH_KEY_LOCKED')
    expect(root.calls).toEqual({ wrap: 2, unwrap: 1 })
  })

  test('unlock has every version at hand, the newest seals', async () => {
    const { open: process } = setting()
    const writer = process()
    const old = await seal(writer, 'old', record('7'))
    await writer.rotate('7')
    const keys = process()
    await keys.unlock(['7'])
    expect(openTextSync(keys, old, record('7'))).toBe('old')
    expect(inspect(sealSync(keys, 'new', record('7'))).keyId).not.toBe(inspect(old).keyId)
  })

  test('with a key file as the root, the twins need unlock too', async () => {
    const keys = createBranchKeys({ keyring: insecureKeyring('a'), store: memoryBranchKeyStore(), partition: 'p' })
    expect(codeOf(() => sealSync(keys, 'text', { id: '1' }))).toBe('ERR_BRANCH_KEY_LOCKED')
    await keys.unlock(['p'])
    expect(openTextSync(keys, sealSync(keys, 'text', { id: '1' }), { id: '1' })).toBe('text')
  })

  test('more keys than maxKeys cannot be at hand at once', async () => {
    const { open: process } = setting()
    const keys = process({ maxKeys: 3 })
    await keys.unlock(['1', '2', '3'])
    expect(await codeOfAsync(process({ maxKeys: 3 }).unlock(['1', '2', '3', '4']))).toBe('ERR_LIMIT')
    await keys.rotate('1')
    expect(await codeOfAsync(process({ maxKeys: 3 }).unlock(['1', '2', '3']))).toBe('ERR_LIMIT')
  })

  test('unlock refuses names that are none', async () => {
    const keys = setting().open()
    for (const name of ['', 'x'.repeat(256), '\ud800', 7 as unknown as string]) expect(await codeOfAsync(keys.unlock([name]))).toBe('ERR_ARGUMENT')
  })
})

describe('time to live', () => {
  const TTL = 10_000

  test('a key is asked for again once its time is over: then a revocation is noticed', async () => {
    vi.useFakeTimers()
    const { root, open: process } = setting()
    const keys = process({ ttlMs: TTL })
    const envelope = await seal(keys, 'text', record('7'))
    root.fault = new Error('disabled')
    vi.advanceTimersByTime(TTL - 1)
    await seal(keys, 'text', record('7'))
    expect(await openText(keys, envelope, record('7'))).toBe('text')
    expect(root.calls).toEqual({ wrap: 1, unwrap: 0 })
    vi.advanceTimersByTime(1)
    expect(await codeOfAsync(seal(keys, 'text', record('7')))).toBe('ERR_KEY_UNAVAILABLE')
    expect(await codeOfAsync(open(keys, envelope, record('7')))).toBe('ERR_KEY_UNAVAILABLE')
    root.fault = undefined
    expect(await openText(keys, envelope, record('7'))).toBe('text')
    await seal(keys, 'text', record('7'))
    expect(root.calls).toEqual({ wrap: 1, unwrap: 3 })
  })

  test('sync calls are locked again after it, until the next unlock', async () => {
    vi.useFakeTimers()
    const { open: process } = setting()
    const keys = process({ ttlMs: TTL })
    await keys.unlock(['7'])
    const envelope = sealSync(keys, 'text', record('7'))
    vi.advanceTimersByTime(TTL)
    expect(codeOf(() => sealSync(keys, 'text', record('7')))).toBe('ERR_BRANCH_KEY_LOCKED')
    expect(codeOf(() => openSync(keys, envelope, record('7')))).toBe('ERR_BRANCH_KEY_LOCKED')
    await keys.unlock(['7'])
    expect(openTextSync(keys, envelope, record('7'))).toBe('text')
  })

  test('unlock asks again only where less than half of the time is left', async () => {
    vi.useFakeTimers()
    const { root, open: process } = setting()
    const keys = process({ ttlMs: TTL })
    await keys.unlock(['7'])
    await keys.rotate('7')
    const calls = { ...root.calls }
    vi.advanceTimersByTime(TTL / 2 - 1)
    await keys.unlock(['7'])
    expect(root.calls).toEqual(calls)
    vi.advanceTimersByTime(1)
    await keys.unlock(['7'])
    expect(root.calls).toEqual({ ...calls, unwrap: calls.unwrap + 2 })
    vi.advanceTimersByTime(TTL - 1)
    sealSync(keys, 'text', record('7'))
  })

  test('a new version of another process seals here once the time is over', async () => {
    vi.useFakeTimers()
    const { open: process } = setting()
    const keys = process({ ttlMs: TTL })
    const first = inspect(await seal(keys, 'text', record('7'))).keyId
    const { keyId } = await process().rotate('7')
    expect(inspect(await seal(keys, 'text', record('7'))).keyId).toBe(first)
    vi.advanceTimersByTime(TTL)
    expect(inspect(await seal(keys, 'text', record('7'))).keyId).toBe(hex(keyId))
  })

  test('a clock that is set back keeps no key alive', async () => {
    vi.useFakeTimers()
    const { root, open: process } = setting()
    const keys = process({ ttlMs: TTL })
    await seal(keys, 'text', record('7'))
    vi.setSystemTime(0)
    vi.advanceTimersByTime(TTL)
    await seal(keys, 'text', record('7'))
    expect(root.calls).toEqual({ wrap: 1, unwrap: 1 })
  })

  test('forget lets go of every key at once', async () => {
    const { root, open: process } = setting()
    const keys = process()
    const envelope = await seal(keys, 'text', record('7'))
    keys.forget()
    expect(codeOf(() => sealSync(keys, 'text', record('7')))).toBe('ERR_BRANCH_KEY_LOCKED')
    expect(codeOf(() => openSync(keys, envelope, record('7')))).toBe('ERR_BRANCH_KEY_LOCKED')
    expect(await openText(keys, envelope, record('7'))).toBe('text')
    expect(root.calls).toEqual({ wrap: 1, unwrap: 1 })
  })
})
