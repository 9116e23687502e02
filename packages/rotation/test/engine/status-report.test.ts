/** All that a status says, where a run is finished, cut, waiting to scrub, and where there is no ledger. */
import { expect, test } from 'vitest'
import { compromiseKey, pause, retire, rotate, status } from '../../src/index.ts'
import { stateOf } from '../../src/status.ts'
import { sealed } from './branched.ts'
import { bench, names } from './fixtures.ts'
import { diskFull, MemoryStore } from './memory-store.ts'

async function scene() {
  const { ledger, keyring } = await bench()
  const store = new MemoryStore('app.db', ['email', 'phone']).fill('email', names(6)).fill('phone', ['1', null])
  const options = { stores: [store], keyring: keyring('q3'), ledger }
  await rotate(options)
  return { ledger, keyring, store, options, next: { ...options, keyring: keyring('q4', 'q3') } }
}

const COLUMN = { store: 'app.db', table: 'customers', null: 0, plaintext: 0 }
const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string

test('nothing is left to do', async () => {
  const { options } = await scene()
  expect(await status(options)).toEqual({
    schema: 'kms-rotate/1', message_type: 'status',
    keys: [{ id: 'key-file:q3', state: 'active', records: 7, due: null }],
    stores: [
      { ...COLUMN, column: 'email', total: 6, byKey: { 'key-file:q3': 6 } },
      { ...COLUMN, column: 'phone', total: 2, null: 1, byKey: { 'key-file:q3': 1 } },
    ],
    rotation: null,
    ledgerKey: { keys: ['key-file:q3'], verified: true, problem: null },
  })
})

test('a rotation that was cut: what it did so far, and what was asked of it', async () => {
  const { next, store, ledger } = await scene()
  const already = store.batches
  store.onWrite = () => (store.batches - already === 2 ? diskFull() : undefined)
  await rotate({ ...next, batch: 2 }).catch(() => undefined)
  const rotation = {
    state: 'unfinished', mode: 'move', reason: 'rotation', target: 'key-file:q4', startedAt: TIME, updatedAt: TIME,
    sealed: 0, rewrapped: 4, reencrypted: 0, unsealed: 0, asked: null, run: null, scrubPending: [],
  }
  const report = await status(next)
  expect(report.rotation).toEqual(rotation)
  expect(report.keys).toEqual([
    { id: 'key-file:q4', state: 'active', records: 4, due: null }, { id: 'key-file:q3', state: 'decrypt-only', records: 3, due: null },
  ])
  pause({ ledger })
  expect((await status(next)).rotation).toEqual({ ...rotation, asked: 'pause', updatedAt: TIME })
})

test('a rotation that is over but for the free pages', async () => {
  const { options, store } = await scene()
  store.put('email', 7, 'written since')
  await rotate({ ...options, scrub: false })
  expect((await status(options)).rotation).toEqual({
    state: 'scrub-pending', mode: null, reason: null, target: null, startedAt: null, updatedAt: null,
    sealed: 0, rewrapped: 0, reencrypted: 0, unsealed: 0, asked: null, run: null, scrubPending: ['app.db'],
  })
})

test('without a ledger: what the configuration and the records say', async () => {
  const { next } = await scene()
  const { ledger: _, ...options } = next
  const report = await status(options)
  expect(report).toMatchObject({ rotation: null, ledgerKey: null })
  expect(report.keys).toMatchObject([{ id: 'key-file:q4', state: 'active' }, { id: 'key-file:q3', state: 'decrypt-only', records: 7 }])
  expect(report).not.toHaveProperty('warnings')
  expect(report).not.toHaveProperty('quarantined')
})

test('damaged cells, and records under a key that nobody knows, each in its column', async () => {
  const { options, store, keyring } = await scene()
  const stranger = new MemoryStore('app.db', ['email', 'phone']).fill('phone', ['a', 'b'])
  await rotate({ stores: [stranger], keyring: keyring('q9'), ledger: (await bench()).ledger })
  store.put('email', 2, store.cell('email', 2)!.subarray(0, 60))
  store.put('phone', 2, stranger.cell('phone', 2))
  const unknown = `unknown:${Buffer.from(keyring('q9').active.keyId).toString('hex')}`
  expect((await status(options)).stores).toEqual([
    { ...COLUMN, column: 'email', total: 6, malformed: 1, byKey: { 'key-file:q3': 5 } },
    { ...COLUMN, column: 'phone', total: 2, byKey: { 'key-file:q3': 1, [unknown]: 1 } },
  ])
})

test('keys that the ledger alone remembers come last, and seal nothing whatever it says', async () => {
  const { options, ledger, keyring, store } = await scene()
  await rotate({ ...options, keyring: keyring('q4', 'q3') })
  await rotate({ ...options, keyring: keyring('q5', 'q4', 'q3') })
  await retire({ stores: [store], keyring: keyring('q5', 'q4', 'q3'), ledger, key: 'key-file:q3' })
  const keysOf = async (active: string, ...older: string[]): Promise<string[]> =>
    (await status({ ...options, keyring: keyring(active, ...older) })).keys.map(({ id, state }) => `${id} ${state}`)
  expect(await keysOf('q5', 'q4')).toEqual(['key-file:q5 active', 'key-file:q4 decrypt-only', 'key-file:q3 disabled'])
  // a configuration that no run has seen yet
  expect(await keysOf('q6', 'q4')).toEqual(['key-file:q6 active', 'key-file:q4 decrypt-only', 'key-file:q5 decrypt-only', 'key-file:q3 disabled'])
  await compromiseKey({ ledger, keyring: keyring('q5', 'q4'), key: 'key-file:q4', reason: 'lost' })
  expect(await keysOf('q5', 'q4')).toEqual(['key-file:q5 active', 'key-file:q4 compromised', 'key-file:q3 disabled'])
})

test('branch keys: how many live, under what, and what is pending; a record under an older one is behind', async () => {
  const b = await sealed(4)
  const options = { stores: [b.store], keyring: b.branched(b.keyring('q4', 'q3')), ledger: b.ledger }
  const name = b.keyStore.name
  const counts = { store: name, live: 1, destroyed: 0, malformed: 0 }
  const before = await status(options)
  expect(before.branchKeys).toEqual({ ...counts, byKey: { 'key-file:q3': 1 }, pending: 1 })
  expect(before.stores.map((column) => 'behind' in column)).toEqual([false, false])
  await rotate(options)
  await options.keyring.rotate('customers')
  const after = await status(options)
  expect(after.branchKeys).toEqual({ ...counts, live: 2, byKey: { 'key-file:q4': 2 }, pending: 0 })
  expect(after.stores).toMatchObject([{ column: 'email', behind: 4, byKey: { 'key-file:q4': 4 } }, { column: 'phone', behind: 4 }])
})

test.each([
  [true, undefined, 'active'],
  [true, 'pre-active', 'active'],
  [true, 'active', 'active'],
  [true, 'decrypt-only', 'active'],
  [true, 'compromised', 'compromised'],
  [true, 'disabled', 'disabled'],
  [true, 'destroyed', 'destroyed'],
  [false, undefined, 'decrypt-only'],
  [false, 'pre-active', 'pre-active'],
  [false, 'active', 'decrypt-only'],
  [false, 'decrypt-only', 'decrypt-only'],
  [false, 'compromised', 'compromised'],
  [false, 'disabled', 'disabled'],
  [false, 'destroyed', 'destroyed'],
] as const)('a key that seals by the configuration (%s) and is %s by the ledger is %s', (seals, known, state) => {
  expect(stateOf(seals, known)).toBe(state)
})
