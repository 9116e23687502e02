/** Rotations over a key service: an emulator of AWS KMS, spoken to by the real SDK. */
import { createKeyring, inspect, openText, seal } from '@keyfold/core'
import type { KeyWrapper } from '@keyfold/core'
import type { AwsKmsOptions } from '@keyfold/core/aws-kms'
import { describe, expect, test } from 'vitest'
import { destroyKey, plan, retire, rotate, verify } from '../../src/index.ts'
import type { Ledger, RotateOptions } from '../../src/index.ts'
import { bench, codeOf, names } from './fixtures.ts'
import { ask, called, emulator, key, newKey } from './kms.ts'
import { MemoryStore } from './memory-store.ts'

/** 12 records under one KMS key, and the keyring that moves them to another. */
async function moving(rows = 12, options: AwsKmsOptions = {}) {
  const { ledger, keyring: local } = await bench()
  const [from, to] = [key(await newKey(), options), key(await newKey(), options)]
  const store = new MemoryStore('app.db', ['email']).fill('email', names(rows))
  const before = createKeyring({ active: from })
  await rotate({ stores: [store], keyring: before, ledger })
  const keyring = createKeyring({ active: to, decryptOnly: [from] })
  emulator.resetCalls()
  return { ledger, local, from, to, store, before, keyring, stores: [store] }
}

const keysIn = (store: MemoryStore): Set<string> =>
  new Set([...store.cells.get('email')!.values()].flatMap((cell) => inspect(cell!).entries.map(({ keyId }) => keyId)))

/** The first record of a store, and no other. */
class OneRecord extends MemoryStore {
  constructor(store: MemoryStore) {
    super('one.db', ['email'])
    this.put('email', 1, store.cell('email', 1))
    this.context = store.context
  }
}

describe('before a record or a ledger is touched', () => {
  test.each([
    ['GenerateDataKey', 'AccessDeniedException', 'ERR_KEY_DENIED'],
    ['Decrypt', 'AccessDeniedException', 'ERR_KEY_DENIED'],
    ['Decrypt', 'DisabledException', 'ERR_KEY_DISABLED'],
    ['Decrypt', 'NotFoundException', 'ERR_KEY_MISSING'],
    ['GenerateDataKey', 'KMSInternalException', 'ERR_KEY_UNAVAILABLE'],
    ['GenerateDataKey', 'ThrottlingException', 'ERR_KEY_THROTTLED'],
  ])('a service that answers %s with %s ends plan and run with %s', async (operation, exception, code) => {
    const { stores, store, keyring } = await moving()
    const { batches } = store
    emulator.setFaults({ fail: { [operation]: exception } })
    expect(await codeOf(plan({ stores, keyring }))).toBe(code)
    const ledger = (): never => expect.fail('the ledger was opened')
    expect(await codeOf(rotate({ stores, keyring, ledger }))).toBe(code)
    expect(store.batches).toBe(batches)
  })

  test('the service is asked in the context of a record, as a policy may want it', async () => {
    const { stores, keyring, ledger } = await moving(12, { clearContext: ['table', 'column'] })
    expect(await rotate({ stores, keyring, ledger })).toMatchObject({ outcome: 'done', rewrapped: 12 })
  })

  test('the ledger has the pairs that the service is to see in clear, also where the next key wants others', async () => {
    const options = { clearContext: ['tenant'] }
    const [from, to] = [key(await newKey(), options), key(await newKey(), { clearContext: ['tenant', 'shard'] })]
    const store = new MemoryStore('app.db', ['email']).fill('email', names(3))
    store.context = (column, id) => ({ table: 'customers', column, id: String(id), tenant: 'acme', shard: '7' })
    const { ledger } = await bench()
    expect(await rotate({ stores: [store], keyring: createKeyring({ active: from }), ledger })).toMatchObject({ outcome: 'done', sealed: 3 })
    const keyring = createKeyring({ active: to, decryptOnly: [from] })
    expect(await rotate({ stores: [store], keyring, ledger })).toMatchObject({ outcome: 'done', rewrapped: 3 })
    expect(await rotate({ stores: [store], keyring: createKeyring({ active: to }), ledger })).toMatchObject({ ledger: 'known' })
  })

  test('a record whose context has no canonical form is passed over, when one is looked for', async () => {
    const { stores, store, keyring, ledger } = await moving(3, { clearContext: ['table'] })
    store.context = (column, id) => ({ table: 'customers', column, id: id === 1 ? 'x'.repeat(70_000) : String(id) })
    expect(await rotate({ stores, keyring, ledger })).toMatchObject({ outcome: 'quarantined', rewrapped: 2 })
    // and where there is no other, nobody is asked: the ledger's key alone is opened
    emulator.resetCalls()
    expect(await rotate({ stores: [new OneRecord(store)], keyring, ledger })).toMatchObject({ outcome: 'quarantined', rewrapped: 0 })
    expect(emulator.calls).toEqual({ Decrypt: 1 })
  })

  test('keys that no record needs are not asked for, and none but for the ledger where nothing is to be done', async () => {
    const { stores, keyring, ledger, to } = await moving()
    await rotate({ stores, keyring, ledger })
    emulator.resetCalls()
    expect(await rotate({ stores, keyring, ledger })).toMatchObject({ outcome: 'done', rewrapped: 0 })
    expect(emulator.calls).toEqual({ Decrypt: 1 })
    expect((await plan({ stores, keyring, ledger })).remoteKeyCalls).toBe(1)
    emulator.resetCalls()
    const empty = new MemoryStore('empty.db', ['email'])
    await rotate({ stores: [empty], keyring: createKeyring({ active: to }), ledger })
    expect(emulator.calls).toEqual({ Decrypt: 1 })
  })

  test('a compromise asks for every key that has records, the active one too', async () => {
    const { stores, before, ledger } = await moving()
    emulator.setFaults({ deny: ['Decrypt'] })
    expect(await codeOf(rotate({ stores, keyring: before, ledger, reason: 'compromise' }))).toBe('ERR_KEY_DENIED')
    expect(emulator.calls).toEqual({ Decrypt: 1 })
  })

  test('first sealing asks for the sealing keys alone', async () => {
    const { local, to } = await moving()
    const store = new MemoryStore('new.db', ['email']).fill('email', names(2))
    emulator.setFaults({ deny: ['Decrypt'] })
    const keyring = createKeyring<KeyWrapper>({ active: to, recovery: [local('r').active] })
    await plan({ stores: [store], keyring })
    // one to ask, two as a sample
    expect(emulator.calls).toEqual({ GenerateDataKey: 3 })
  })
})

describe('abuse 19: in the middle of a run', () => {
  test.each([
    ['ThrottlingException', 'ERR_KEY_THROTTLED'],
    ['DisabledException', 'ERR_KEY_DISABLED'],
    ['KMSInvalidStateException', 'ERR_KEY_UNAVAILABLE'],
    ['NotFoundException', 'ERR_KEY_MISSING'],
    ['SomethingNew', 'ERR_KEY_SERVICE_RESPONSE'],
  ])('%s stops it with %s: no record is called damaged, and the next run does the rest', async (exception, code) => {
    const { stores, store, keyring, ledger, to } = await moving()
    const first = store.batches + 1
    store.onRead = () => {
      if (store.batches >= first) emulator.setFaults({ fail: { Decrypt: exception } })
    }
    // a service that throttles is waited for, for minutes, unless somebody stops the run
    const signal = AbortSignal.timeout(4000)
    expect(await codeOf(rotate({ stores, keyring, ledger, batch: 5, signal }))).toBe(code)
    expect(store.batches).toBe(first)
    store.onRead = undefined
    emulator.setFaults({})
    expect(await rotate({ stores, keyring, ledger, batch: 5 })).toMatchObject({ outcome: 'done', resumed: true, rewrapped: 7 })
    expect(await openText(createKeyring({ active: to }), store.cell('email', 12)!, store.context('email', 12))).toBe('person 12')
  })

  test('a key that is pending deletion stops it too', async () => {
    const { stores, keyring, ledger, from } = await moving()
    await ask('ScheduleKeyDeletion', { KeyId: from.id.replace('aws-kms:', '') })
    expect(await codeOf(rotate({ stores, keyring, ledger }))).toBe('ERR_KEY_PENDING_DELETION')
    expect(await codeOf(verify({ stores, keyring, ledger, full: true }))).toBe('ERR_KEY_PENDING_DELETION')
  })
})

test('a key of the service is destroyed by name alone, after the service was asked when it was last used', async () => {
  const { stores, keyring, ledger, from, to } = await moving(3)
  await rotate({ stores, keyring, ledger })
  await retire({ stores, keyring, ledger, key: from.id })
  const call = { stores, keyring: createKeyring({ active: to }), ledger, key: from.id, confirm: from.id, coolOffDays: 0, wrapper: from }
  emulator.setFaults({ fail: { GetKeyLastUsage: 'UnknownOperationException' } })
  emulator.resetCalls()
  const { receipt } = await destroyKey(call)
  expect(receipt).toMatchObject({ lastUsage: null, usageProblem: 'ERR_KEY_SERVICE_RESPONSE', material: { outcome: 'kept' } })
  expect(receipt?.conditions[0]).toContain('deleted in AWS KMS')
  expect(emulator.calls).toEqual({ Decrypt: 1, GetKeyLastUsage: 1 })
})

describe('a run makes as many calls of each kind as its plan said', () => {
  /** The calls that a run made, and those that the plan had counted. */
  async function counted(
    options: Pick<RotateOptions, 'stores' | 'keyring' | 'reason' | 'within'>, ledger: Ledger,
  ): Promise<[made: number, planned: number]> {
    const { remoteKeyCalls, cost } = await plan({ ...options, ledger })
    expect(cost.microUsd).toBe(3 * remoteKeyCalls)
    emulator.resetCalls()
    await rotate({ ...options, ledger })
    return [called(), remoteKeyCalls]
  }

  test.each([['rotation', false], ['rotation', true], ['compromise', false], ['compromise', true]] as const)(
    'for a %s (within the service: %s), from the first sealing on, the key of the ledger and what is asked beforehand included',
    async (reason, within) => {
      const { ledger } = await bench()
      const [q3, q4, q5, recovery] = [key(await newKey()), key(await newKey()), key(await newKey()), key(await newKey())]
      const stores = [new MemoryStore('app.db', ['email', 'phone']).fill('email', names(7)).fill('phone', names(5))]
      const all = { stores, reason, within }
      const counts = [
        await counted({ ...all, keyring: createKeyring({ active: q3 }) }, ledger),
        await counted({ ...all, keyring: createKeyring({ active: q4, decryptOnly: [q3] }) }, ledger),
        await counted({ ...all, keyring: createKeyring({ active: q4, decryptOnly: [q3] }) }, ledger),
        await counted({ ...all, keyring: createKeyring({ active: q5, recovery: [recovery], decryptOnly: [q4, q3] }) }, ledger),
        await counted({ stores, keyring: createKeyring({ active: q5, recovery: [recovery] }) }, ledger),
      ]
      expect(counts.map(([made]) => made)).toEqual(counts.map(([, planned]) => planned))
      // made once, opened ever after, and moved where its keys are others
      expect(counts[0]).toEqual([12 + 1 + 1, 14])
    },
  )
})

describe('within the key service', () => {
  const within = true

  test('records are moved by ReEncrypt alone, as often as the plan says, at the price that it names', async () => {
    const { stores, store, keyring, ledger, from, to } = await moving()
    emulator.setFaults({ deny: ['GenerateDataKey'] })
    const made = await plan({ stores, keyring, within, ledger })
    // one more to ask beforehand; one each to open the ledger's own key, and to put it under the new one
    expect(made).toMatchObject({ totals: { rewrap: 12 }, keyCalls: { [from.id]: 12 + 1 + 1, [to.id]: 1 }, remoteKeyCalls: 15 })
    expect(made.cost).toEqual({ microUsd: 45, basis: 'AWS KMS list price of $0.03 for 10,000 requests' })
    // for its records it takes no Decrypt either
    emulator.setFaults({ deny: ['Decrypt', 'GenerateDataKey'] })
    expect((await plan({ stores, keyring, within })).totals).toMatchObject({ rewrap: 12 })
    emulator.setFaults({})
    emulator.resetCalls()
    expect(await rotate({ stores, keyring, ledger, plan: made, within })).toMatchObject({ outcome: 'done', rewrapped: 12 })
    expect(emulator.calls).toEqual({ ReEncrypt: 13, Decrypt: 1, GenerateDataKey: 1 })
    expect(keysIn(store)).toEqual(new Set([Buffer.from(to.keyId).toString('hex')]))
    expect(await retire({ stores, keyring, ledger, key: from.id })).toMatchObject({ outcome: 'retired', opened: 12 })
  })

  test('a caller that may not is stopped before a row is touched', async () => {
    const { stores, store, keyring, ledger } = await moving()
    const { batches } = store
    emulator.setFaults({ deny: ['ReEncrypt'] })
    expect(await codeOf(plan({ stores, keyring, within }))).toBe('ERR_KEY_DENIED')
    expect(await codeOf(rotate({ stores, keyring, ledger, within }))).toBe('ERR_KEY_DENIED')
    expect(store.batches).toBe(batches)
    expect(await rotate({ stores, keyring, ledger })).toMatchObject({ outcome: 'done', rewrapped: 12 })
  })

  test('what the service cannot move is unwrapped and wrapped: plaintext, and records under a local key', async () => {
    const { stores, store, local, ledger, from, to } = await moving(4)
    const file = local('q1').active
    store.put('email', 5, await seal(createKeyring({ active: file }), 'filed', store.context('email', 5)))
    store.put('email', 6, 'typed in plainly')
    const keyring = createKeyring<KeyWrapper>({ active: to, decryptOnly: [from, file] })
    const made = await plan({ stores, keyring, within, ledger })
    expect(made).toMatchObject({ keyCalls: { [from.id]: 4 + 1 + 1, [to.id]: 2 + 1 + 1, [file.id]: 1 }, remoteKeyCalls: 10 })
    emulator.resetCalls()
    expect(await rotate({ stores, keyring, ledger, within })).toMatchObject({ outcome: 'done', sealed: 1, rewrapped: 5 })
    expect(emulator.calls).toEqual({ ReEncrypt: 5, Decrypt: 1, GenerateDataKey: 4 })
    expect(await verify({ stores, keyring, ledger, full: true })).toMatchObject({ opened: 6, failed: { total: 0 } })
  })

  test('with a recovery key each record takes a call for each sealing key', async () => {
    const { stores, store, ledger, from, to } = await moving(3)
    const recovery = key(await newKey())
    const keyring = createKeyring({ active: to, recovery: [recovery], decryptOnly: [from] })
    const made = await plan({ stores, keyring, within, ledger })
    expect(made).toMatchObject({ keyCalls: { [from.id]: 6 + 2 + 1, [to.id]: 1, [recovery.id]: 1 }, remoteKeyCalls: 11 })
    emulator.resetCalls()
    await rotate({ stores, keyring, ledger, within })
    expect(emulator.calls).toEqual({ ReEncrypt: 2 + 6, Decrypt: 1, GenerateDataKey: 2 })
    const context = store.context('email', 2)
    expect(await openText(createKeyring({ active: recovery }), store.cell('email', 2)!, context)).toBe('person 2')
  })

  test('a compromise is not content with a move: it makes new data keys', async () => {
    const { stores, keyring, ledger, from, to } = await moving(3)
    const made = await plan({ stores, keyring, within, ledger, reason: 'compromise' })
    expect(made).toMatchObject({ totals: { reencrypt: 3 }, keyCalls: { [from.id]: 3 + 1 + 1, [to.id]: 3 + 1 + 1 } })
    emulator.resetCalls()
    expect(await rotate({ stores, keyring, ledger, within, reason: 'compromise' })).toMatchObject({ reencrypted: 3 })
    expect(emulator.calls).toEqual({ Decrypt: 5, GenerateDataKey: 5 })
  })

  test('abuse 34: a record that did not open before is moved unnoticed, and retire finds it', async () => {
    const { stores, store, before, keyring, ledger, from } = await moving(3)
    // another record of the same row, and its data key put into this one
    const bait = await seal(before, 'bait', store.context('email', 2))
    const broken = store.cell('email', 2)!.slice()
    const entry = { at: 6 + 18, length: 2 + 224 }
    broken.set(bait.subarray(entry.at, entry.at + entry.length), entry.at)
    store.put('email', 2, broken)
    expect(await rotate({ stores, keyring, ledger, within })).toMatchObject({ outcome: 'done', rewrapped: 3 })
    const report = await retire({ stores, keyring, ledger, key: from.id })
    expect(report).toMatchObject({ outcome: 'damaged', failed: { total: 1, byCode: { ERR_KEY_COMMITMENT: 1 } } })
  })
})
