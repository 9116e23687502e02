import type { BranchKeys, StoredBranchKey, SyncKeyWrapper } from '@keyfold/core'
import { createBranchKeys, memoryBranchKeyStore, seal, sealSync } from '@keyfold/core'
import { describe, expect, test } from 'vitest'
import { plan, retire, rotate, status, verify } from '../../src/index.ts'
import type { Branched } from './branched.ts'
import { BY_TABLE, fresh, keyIds, openedUnder, sealed } from './branched.ts'
import { names } from './fixtures.ts'

describe('census, status and retire', () => {
  test('roll branch keys up to the master key that wraps them', async () => {
    const b = await sealed(6)
    b.store.put('email', 7, sealSync(b.keyring('q4'), 'directly', b.store.context('email', 7)))
    b.store.put('email', 8, sealSync(b.keyring('stranger'), 'x', b.store.context('email', 8)))
    const report = await status({ stores: [b.store], keyring: b.branched(b.keyring('q4', 'q3')), ledger: b.ledger })
    expect(report.keys).toMatchObject([{ id: 'key-file:q4', records: 1 }, { id: 'key-file:q3', records: 12 }])
    const stranger = Buffer.from(b.keyring('stranger').active.keyId).toString('hex')
    expect(report.stores[0]).toMatchObject({ byKey: { 'key-file:q3': 6, 'key-file:q4': 1, [`unknown:${stranger}`]: 1 }, behind: 1 })
    expect(report.branchKeys).toEqual({ store: 'memory', live: 1, destroyed: 0, malformed: 0, byKey: { 'key-file:q3': 1 }, pending: 1 })
  })

  test('records under a branch key that was deleted from the store are unknown, and block as such', async () => {
    const b = await sealed(6)
    const empty = createBranchKeys({ keyring: b.keyring('q3'), store: memoryBranchKeyStore(), partition: BY_TABLE })
    const options = { stores: [b.store], keyring: empty, ledger: b.ledger }
    const [keyId] = keyIds(b.store)
    expect((await status(options)).stores[0]).toMatchObject({ byKey: { [`unknown:${keyId}`]: 6 } })
    expect((await plan(options)).totals).toMatchObject({ blocked: 12, destroyed: 0 })
    const report = await rotate(options)
    expect(report).toMatchObject({ outcome: 'quarantined', quarantined: { total: 12, byCode: { ERR_KEY_NOT_FOUND: 12 } } })
    expect(await verify({ ...options, full: true })).toMatchObject({ opened: 0, failed: { total: 12 } })
  })

  test('abuse 34: retire is refused while a live branch key is under the key, with records or without', async () => {
    const b = await fresh(0)
    await b.branched(b.keyring('q3')).unlock(['empty'])
    const options = { stores: [b.store], keyring: b.branched(b.keyring('q4', 'q3')), ledger: b.ledger, key: 'key-file:q3' }
    expect(await retire(options)).toMatchObject({ outcome: 'needed', needed: [], branchKeys: { needed: 1 } })
    await rotate(options)
    expect(await retire(options)).toMatchObject({ outcome: 'retired', branchKeys: { needed: 0 } })
  })

  test('abuse 34: retire counts records under the branch keys of the key, with the store', async () => {
    const b = await sealed(6)
    const options = { stores: [b.store], keyring: b.branched(b.keyring('q4', 'q3')), ledger: b.ledger, key: 'key-file:q3' }
    expect(await retire(options)).toMatchObject({
      outcome: 'needed', branchKeys: { needed: 1 }, needed: [{ store: 'app.db', column: 'email', records: 6 }, { column: 'phone', records: 6 }],
    })
    await rotate(options)
    expect(await retire(options)).toMatchObject({ outcome: 'retired', opened: 12 })
    expect(await openedUnder(b.store, b.branched(b.keyring('q4')))).toEqual(names(6))
  })

  test('abuse 34: a branch key that an application makes under the old key while retire opens records keeps the key in use', async () => {
    const b = await sealed(6)
    const options = { stores: [b.store], keyring: b.branched(b.keyring('q4', 'q3')), ledger: b.ledger, key: 'key-file:q3' }
    await rotate(options)
    b.store.onRead = () => {
      b.store.onRead = undefined
      void b.branched(b.keyring('q3'), { by: 'tenant' }).unlock(['late'])
    }
    expect(await retire(options)).toMatchObject({ outcome: 'needed', needed: [], branchKeys: { needed: 1 } })
  })

  test('abuse 34: a key id edited in the row of a branch key, so that the census lies, is found', async () => {
    const b = await sealed(6)
    const [row] = await b.keyStore.versions('customers')
    const forged = Uint8Array.from(row!.sealed!)
    forged.set(b.keyring('q4').active.keyId, 6)
    await b.keyStore.replace(row!, forged)
    const options = { stores: [b.store], keyring: b.branched(b.keyring('q4', 'q3')), ledger: b.ledger, key: 'key-file:q3' }
    // the ledger's own key, and nothing else
    await rotate({ ...options, stores: [], keyring: b.keyring('q4', 'q3') })
    const report = await retire(options)
    expect(report).toMatchObject({ outcome: 'damaged', branchKeys: { needed: 0, failed: [{ code: 'ERR_BRANCH_KEY_STORE' }] } })
    expect(report.failed.byCode).toEqual({ ERR_BRANCH_KEY_STORE: 12 })
  })

  test('a branch key row that is no envelope keeps every key in use, and is reported', async () => {
    const b = await sealed(6)
    const [row] = await b.keyStore.versions('customers')
    await b.keyStore.replace(row!, new Uint8Array(20))
    const options = { stores: [b.store], keyring: b.branched(b.keyring('q4', 'q3')), ledger: b.ledger, key: 'key-file:q3' }
    expect(await rotate(options)).toMatchObject({
      outcome: 'quarantined', quarantined: { total: 12 }, branchKeys: { failed: [{ code: 'ERR_BRANCH_KEY_STORE' }], pending: 0 },
    })
    expect(await retire(options)).toMatchObject({ outcome: 'needed', branchKeys: { needed: 1 } })
    const report = await status(options)
    expect(report.branchKeys).toMatchObject({ malformed: 1, live: 0 })
    const [keyId] = keyIds(b.store)
    expect(report.stores[0]).toMatchObject({ byKey: { [`unknown:${keyId}`]: 6 } })
  })
})

describe('a destroyed branch key', () => {
  const shredded = async (): Promise<Branched> => {
    const b = await sealed(6)
    await b.branched(b.keyring('q3')).destroy('customers')
    return b
  }

  test('abuse 33: its records are counted apart: no damage, nothing pending, nothing that keeps an old key in use', async () => {
    const b = await shredded()
    const options = { stores: [b.store], keyring: b.branched(b.keyring('q4', 'q3')), ledger: b.ledger, key: 'key-file:q3' }
    const { batches } = b.store
    expect((await plan(options)).totals).toEqual({ seal: 0, rewrap: 0, reencrypt: 0, blocked: 0, destroyed: 12 })
    expect(await rotate(options)).toMatchObject({ outcome: 'done', pending: 0, quarantined: { total: 0 }, branchKeys: { destroyedRecords: 12 } })
    expect(await rotate({ ...options, reason: 'compromise' })).toMatchObject({ outcome: 'done', reencrypted: 0, branchKeys: { renewed: 0 } })
    expect(b.store.batches).toBe(batches)
    expect(await verify({ ...options, full: true })).toMatchObject({ opened: 0, destroyed: 12, failed: { total: 0 } })
    const report = await status(options)
    expect(report.stores[0]).toMatchObject({ byKey: {}, destroyed: 6 })
    expect(report.branchKeys).toMatchObject({ live: 0, destroyed: 1, pending: 0 })
    expect(await retire(options)).toMatchObject({ outcome: 'retired', opened: 0, branchKeys: { destroyedRecords: 12 } })
  })

  test.each(['verify', 'rotate'] as const)('in the middle of %s: the records count as destroyed, not as damaged', async (what) => {
    const b = await sealed(6)
    const keys = b.branched(b.keyring('q3'))
    await keys.rotate('customers')
    b.store.onRead = () => {
      b.store.onRead = undefined
      for (const key of b.keyStore.versions('customers') as StoredBranchKey[]) void b.keyStore.replace(key, null)
    }
    const options = { stores: [b.store], keyring: keys, ledger: b.ledger }
    if (what === 'verify') expect(await verify({ ...options, full: true })).toMatchObject({ opened: 0, destroyed: 12, failed: { total: 0 } })
    else expect(await rotate(options)).toMatchObject({ outcome: 'done', rewrapped: 0, branchKeys: { destroyedRecords: 12 } })
  })

  test('plaintext, and records from before branch keys, in its partition are set aside: they can still be read', async () => {
    const b = await shredded()
    b.store.put('email', 7, 'left in clear')
    b.store.put('email', 8, sealSync(b.keyring('q3'), 'under the master key', b.store.context('email', 8)))
    const options = { stores: [b.store], keyring: b.branched(b.keyring('q4', 'q3')), ledger: b.ledger, key: 'key-file:q3' }
    expect((await plan(options)).totals).toEqual({ seal: 0, rewrap: 0, reencrypt: 0, blocked: 2, destroyed: 12 })
    expect(await rotate(options)).toMatchObject({ outcome: 'quarantined', quarantined: { total: 2, byCode: { ERR_BRANCH_KEY_DESTROYED: 2 } } })
    expect(await retire(options)).toMatchObject({ outcome: 'needed', needed: [{ records: 1 }] })
  })

  test('abuse 34: a record that only looks shredded, since its key id was edited, keeps the key in use', async () => {
    const b = await shredded()
    const [destroyedId] = keyIds(b.store)
    const forged = sealSync(b.keyring('q3'), 'alive', b.store.context('email', 3))
    forged.set(Buffer.from(destroyedId!, 'hex'), 6)
    b.store.put('email', 3, forged)
    const options = { stores: [b.store], keyring: b.branched(b.keyring('q4', 'q3')), ledger: b.ledger, key: 'key-file:q3' }
    await rotate(options)
    expect(await retire(options)).toMatchObject({
      outcome: 'damaged', failed: { total: 1, byCode: { ERR_KEY_NOT_FOUND: 1 } }, branchKeys: { destroyedRecords: 11 },
    })
  })
})

test('several entries: each one that is held is opened by verify --full, also that of a branch key', async () => {
  const b = await sealed(1)
  const keys = b.branched(b.keyring('q3'))
  const both = {
    *sealingKeys(context: Parameters<BranchKeys['sealingKeys']>[0]) {
      return [...(yield* keys.sealingKeys(context)), ...b.keyring('q4').sealing] as SyncKeyWrapper[]
    },
    openingKey: keys.openingKey.bind(keys),
  }
  const envelope = await seal(both, 'twice', b.store.context('email', 2))
  b.store.put('email', 2, envelope)
  const options = { stores: [b.store], keyring: b.branched(b.keyring('q4', 'q3')), full: true }
  expect(await verify(options)).toMatchObject({ opened: 3, failed: { total: 0 } })
  for (const { wrappedAt } of [{ wrappedAt: 45 }, { wrappedAt: 95 }]) {
    b.store.put('email', 2, envelope.map((byte, i) => (i === wrappedAt ? byte ^ 1 : byte)))
    expect(await verify(options)).toMatchObject({ opened: 2, failed: { total: 1 } })
    expect(await verify({ ...options, full: false })).toMatchObject({ opened: 3, failed: { total: 0 } })
  }
})
