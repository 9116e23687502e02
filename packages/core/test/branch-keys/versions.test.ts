import { afterEach, describe, expect, test, vi } from 'vitest'
import { inspect, isKeyfoldError, memoryBranchKeyStore, open, openText, rewrap, seal, sealSync } from '../../src/index.ts'
import { codeOf, codeOfAsync } from '../keys.ts'
import { record, setting, storeLike } from './support.ts'

afterEach(() => vi.useRealTimers())

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

describe('limits of a version', () => {
  test('after maxUses a new version seals, and the old one opens', async () => {
    const { store, open: process } = setting()
    const keys = process({ maxUses: 3 })
    const sealed: Uint8Array[] = []
    for (let i = 0; i < 7; i++) sealed.push(await seal(keys, `${i}`, record('7')))
    const ids = sealed.map((envelope) => inspect(envelope).keyId)
    const versions = (await store.versions('7')).map(({ keyId }) => hex(keyId))
    expect(ids).toEqual([0, 0, 0, 1, 1, 1, 2].map((version) => versions[version]))
    for (const [i, envelope] of sealed.entries()) expect(await openText(keys, envelope, record('7'))).toBe(`${i}`)
  })

  test('uses go on counting when the time to live is over', async () => {
    vi.useFakeTimers()
    const { store, open: process } = setting()
    const keys = process({ maxUses: 3, ttlMs: 1000 })
    for (let i = 0; i < 4; i++) {
      await seal(keys, 'text', record('7'))
      vi.advanceTimersByTime(1000)
    }
    expect(await store.versions('7')).toHaveLength(2)
  })

  test('a sync call does not make a new version: it is locked until the next unlock', async () => {
    const { open: process } = setting()
    const keys = process({ maxUses: 2 })
    await keys.unlock(['7'])
    const first = inspect(sealSync(keys, 'text', record('7'))).keyId
    sealSync(keys, 'text', record('7'))
    expect(codeOf(() => sealSync(keys, 'text', record('7')))).toBe('ERR_BRANCH_KEY_LOCKED')
    await keys.unlock(['7'])
    expect(inspect(sealSync(keys, 'text', record('7'))).keyId).not.toBe(first)
  })

  test('a version of maxAge seals no more', async () => {
    vi.useFakeTimers()
    const { store, open: process } = setting()
    await seal(process(), 'text', record('7'))
    vi.advanceTimersByTime(60_000 - 1)
    await seal(process({ maxAgeMs: 60_000 }), 'text', record('7'))
    expect(await store.versions('7')).toHaveLength(1)
    const running = process({ maxAgeMs: 60_000 })
    await running.unlock(['7'])
    vi.advanceTimersByTime(1)
    expect(codeOf(() => sealSync(running, 'text', record('7')))).toBe('ERR_BRANCH_KEY_LOCKED')
    await seal(running, 'text', record('7'))
    expect((await store.versions('7')).map(({ version }) => version)).toEqual([1, 2])
  })

  test('by default a version lives for 90 days', async () => {
    vi.useFakeTimers()
    const { store, open: process } = setting()
    await seal(process(), 'text', record('7'))
    vi.advanceTimersByTime(90 * 86_400_000 - 1)
    await seal(process(), 'text', record('7'))
    expect(await store.versions('7')).toHaveLength(1)
    vi.advanceTimersByTime(1)
    await seal(process(), 'text', record('7'))
    expect(await store.versions('7')).toHaveLength(2)
  })

  test('versions below the minimum do not open, in both forms', async () => {
    const { open: process } = setting()
    const writer = process()
    const old = await seal(writer, 'old', record('7'))
    await writer.rotate('7')
    const young = await seal(writer, 'new', record('7'))
    for (const minimumVersion of [2, { '7': 2 }]) {
      const keys = process({ minimumVersion })
      expect(await codeOfAsync(open(keys, old, record('7')))).toBe('ERR_KEY_TOO_OLD')
      expect(await openText(keys, young, record('7'))).toBe('new')
      expect(await codeOfAsync(open(keys, old, record('7')))).toBe('ERR_KEY_TOO_OLD') // from what is at hand, too
    }
    expect(await openText(process({ minimumVersion: { '8': 2 } }), old, record('7'))).toBe('old')
    expect(await openText(process({ minimumVersion: JSON.parse('{"__proto__": 2}') as Record<string, number> }), old, record('7'))).toBe('old')
  })

  test.each([
    { ttlMs: 999 }, { ttlMs: 86_400_001 }, { ttlMs: 1000.5 }, { ttlMs: Number.NaN }, { maxKeys: 0 }, { maxKeys: 1_000_001 }, { maxUses: 0 },
    { maxUses: 2 ** 48 + 1 }, { maxAgeMs: 59_999 }, { maxAgeMs: 100 * 365 * 86_400_000 + 1 }, { minimumVersion: 0 }, { minimumVersion: { a: 0 } },
    { minimumVersion: 2 ** 31 + 1 }, { partition: '' }, { partition: { by: '' } }, { partition: undefined as unknown as string },
    { partition: { by: 7 } as unknown as string },
  ])('limits out of range are refused: %j', (options) => {
    expect(codeOf(() => setting().open(options))).toBe('ERR_ARGUMENT')
  })

  test.each([
    { ttlMs: 1000 }, { ttlMs: 86_400_000 }, { maxKeys: 1 }, { maxKeys: 1_000_000 }, { maxUses: 1 }, { maxUses: 2 ** 48 }, { maxAgeMs: 60_000 },
    { maxAgeMs: 100 * 365 * 86_400_000 }, { minimumVersion: 1 }, { minimumVersion: 2 ** 31 },
  ])('limits at the edge are taken: %j', (options) => {
    expect(codeOf(() => setting().open(options))).toBeUndefined()
  })
})

describe('rotation of a branch key', () => {
  test('rotate tells the new version; rewrap moves a record to it, body and all else unchanged', async () => {
    const { open: process } = setting()
    const keys = process()
    const old = await seal(keys, 'text', record('7'))
    const { version, keyId } = await keys.rotate('7')
    expect(version).toBe(2)
    const moved = await rewrap(keys, old, record('7'))
    expect(inspect(moved).keyId).toBe(hex(keyId))
    expect(hex(moved.subarray(-20))).toBe(hex(old.subarray(-20)))
    expect(await openText(process(), moved, record('7'))).toBe('text')
  })

  test('a hundred who rotate at once make one version', async () => {
    const { root, store, open: process } = setting()
    const keys = process()
    const versions = await Promise.all(Array.from({ length: 100 }, () => keys.rotate('7')))
    expect(new Set(versions.map(({ version }) => version))).toEqual(new Set([1]))
    expect(await store.versions('7')).toHaveLength(1)
    expect(root.calls.wrap).toBe(1)
  })

  test('a load that began before a rotation does not bring the old version back', async () => {
    vi.useFakeTimers()
    const { open: process } = setting()
    const keys = process({ ttlMs: 1000 })
    await seal(keys, 'text', record('7'))
    vi.advanceTimersByTime(1000)
    const [, { keyId }] = await Promise.all([seal(keys, 'text', record('7')), keys.rotate('7')])
    expect(inspect(await seal(keys, 'text', record('7'))).keyId).toBe(hex(keyId))
  })
})

describe('a slow answer of the store', () => {
  test('from before a rotation is no rollback, and does not bring the old version back', async () => {
    vi.useFakeTimers()
    const store = memoryBranchKeyStore()
    let gate: Promise<void> | undefined
    const slow = storeLike(() => store, {
      versions: async (partition) => {
        const [answer, waiting] = [store.versions(partition), gate]
        gate = undefined
        await waiting
        return answer
      },
    })
    const keys = setting(slow).open({ ttlMs: 1000 })
    await seal(keys, 'text', record('7'))
    vi.advanceTimersByTime(1000)
    let release = (): void => undefined
    gate = new Promise((resolve) => (release = resolve))
    const sealing = seal(keys, 'text', record('7'))
    const { keyId } = await keys.rotate('7')
    release()
    expect(inspect(await sealing).keyId).toBe(hex(keyId))
    expect(inspect(await seal(keys, 'text', record('7'))).keyId).toBe(hex(keyId))
  })
})

describe('crypto-shredding', () => {
  test('a destroyed partition does not open and does not seal, here at once and elsewhere after the time to live', async () => {
    vi.useFakeTimers()
    const { root, store, open: process } = setting()
    const keys = process()
    const elsewhere = process({ ttlMs: 5000 })
    const envelope = await seal(keys, 'text', record('7'))
    await keys.rotate('7')
    const kept = await seal(keys, 'text', record('8'))
    await open(elsewhere, envelope, record('7'))
    const receipt = await keys.destroy('7')
    expect(receipt).toMatchObject({ partition: '7', masterKeyIds: [hex(root.keyId)] })
    expect(receipt.keyIds).toEqual((await store.versions('7')).map(({ keyId }) => hex(keyId)))
    expect(receipt.keyIds).toHaveLength(2)
    expect(Date.parse(receipt.cachesExpireAt) - Date.parse(receipt.destroyedAt)).toBe(300_000)
    expect(receipt.conditions).toEqual([expect.stringMatching(/forgotten/), expect.stringMatching(/no copy of the store .*master keys .*are destroyed/)])
    expect(JSON.stringify(receipt)).not.toContain('text')
    expect(await codeOfAsync(open(keys, envelope, record('7')))).toBe('ERR_BRANCH_KEY_DESTROYED')
    expect(await codeOfAsync(seal(keys, 'text', record('7')))).toBe('ERR_BRANCH_KEY_DESTROYED')
    expect(await codeOfAsync(keys.rotate('7'))).toBe('ERR_BRANCH_KEY_DESTROYED')
    expect(await codeOfAsync(keys.unlock(['7']))).toBe('ERR_BRANCH_KEY_DESTROYED')
    expect(await openText(elsewhere, envelope, record('7'))).toBe('text')
    vi.advanceTimersByTime(5000)
    expect(await codeOfAsync(open(elsewhere, envelope, record('7')))).toBe('ERR_BRANCH_KEY_DESTROYED')
    expect(await openText(keys, kept, record('8'))).toBe('text')
  })

  test('again it gives the receipt again; a partition without a key is an error', async () => {
    const { open: process } = setting()
    const keys = process()
    await seal(keys, 'text', record('7'))
    const { keyIds } = await keys.destroy('7')
    expect(await keys.destroy('7')).toMatchObject({ keyIds, masterKeyIds: [] })
    expect(await codeOfAsync(keys.destroy('8'))).toBe('ERR_KEY_NOT_FOUND')
    expect(await codeOfAsync(keys.destroy(''))).toBe('ERR_ARGUMENT')
  })

  test('a version that another process makes in the same moment is destroyed with the others', async () => {
    const { store, open: process } = setting()
    await seal(process(), 'text', record('7'))
    const [made, receipt] = await Promise.allSettled([process().rotate('7'), process().destroy('7')])
    expect(receipt.status).toBe('fulfilled')
    if (made.status === 'rejected') expect(isKeyfoldError(made.reason, 'ERR_BRANCH_KEY_DESTROYED')).toBe(true)
    expect(await codeOfAsync(seal(process(), 'text', record('7')))).toBe('ERR_BRANCH_KEY_DESTROYED')
    expect((await store.versions('7')).some(({ sealed }) => sealed === null)).toBe(true)
  })
})
