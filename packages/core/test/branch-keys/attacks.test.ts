import { describe, expect, test } from 'vitest'
import type { BranchKeyStore, KeyWrapper, StoredBranchKey } from '../../src/index.ts'
import { createKeyring, isKeyfoldError, memoryBranchKeyStore, open, openText, seal, sealSync } from '../../src/index.ts'
import { codeOf, codeOfAsync } from '../keys.ts'
import { record, setting, storeLike } from './support.ts'

/** A store whose rows somebody edits on their way out. */
function edited(edit: (key: StoredBranchKey, all: BranchKeyStore) => StoredBranchKey | undefined | Promise<StoredBranchKey | undefined>) {
  const store = memoryBranchKeyStore()
  const editing = storeLike(() => store, {
    find: async (keyId) => {
      const found = store.find(keyId)
      return found && edit(found, store)
    },
    versions: async (partition) => {
      const edits = await Promise.all(store.versions(partition).map(async (key) => edit(key, store)))
      return edits.filter((key) => key !== undefined)
    },
  })
  const cheated = (root: KeyWrapper) => setting(editing).open({ keyring: createKeyring({ active: root }) })
  return { honest: setting(store), cheated }
}

const flipped = (bytes: Uint8Array, at: number): Uint8Array => bytes.map((byte, i) => (i === at ? byte ^ 1 : byte))

describe('a row of the store that was changed', () => {
  const changes: ReadonlyArray<[what: string, edit: Parameters<typeof edited>[0], code?: string]> = [
    ['a bit of its body', (key) => ({ ...key, sealed: flipped(key.sealed!, key.sealed!.length - 1) })],
    ['a bit of its commitment', (key) => ({ ...key, sealed: flipped(key.sealed!, 70) })],
    ['a bit of its wrapped key', (key) => ({ ...key, sealed: flipped(key.sealed!, 30) })],
    ['its magic', (key) => ({ ...key, sealed: flipped(key.sealed!, 0) })],
    ['its version byte', (key) => ({ ...key, sealed: flipped(key.sealed!, 2) })],
    ['its suite', (key) => ({ ...key, sealed: flipped(key.sealed!, 3) })],
    ['its flags', (key) => ({ ...key, sealed: flipped(key.sealed!, 4) })],
    ['a count of 17 entries', (key) => ({ ...key, sealed: key.sealed!.map((byte, i) => (i === 5 ? 17 : byte)) })],
    ['cut', (key) => ({ ...key, sealed: key.sealed!.subarray(0, 100) })],
    ['empty', (key) => ({ ...key, sealed: new Uint8Array() })],
    ['its master key’s id', (key) => ({ ...key, sealed: flipped(key.sealed!, 8) }), 'ERR_KEY_NOT_FOUND'],
    ['its time', (key) => ({ ...key, createdAt: key.createdAt + 1 })],
    ['its version', (key) => ({ ...key, version: key.version + 1 })],
    ['a version that is no number', (key) => ({ ...key, version: Number.NaN })],
    ['version 0', (key) => ({ ...key, version: 0 })],
    ['its partition', (key) => ({ ...key, partition: '8' })],
    ['a partition with a lone surrogate', (key) => ({ ...key, partition: '\ud800' })],
    ['its key id', (key) => ({ ...key, keyId: flipped(key.keyId, 3) })],
    ['the row of another partition in its place', async (_, all) => (await all.versions('8'))[0]],
    [
      'the sealed key of another partition in it',
      async (key, all) => ({ ...key, sealed: (await all.versions('8'))[0]!.sealed }),
    ],
    ['destroyed', (key) => ({ ...key, sealed: null }), 'ERR_BRANCH_KEY_DESTROYED'],
  ]
  test.each(changes)('%s: neither opens nor seals', async (_, edit, code = 'ERR_BRANCH_KEY_STORE') => {
    const { honest, cheated } = edited(edit)
    const writer = honest.open()
    const envelope = await seal(writer, 'text', record('7'))
    await seal(writer, 'text', record('8'))
    expect(await codeOfAsync(open(cheated(honest.root), envelope, record('7')))).toBe(code)
    expect(await codeOfAsync(seal(cheated(honest.root), 'text', record('7')))).toBe(code)
    expect(await honest.store.versions('7')).toHaveLength(1)
    expect(await openText(honest.open(), envelope, record('7'))).toBe('text')
  })

  test('versions out of order are refused', async () => {
    const { honest } = edited((key) => key)
    await honest.open().rotate('7')
    await honest.open().rotate('7')
    const store = storeLike(() => honest.store, { versions: async () => [...(await honest.store.versions('7'))].toReversed() })
    const keys = setting(store).open({ keyring: createKeyring({ active: honest.root }) })
    expect(await codeOfAsync(seal(keys, 'x', record('7')))).toBe('ERR_BRANCH_KEY_STORE')
  })

  test('deleted: its records are not opened, and a process that knew it makes no other in its place', async () => {
    const { root, store, open: process } = setting()
    const keys = process({ store })
    const envelope = await seal(keys, 'text', record('7'))
    const emptied = memoryBranchKeyStore()
    let current = store
    const replaced = storeLike(() => current)
    const running = setting(replaced).open({ keyring: createKeyring({ active: root }), maxUses: 2 })
    await seal(running, 'text', record('7'))
    await seal(running, 'text', record('7'))
    current = emptied
    expect(await codeOfAsync(seal(running, 'text', record('7')))).toBe('ERR_BRANCH_KEY_STORE')
    running.forget()
    expect(await codeOfAsync(open(running, envelope, record('7')))).toBe('ERR_KEY_NOT_FOUND')
    expect(emptied.versions('7')).toEqual([])
  })

  test('rolled back to before a newer version: noticed by a process that sealed under that', async () => {
    const { root, store, open: process } = setting()
    await seal(process(), 'text', record('7'))
    const before = memoryBranchKeyStore()
    before.insert((await store.versions('7'))[0]!)
    let current = store
    const replaced = storeLike(() => current)
    const running = setting(replaced).open({ keyring: createKeyring({ active: root }), maxUses: 1 })
    await running.rotate('7')
    await seal(running, 'text', record('7'))
    current = before
    const error: unknown = await seal(running, 'text', record('7')).catch((thrown: unknown) => thrown)
    expect(isKeyfoldError(error, 'ERR_BRANCH_KEY_STORE')).toBe(true)
    expect((error as Error).message).toMatch(/version 2/)
  })
})

describe('a store that fails or lies', () => {
  const failing = (method: keyof BranchKeyStore, result: unknown): BranchKeyStore => {
    const store = memoryBranchKeyStore()
    const answer = (): unknown => {
      if (result instanceof Error) throw result
      return result
    }
    return storeLike(() => store, { [method]: answer })
  }

  test('one that throws is out of reach: the record is not called damaged, and the cause is there', async () => {
    const cause = new Error('disk')
    for (const method of ['versions', 'insert'] as const) {
      const error: unknown = await seal(setting(failing(method, cause)).open(), 'text', record('7')).catch((thrown: unknown) => thrown)
      expect(isKeyfoldError(error, 'ERR_KEY_UNAVAILABLE')).toBe(true)
      expect((error as Error).cause).toBe(cause)
    }
    const { root, open: process } = setting()
    const envelope = await seal(process(), 'text', record('7'))
    const keyring = createKeyring({ active: root })
    expect(await codeOfAsync(open(setting(failing('find', cause)).open({ keyring }), envelope, record('7')))).toBe('ERR_KEY_UNAVAILABLE')
  })

  test('one that says it kept a key and did not seals nothing', async () => {
    for (const kept of [true, false]) {
      expect(await codeOfAsync(seal(setting(failing('insert', kept)).open(), 'text', record('7')))).toBe('ERR_BRANCH_KEY_STORE')
    }
  })

  test('one that keeps no new version does not pass for one that was rotated', async () => {
    const store = memoryBranchKeyStore()
    const keys = setting(storeLike(() => store, { insert: (key) => key.version === 1 && store.insert(key) })).open()
    await seal(keys, 'text', record('7'))
    await expect(keys.rotate('7')).rejects.toMatchObject({ code: 'ERR_BRANCH_KEY_STORE', message: 'the store did not keep a new branch key' })
  })

  test('one that keeps something else than it was given seals nothing', async () => {
    const store = memoryBranchKeyStore()
    const altering = storeLike(() => store, { insert: (key) => store.insert({ ...key, sealed: flipped(key.sealed!, key.sealed!.length - 1) }) })
    expect(await codeOfAsync(seal(setting(altering).open(), 'text', record('7')))).toBe('ERR_BRANCH_KEY_STORE')
  })

  test('one that never destroys ends in an error, not in a receipt', async () => {
    const store = failing('replace', true)
    const keys = setting(store).open()
    await seal(keys, 'text', record('7'))
    expect(await codeOfAsync(keys.destroy('7'))).toBe('ERR_BRANCH_KEY_STORE')
  })

  test('a key service that is down leaves nothing behind: the next call succeeds', async () => {
    const { root, store, open: process } = setting()
    const keys = process()
    root.fault = new Error('down')
    expect(await codeOfAsync(seal(keys, 'text', record('7')))).toBe('ERR_KEY_UNAVAILABLE')
    expect(await store.versions('7')).toEqual([])
    root.fault = undefined
    expect(await openText(keys, await seal(keys, 'text', record('7')), record('7'))).toBe('text')
  })
})

describe('abuse 41: races and evictions', () => {
  test('a hundred callers on a cold cache make one key and one call; every envelope opens', async () => {
    const { root, store, open: process } = setting()
    const keys = process()
    const envelopes = await Promise.all(Array.from({ length: 100 }, (_, i) => seal(keys, `${i}`, record('7', String(i)))))
    expect(root.calls).toEqual({ wrap: 1, unwrap: 0 })
    expect(await store.versions('7')).toHaveLength(1)
    const cold = process()
    const texts = await Promise.all(envelopes.map((envelope, i) => openText(cold, envelope, record('7', String(i)))))
    expect(texts).toEqual(envelopes.map((_, i) => `${i}`))
    expect(root.calls).toEqual({ wrap: 1, unwrap: 1 })
  })

  test('sealing and opening at once on a cold cache share the one call', async () => {
    const { root, open: process } = setting()
    const envelope = await seal(process(), 'text', record('7'))
    const cold = process()
    await Promise.all([seal(cold, 'a', record('7')), open(cold, envelope, record('7')), cold.unlock(['7']), seal(cold, 'b', record('7'))])
    expect(root.calls).toEqual({ wrap: 1, unwrap: 1 })
  })

  test('ten processes race for a partition: one version is made, and every envelope opens everywhere', async () => {
    const { store, open: process } = setting()
    const processes = Array.from({ length: 10 }, () => process())
    const envelopes = await Promise.all(processes.flatMap((keys) => [1, 2, 3].map(() => seal(keys, 'text', record('7')))))
    expect(await store.versions('7')).toHaveLength(1)
    for (const keys of processes) for (const envelope of envelopes) expect(await openText(keys, envelope, record('7'))).toBe('text')
  })

  test('a key that is evicted while calls use it still seals and opens what they began', async () => {
    const { open: process } = setting()
    const keys = process({ maxKeys: 1 })
    const tenants = Array.from({ length: 200 }, (_, i) => String(i % 20))
    const envelopes = await Promise.all(tenants.map((tenant) => seal(keys, tenant, record(tenant))))
    const texts = await Promise.all(envelopes.map((envelope, i) => openText(keys, envelope, record(tenants[i]!))))
    expect(texts).toEqual(tenants)
  })

  test('what is evicted is asked for again, and no more than maxKeys are at hand', async () => {
    const { root, open: process } = setting()
    const keys = process({ maxKeys: 2 })
    for (const tenant of ['1', '2', '1', '3', '1']) await seal(keys, 'text', record(tenant))
    expect(root.calls).toEqual({ wrap: 3, unwrap: 0 }) // 1 was used last, so 2 made room for 3
    await seal(keys, 'text', record('2'))
    expect(root.calls).toEqual({ wrap: 3, unwrap: 1 })
    expect(codeOf(() => sealSync(keys, 'text', record('3')))).toBe('ERR_BRANCH_KEY_LOCKED')
    expect(codeOf(() => sealSync(keys, 'text', record('1')))).toBeUndefined()
  })
})
