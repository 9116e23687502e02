import type { BranchKeyStore, KeyUse, KeyWrapper } from '@keyfold/core'
import { createBranchKeys, createKeyring, KeyfoldError, sealSync } from '@keyfold/core'
import { describe, expect, test } from 'vitest'
import { census, plan, rotate, status, verify } from '../../src/index.ts'
import type { Branched } from './branched.ts'
import { bodies, BY_TABLE, fresh, keyIds, openedUnder, remote, sealed, versions } from './branched.ts'
import { codeOf, names, refusalOf } from './fixtures.ts'

describe('a rotation under branch keys', () => {
  test('seals plaintext under the branch key of its partition, with two calls of the key service', async () => {
    const b = await fresh(500)
    const { calls, wrapper } = remote(b.keyring('q3').active)
    const keys = b.branched(createKeyring({ active: wrapper }))
    const made = await plan({ stores: [b.store], keyring: keys })
    expect(await versions(b)).toEqual([])
    calls.count = 0
    const report = await rotate({ stores: [b.store], keyring: keys, ledger: b.ledger, plan: made })
    expect(report).toMatchObject({ outcome: 'done', sealed: 1000, branchKeys: { rewrapped: 0, renewed: 0, failed: [] } })
    expect(calls.count).toBeGreaterThan(0)
    expect(calls.count).toBeLessThanOrEqual(2)
    expect(calls.count).toBeLessThanOrEqual(made.remoteKeyCalls)
    expect(await versions(b)).toEqual(['customers v1 live'])
    expect(report.census[0]).toMatchObject({ byKey: { 'key-file:q3': 500 } })
    expect(await openedUnder(b.store, b.branched(b.keyring('q3')))).toEqual(names(500))
  })

  test('of the master key rewraps the branch keys and leaves every record alone; the calls go with the branch keys', async () => {
    const b = await sealed(300)
    const { batches } = b.store
    const before = new Map(b.store.cells.get('email'))
    const [old, next] = [remote(b.keyring('q3').active), remote(b.keyring('q4').active)]
    const keys = b.branched(createKeyring({ active: next.wrapper, decryptOnly: [old.wrapper] }))
    const made = await plan({ stores: [b.store], keyring: keys, ledger: b.ledger })
    expect(made).toMatchObject({ totals: { seal: 0, rewrap: 0, blocked: 0 }, branchKeys: { live: 1, rewrap: 1, renew: 0 } })
    // one each for the branch key, and one each for the ledger's own
    expect(made.keyCalls).toEqual({ 'key-file:q3': 2, 'key-file:q4': 2 })
    ;[old.calls.count, next.calls.count] = [0, 0]
    const report = await rotate({ stores: [b.store], keyring: keys, ledger: b.ledger, plan: made })
    expect(report).toMatchObject({ outcome: 'done', target: 'key-file:q4', sealed: 0, rewrapped: 0, branchKeys: { rewrapped: 1 } })
    expect([old.calls.count, next.calls.count]).toEqual([2, 2])
    expect(b.store.batches).toBe(batches)
    expect(b.store.cells.get('email')).toEqual(before)
    expect(await openedUnder(b.store, b.branched(b.keyring('q4')))).toEqual(names(300))
    expect(await rotate({ stores: [b.store], keyring: keys, ledger: b.ledger })).toMatchObject({ outcome: 'done', branchKeys: { rewrapped: 0 } })
  })

  test('moves the records of a partition to its newest version, and leaves the others alone', async () => {
    const b = await sealed(20)
    const keys = b.branched(b.keyring('q3'))
    const bodiesBefore = bodies(b.store)
    const { version, keyId } = await keys.rotate('customers')
    expect(version).toBe(2)
    const options = { stores: [b.store], keyring: keys, ledger: b.ledger }
    expect((await status(options)).stores[0]).toMatchObject({ byKey: { 'key-file:q3': 20 }, behind: 20 })
    const made = await plan(options)
    expect(made).toMatchObject({ totals: { rewrap: 40 }, branchKeys: { rewrap: 0 }, keyCalls: { 'key-file:q3': 3 } })
    expect(await rotate({ ...options, plan: made, batch: 7 })).toMatchObject({ outcome: 'done', rewrapped: 40 })
    expect(keyIds(b.store)).toEqual(new Set([Buffer.from(keyId).toString('hex')]))
    expect(bodies(b.store)).toEqual(bodiesBefore)
    expect((await status(options)).stores[0]).not.toHaveProperty('behind')
    expect(await rotate(options)).toMatchObject({ outcome: 'done', rewrapped: 0, passes: 1 })
    expect(Math.max(...b.store.updates.values())).toBe(2)
  })

  test('puts records from before branch keys, sealed under a master key, under theirs', async () => {
    const b = await fresh(20)
    await rotate({ stores: [b.store], keyring: b.keyring('q3'), ledger: b.ledger })
    const options = { stores: [b.store], keyring: b.branched(b.keyring('q4', 'q3')), ledger: b.ledger }
    expect(await plan(options)).toMatchObject({ totals: { rewrap: 40 }, keyCalls: { 'key-file:q3': 41 } })
    expect(await rotate(options)).toMatchObject({ outcome: 'done', rewrapped: 40, reencrypted: 0 })
    expect(await census({ stores: [b.store], keyring: options.keyring })).toMatchObject([{ byKey: { 'key-file:q4': 20 } }, {}])
    expect(await openedUnder(b.store, b.branched(b.keyring('q4')))).toEqual(names(20))
  })

  test.each([['one for all', 'payroll'], ['by column', { by: 'column' }], ['by row', { by: 'id' }]] as const)(
    'converges whatever the partition was before: %s',
    async (_, partition) => {
      const b = await sealed(30)
      const options = { stores: [b.store], keyring: b.branched(b.keyring('q3'), partition), ledger: b.ledger, batch: 8 }
      expect(await rotate(options)).toMatchObject({ outcome: 'done', rewrapped: 60, pending: 0 })
      expect(await rotate(options)).toMatchObject({ outcome: 'done', rewrapped: 0 })
      expect(await verify({ ...options, full: true })).toMatchObject({ opened: 60, failed: { total: 0 }, destroyed: 0 })
      // one branch key for 30 rows of both columns, two, or one a row; and the one from before
      expect(await versions(b)).toHaveLength(1 + { payroll: 1, column: 2, id: 30 }[typeof partition === 'string' ? partition : partition.by])
      expect(Math.max(...b.store.updates.values())).toBe(2)
    },
  )

  test('abuse 30: stopped after any batch, a second run finishes, and no cell is written twice', async () => {
    for (let stop = 1; stop <= 6; stop++) {
      const b = await sealed(20)
      await b.branched(b.keyring('q3')).rotate('customers')
      const options = { stores: [b.store], keyring: b.branched(b.keyring('q4', 'q3')), ledger: b.ledger, batch: 7 }
      const controller = new AbortController()
      const start = b.store.batches
      b.store.onWrite = () => (b.store.batches + 1 === start + stop ? controller.abort() : undefined)
      const cut = await rotate({ ...options, signal: controller.signal })
      b.store.onWrite = undefined
      const rest = await rotate(options)
      expect(rest).toMatchObject({ outcome: 'done', pending: 0 })
      expect(cut.rewrapped + rest.rewrapped).toBe(40)
      expect(Math.max(...b.store.updates.values())).toBe(2)
      expect(await openedUnder(b.store, b.branched(b.keyring('q4')))).toEqual(names(20))
    }
  })

  test('abuse 30: an abort before or within the branch keys ends as interrupted, and the next run goes on', async () => {
    const b = await fresh(1)
    const many = b.branched(b.keyring('q3'), { by: 'tenant' })
    await many.unlock(Array.from({ length: 300 }, (_, i) => `tenant ${i}`))
    const controller = new AbortController()
    const list = b.keyStore.list.bind(b.keyStore)
    let pages = 0
    const keyStore: BranchKeyStore = Object.assign(Object.create(b.keyStore) as BranchKeyStore, {
      name: 'memory',
      versions: b.keyStore.versions.bind(b.keyStore),
      find: b.keyStore.find.bind(b.keyStore),
      insert: b.keyStore.insert.bind(b.keyStore),
      replace: b.keyStore.replace.bind(b.keyStore),
      // two pages for the view at the beginning, then the first of the rewrap
      list: (options: Parameters<typeof list>[0]) => (++pages === 4 && controller.abort(), list(options)),
    })
    const options = { stores: [b.store], ledger: b.ledger }
    const next = createBranchKeys({ keyring: b.keyring('q4', 'q3'), store: keyStore, partition: BY_TABLE })
    const cut = await rotate({ ...options, keyring: next, signal: controller.signal })
    expect(cut).toMatchObject({ outcome: 'interrupted', sealed: 0 })
    expect(cut.branchKeys!.rewrapped).toBeGreaterThan(0)
    expect(cut.branchKeys!.rewrapped).toBeLessThan(300)
    const rest = await rotate({ ...options, keyring: b.branched(b.keyring('q4', 'q3')) })
    expect(rest).toMatchObject({ outcome: 'done', resumed: true, branchKeys: { rewrapped: 300 - cut.branchKeys!.rewrapped } })
  })

  test('abuse 32: branch keys that an application makes meanwhile under the old key are put under the new one too', async () => {
    const b = await sealed(20)
    const application = b.branched(b.keyring('q3'), { by: 'tenant' })
    let made = 0
    b.store.onRead = () => {
      if (made++ === 0) void application.unlock(['late'])
    }
    const options = { stores: [b.store], keyring: b.branched(b.keyring('q4', 'q3')), ledger: b.ledger }
    await b.branched(b.keyring('q3')).rotate('customers')
    expect(await rotate(options)).toMatchObject({ outcome: 'done', branchKeys: { rewrapped: 3, pending: 0 } })
    expect((await status(options)).branchKeys).toMatchObject({ live: 3, byKey: { 'key-file:q4': 3 }, pending: 0 })
  })

  test('an application that makes a new version in the middle is followed', async () => {
    const b = await sealed(20)
    const application = b.branched(b.keyring('q3'))
    await application.rotate('customers')
    let reads = 0
    b.store.onRead = () => {
      if (reads++ === 1) void application.rotate('customers')
    }
    const report = await rotate({ stores: [b.store], keyring: b.branched(b.keyring('q3')), ledger: b.ledger, batch: 5 })
    expect(report).toMatchObject({ outcome: 'done', pending: 0 })
    expect(await versions(b)).toHaveLength(3)
    expect(keyIds(b.store).size).toBe(1)
    expect((await status({ stores: [b.store], keyring: application })).stores[0]).not.toHaveProperty('behind')
  })

  test('the keys that the application has at hand are neither used nor forgotten', async () => {
    const b = await sealed(5)
    const keys = b.branched(b.keyring('q3'))
    await keys.unlock(['customers'])
    await b.branched(b.keyring('q3')).rotate('customers')
    expect(await rotate({ stores: [b.store], keyring: keys, ledger: b.ledger })).toMatchObject({ outcome: 'done', rewrapped: 10 })
    expect(() => sealSync(keys, 'x', b.store.context('email', 1))).not.toThrow()
  })

  test('key services are asked beforehand for what the branch keys need, and for nothing else', async () => {
    const b = await fresh(5)
    const asked: string[] = []
    const asking = (name: string, refused = false): KeyWrapper => {
      const { wrapper } = remote(b.keyring(name).active)
      const preflight = async (use: KeyUse): Promise<void> => {
        asked.push(`${name} ${typeof use === 'string' ? use : 'move'}`)
        if (refused) throw new KeyfoldError('ERR_KEY_DENIED', 'the key service refuses')
      }
      return { ...wrapper, preflight } as KeyWrapper
    }
    const run = async (active: KeyWrapper, ...decryptOnly: KeyWrapper[]): Promise<unknown> => {
      asked.length = 0
      const keyring = b.branched(createKeyring({ active, decryptOnly }))
      return codeOf(rotate({ stores: [b.store], keyring, ledger: b.ledger }))
    }
    expect(await run(asking('q3', true))).toBe('ERR_KEY_DENIED')
    expect([asked, await versions(b), b.store.updates.size]).toEqual([['q3 wrap'], [], 0])
    await run(asking('q3'))
    await run(asking('q3'))
    expect(asked).toEqual([])
    expect(await run(asking('q4', true), asking('q3'))).toBe('ERR_KEY_DENIED')
    expect(asked).toEqual(['q3 unwrap', 'q4 wrap'])
    expect((await status({ stores: [b.store], keyring: b.branched(b.keyring('q4', 'q3')) })).branchKeys).toMatchObject({ pending: 1 })
    expect(await run(asking('q4'), asking('q3'))).toBeUndefined()
  })

  test('a key service out of reach stops the run instead of setting records aside', async () => {
    const b = await sealed(5)
    const { id, keyId } = b.keyring('q3').active
    const down = async (): Promise<never> => {
      throw new KeyfoldError('ERR_KEY_UNAVAILABLE', 'the key service does not answer')
    }
    await b.branched(b.keyring('q3')).rotate('customers')
    const keys = b.branched(createKeyring({ active: { id, keyId, wrap: down, unwrap: down } }))
    expect(await refusalOf(rotate({ stores: [b.store], keyring: keys, ledger: b.ledger }))).toMatchInlineSnapshot(`
      "ERR_KEY_UNAVAILABLE: the key service does not answer
      The key service could not be reached or is out of order. The record is intact: try again later."
    `)
    expect(await refusalOf(verify({ stores: [b.store], keyring: keys }))).toMatchInlineSnapshot(`
      "ERR_KEY_UNAVAILABLE: the key service does not answer
      The key service could not be reached or is out of order. The record is intact: try again later."
    `)
    expect(Math.max(...b.store.updates.values())).toBe(1)
  })
})

describe('a compromise', () => {
  const compromised = async (): Promise<Branched & { report: Awaited<ReturnType<typeof rotate>>; before: string[] }> => {
    const b = await sealed(12)
    const before = bodies(b.store)
    const options = { stores: [b.store], keyring: b.branched(b.keyring('q4', 'q3')), ledger: b.ledger }
    const made = await plan({ ...options, reason: 'compromise' })
    expect(made).toMatchObject({ totals: { reencrypt: 24 }, branchKeys: { rewrap: 1, renew: 1 } })
    return { ...b, before, report: await rotate({ ...options, plan: made, batch: 5 }) }
  }

  test('makes new branch keys and new data keys: whoever has the master key has the branch keys', async () => {
    const { report, before, ...b } = await compromised()
    expect(report).toMatchObject({ outcome: 'done', reencrypted: 24, rewrapped: 0, branchKeys: { renewed: 1, rewrapped: 1 } })
    expect(await versions(b)).toEqual(['customers v1 live', 'customers v2 live'])
    expect(bodies(b.store).filter((body) => before.includes(body))).toEqual([])
    const newest = (await b.keyStore.versions('customers'))[1]!
    expect(keyIds(b.store)).toEqual(new Set([Buffer.from(newest.keyId).toString('hex')]))
    expect(await openedUnder(b.store, b.branched(b.keyring('q4')))).toEqual(names(12))
    expect(await rotate({ stores: [b.store], keyring: b.branched(b.keyring('q4', 'q3')), ledger: b.ledger })).toMatchObject({
      outcome: 'done', reencrypted: 0, branchKeys: { renewed: 0 },
    })
  })

  test('what a process with the old branch key still at hand seals gets a new data key by a plain run, later', async () => {
    const b = await sealed(4)
    const late = b.branched(b.keyring('q3'))
    await late.unlock(['customers'])
    const options = { stores: [b.store], keyring: b.branched(b.keyring('q4', 'q3')), ledger: b.ledger }
    await rotate({ ...options, reason: 'compromise' })
    b.store.put('email', 9, sealSync(late, 'late', b.store.context('email', 9)))
    b.store.put('email', 10, sealSync(b.keyring('q3'), 'older still', b.store.context('email', 10)))
    expect(await rotate(options)).toMatchObject({ outcome: 'done', reason: 'rotation', reencrypted: 1, rewrapped: 1 })
  })

  test.each([['the same key', 'q4', ['q3'], 1], ['a newer key', 'q5', ['q4', 'q3'], 2]] as const)(
    'abuse 30: cut anywhere, goes on towards %s without renewing a branch key twice for one rotation',
    async (_, active, older, renewals) => {
      const b = await sealed(12)
      const before = bodies(b.store)
      const stop = new AbortController()
      const cut = await rotate({
        stores: [b.store], keyring: b.branched(b.keyring('q4', 'q3')), ledger: b.ledger, reason: 'compromise', batch: 4,
        signal: stop.signal, onProgress: () => stop.abort(),
      })
      expect(cut).toMatchObject({ outcome: 'interrupted', reencrypted: 4, branchKeys: { renewed: 1 } })
      const rest = await rotate({ stores: [b.store], keyring: b.branched(b.keyring(active, ...older)), ledger: b.ledger })
      expect(rest).toMatchObject({ outcome: 'done', reason: 'compromise', rewrapped: 0, branchKeys: { renewed: renewals - 1 } })
      expect(await versions(b)).toHaveLength(1 + renewals)
      expect(bodies(b.store).filter((body) => before.includes(body))).toEqual([])
    },
  )

  test('remembers what was exposed when it is cut before the first branch key', async () => {
    const b = await sealed(4)
    const stop = new AbortController()
    stop.abort()
    const common = { stores: [b.store], ledger: b.ledger }
    const cut = await rotate({ ...common, keyring: b.branched(b.keyring('q4', 'q3')), reason: 'compromise', signal: stop.signal })
    expect(cut).toMatchObject({ outcome: 'interrupted', branchKeys: { renewed: 0, rewrapped: 0 } })
    const between = await status({ ...common, keyring: b.branched(b.keyring('q4', 'q3')) })
    expect(between.branchKeys).toMatchObject({ pending: 2 })
    expect((await plan({ ...common, keyring: b.branched(b.keyring('q4', 'q3')) })).totals).toMatchObject({ rewrap: 0, reencrypt: 8 })
    expect(await rotate({ ...common, keyring: b.branched(b.keyring('q4', 'q3')) })).toMatchObject({ reencrypted: 8, branchKeys: { renewed: 1 } })
  })
})
