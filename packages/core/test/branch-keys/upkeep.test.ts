import { describe, expect, test } from 'vitest'
import type { BranchKeyProgress, KeyWrapper } from '../../src/index.ts'
import { createBranchKeys, createKeyring, inspect, listBranchKeys, memoryBranchKeyStore, openText, rewrapBranchKeys, seal } from '../../src/index.ts'
import { codeOfAsync, insecureKeyring, insecureService } from '../keys.ts'
import { countingWrapper, record, setting, storeLike } from './support.ts'

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

async function filled(partitions: number) {
  const made = setting()
  const keys = made.open()
  const envelopes = []
  for (let i = 0; i < partitions; i++) envelopes.push(await seal(keys, `${i}`, record(String(i))))
  return { ...made, envelopes }
}

describe('rotating the root', () => {
  test('rewraps the branch keys alone: two calls each, whatever the number of records; they open without the old root', async () => {
    const { root, store, envelopes } = await filled(600)
    const next = countingWrapper('next')
    root.calls.unwrap = 0
    const progress = await all(rewrapBranchKeys(createKeyring({ active: next, decryptOnly: [root] }), store))
    expect(progress.map(({ seen }) => seen)).toEqual([256, 512, 600])
    expect(progress.at(-1)).toEqual({ seen: 600, rewrapped: 600, current: 0, destroyed: 0, changed: 0, failed: [] })
    expect([root.calls.unwrap, next.calls.wrap, next.calls.unwrap]).toEqual([600, 600, 0])
    const after = createBranchKeys({ keyring: createKeyring({ active: next }), store, partition: { by: 'tenant' } })
    for (const [i, envelope] of envelopes.entries()) expect(await openText(after, envelope, record(String(i)))).toBe(`${i}`)
    for (const { sealed } of await store.versions('7')) expect(inspect(sealed!).entries.map(({ keyId }) => keyId)).toEqual([hex(next.keyId)])
  })

  test('leaves the moving to this process, unless the caller says otherwise', async () => {
    const service = insecureService()
    const [from, to] = [service.wrapper('from'), service.wrapper('to')]
    const store = memoryBranchKeyStore()
    await createBranchKeys({ keyring: createKeyring({ active: from }), store, partition: 'p' }).rotate('p')
    const keyring = createKeyring({ active: to, decryptOnly: [from] })
    await all(rewrapBranchKeys(keyring, store))
    expect(service.asked.map(([verb]) => verb)).toEqual(['wrap', 'unwrap', 'wrap'])
    await all(rewrapBranchKeys(createKeyring({ active: from, decryptOnly: [to] }), store, { within: true }))
    expect(service.asked.slice(3).map(([verb]) => verb)).toEqual(['rewrapTo'])
  })

  test('again, it does nothing; the totals are what the generator ends with', async () => {
    const { root, store } = await filled(3)
    const keyring = createKeyring({ active: root })
    const calls = { ...root.calls }
    const work = rewrapBranchKeys(keyring, store)
    expect((await work.next()).value).toMatchObject({ seen: 3, current: 3, rewrapped: 0 })
    expect(await work.next()).toEqual({ done: true, value: { seen: 3, rewrapped: 0, current: 3, destroyed: 0, changed: 0, failed: [] } })
    expect(root.calls).toEqual(calls)
    expect(await all(rewrapBranchKeys(keyring, memoryBranchKeyStore()))).toEqual([])
  })

  test('one bad row is reported and holds up no other; destroyed ones are counted', async () => {
    const { root, store, open } = await filled(4)
    await open().destroy('0')
    const [altered] = await store.versions('1')
    await store.replace(altered!, altered!.sealed!.map((byte, i) => (i === 30 ? byte ^ 1 : byte)))
    const [garbage] = await store.versions('2')
    await store.replace(garbage!, new Uint8Array(9))
    await createBranchKeys({ keyring: insecureKeyring('lost'), store, partition: 'lost' }).rotate('lost')
    const keyring = createKeyring({ active: countingWrapper('next'), decryptOnly: [root] })
    const totals = (await all(rewrapBranchKeys(keyring, store))).at(-1)!
    expect(totals).toMatchObject({ seen: 5, rewrapped: 1, current: 0, destroyed: 1, changed: 0 })
    expect(new Map(totals.failed.map(({ keyId, code }) => [keyId, code]))).toEqual(
      new Map([
        [hex(altered!.keyId), 'ERR_BRANCH_KEY_STORE'],
        [hex(garbage!.keyId), 'ERR_BRANCH_KEY_STORE'],
        [hex((await store.versions('lost'))[0]!.keyId), 'ERR_KEY_NOT_FOUND'],
      ]),
    )
    const states = (await all(listBranchKeys(store))).map(({ state }) => state).sort()
    expect(states).toEqual(['destroyed', 'live', 'live', 'live', 'malformed'])
  })

  test('a key service that is down ends it with its error; what was done stays, and the next call goes on', async () => {
    const { root, store } = await filled(40)
    const next = countingWrapper('next')
    const keyring = createKeyring({ active: next, decryptOnly: [root] })
    const { unwrap } = root
    let calls = 0
    const flaky: KeyWrapper = {
      ...root,
      unwrap: async (...args) => {
        if (++calls > 20) throw new Error('down')
        return unwrap(...args)
      },
    }
    expect(await codeOfAsync(all(rewrapBranchKeys(createKeyring({ active: next, decryptOnly: [flaky] }), store)))).toBe('ERR_KEY_UNAVAILABLE')
    const [{ current, rewrapped }] = (await all(rewrapBranchKeys(keyring, store))) as [BranchKeyProgress]
    expect([current, rewrapped]).toEqual([20, 20])
  })

  test('a key that another process changes in the same moment is told, and not overwritten', async () => {
    const { root, store } = await filled(1)
    const racing = storeLike(() => store, { replace: () => false })
    const keyring = createKeyring({ active: countingWrapper('next'), decryptOnly: [root] })
    expect((await all(rewrapBranchKeys(keyring, racing))).at(-1)).toMatchObject({ changed: 1, rewrapped: 0 })
  })

  test('it stops at a signal', async () => {
    const { root, store } = await filled(300)
    const next = countingWrapper('next')
    const stop = new AbortController()
    const work = rewrapBranchKeys(createKeyring({ active: next, decryptOnly: [root] }), store, { signal: stop.signal })
    expect((await work.next()).value).toMatchObject({ seen: 256 })
    stop.abort()
    expect(await codeOfAsync(work.next())).toBe('ERR_INTERRUPTED')
    expect(next.calls.wrap).toBe(256)
  })
})

describe('the list', () => {
  test('says which master key each is under, without a key', async () => {
    const { root, store, open } = await filled(2)
    await open().rotate('0')
    await open().destroy('1')
    const keys = await all(listBranchKeys(store))
    expect(keys.map(({ keyId }) => keyId)).toEqual(keys.map(({ keyId }) => keyId).sort())
    const found = keys.map(({ partition, version, state, masterKeyIds }) => [partition, version, state, ...masterKeyIds].join(' ')).sort()
    expect(found).toEqual([`0 1 live ${hex(root.keyId)}`, `0 2 live ${hex(root.keyId)}`, '1 1 destroyed'])
    expect(keys[0]).toHaveProperty('createdAt')
    expect(keys[0]).not.toHaveProperty('sealed')
  })
})
