/** What is said of a key to which nothing goes back, and of one that seals beside the others. */
import { join } from 'node:path'
import type { Keyring } from '@keyfold/core'
import { createKeyring } from '@keyfold/core'
import { expect, test } from 'vitest'
import { compromiseKey, openLedger, retire, rollback, rotate } from '../../src/index.ts'
import { bench, names } from './fixtures.ts'
import { MemoryStore } from './memory-store.ts'

const why = 'not deployed everywhere'

const withRecovery = (keyring: Keyring, recovery: Keyring, decryptOnly: readonly Keyring[] = []): Keyring =>
  createKeyring({ active: keyring.active, recovery: [recovery.active], decryptOnly: decryptOnly.map(({ active }) => active) })

/** Rotated through these keys, a day each. */
async function rotated(...through: readonly string[]) {
  const { folder, keyring } = await bench()
  const time = { now: '2026-03-01T00:00:00.000Z' }
  const ledger = await openLedger(join(folder, 'timed.db'), () => time.now)
  const store = new MemoryStore('app.db', ['email']).fill('email', names(3))
  for (const [i, key] of through.entries()) {
    time.now = `2026-03-0${i + 1}T00:00:00.000Z`
    await rotate({ stores: [store], keyring: keyring(key, ...through.slice(0, i).toReversed()), ledger })
  }
  const options = { stores: [store], ledger, why }
  /** Why it was refused; states and records are as before. */
  const refusal = async (keys: Keyring, rollbackDays = 30): Promise<string> => {
    const before = [ledger.keys.changes(), ledger.events.latest(1), store.batches]
    const error = await rollback({ ...options, keyring: keys, rollbackDays }).then(() => undefined, (reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'ERR_ROLLBACK_REFUSED' })
    expect([ledger.keys.changes(), ledger.events.latest(1), store.batches]).toEqual(before)
    return (error as Error).message
  }
  return { keyring, ledger, store, options, time, refusal }
}

test('the active one, one that nobody knows, and one of two that would seal', async () => {
  const { keyring, refusal } = await rotated('q3', 'q4')
  expect(await refusal(keyring('q4', 'q3'))).toBe('key-file:q4 is the active key, also by the ledger: there is nothing to reverse')
  expect(await refusal(keyring('q9', 'q4', 'q3'))).toBe('the ledger does not know key-file:q9')
  // what would be left is not left
  expect(await refusal(withRecovery(keyring('q3'), keyring('q4')))).toBe('the ledger has no active key that a rotation moved to')
})

test('one that is not the last, a retired one, and a compromised one', async () => {
  const { keyring, refusal, options, ledger } = await rotated('q3', 'q4', 'q5')
  const notTheLast = 'key-file:q3 is not the key before key-file:q5: only the last rotation is reversed'
  expect(await refusal(keyring('q3', 'q5', 'q4'))).toBe(notTheLast)
  await retire({ ...options, keyring: keyring('q5', 'q4', 'q3'), key: 'key-file:q3' })
  expect(await refusal(keyring('q3', 'q5', 'q4'))).toBe('key-file:q3 is disabled: only a decrypt-only key becomes active again')
  await compromiseKey({ ledger, keyring: keyring('q5', 'q4'), key: 'key-file:q4', reason: 'lost' })
  expect(await refusal(keyring('q4', 'q5', 'q3'))).toBe('key-file:q4 is compromised: only a decrypt-only key becomes active again')
})

test('the one before a compromise, under a key that came after it', async () => {
  const { keyring, refusal, store, ledger } = await rotated('q3')
  await rotate({ stores: [store], keyring: keyring('q4', 'q3'), ledger, reason: 'compromise' })
  expect(await refusal(keyring('q3', 'q4'))).toBe('after a compromise no record goes back under an older key')
})

test('the time that ended, to the millisecond', async () => {
  const { keyring, refusal, options, time } = await rotated('q3', 'q4')
  time.now = '2026-03-02T00:00:00.001Z'
  expect(await refusal(keyring('q3', 'q4'), 0)).toBe('the time in which this rotation could be reversed ended at 2026-03-02T00:00:00.000Z')
  time.now = '2026-03-02T00:00:00.000Z'
  expect(await rollback({ ...options, keyring: keyring('q3', 'q4'), rollbackDays: 0 })).toMatchObject({ outcome: 'done' })
})

test('a recovery key that seals beside both is not what a rollback leaves', async () => {
  const { keyring, ledger } = await bench()
  const store = new MemoryStore('app.db', ['email']).fill('email', names(3))
  const [old, next, safe] = [keyring('q3'), keyring('q4'), keyring('safe')]
  await rotate({ stores: [store], keyring: withRecovery(old, safe), ledger })
  await rotate({ stores: [store], keyring: withRecovery(next, safe, [old]), ledger })
  const options = { stores: [store], ledger, why }
  const lacking = createKeyring({ active: old.active, recovery: [safe.active] })
  expect(await rollback({ ...options, keyring: lacking }).catch((error: Error) => error.message)).toBe(
    'key-file:q4 has to be among the keys that only open: records are under it',
  )
  const report = await rollback({ ...options, keyring: withRecovery(old, safe, [next]) })
  expect(report).toMatchObject({ outcome: 'done', target: 'key-file:q3', rewrapped: 3 })
  expect(ledger.keys.all().map(({ id, state }) => `${id} ${state}`).sort()).toEqual([
    'key-file:q3 active', 'key-file:q4 decrypt-only', 'key-file:safe active',
  ])
})
