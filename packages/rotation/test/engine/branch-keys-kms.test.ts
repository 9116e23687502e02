/** Branch keys over a key service: an emulator of AWS KMS, spoken to by the real SDK, which counts its calls. */
import type { BranchKeys, Keyring } from '@keyfold/core'
import { createBranchKeys, createKeyring, memoryBranchKeyStore } from '@keyfold/core'
import { describe, expect, test } from 'vitest'
import { plan, retire, rotate, verify } from '../../src/index.ts'
import { openedUnder } from './branched.ts'
import { bench, codeOf, names } from './fixtures.ts'
import { called, emulator, key, newKey } from './kms.ts'
import { MemoryStore } from './memory-store.ts'

/** Two columns under a branch key of one KMS key, and the keys that move it to another. */
async function moving(rows: number) {
  const { ledger } = await bench()
  const [from, to] = [key(await newKey()), key(await newKey())]
  const keyStore = memoryBranchKeyStore()
  const branched = (keyring: Keyring): BranchKeys => createBranchKeys({ keyring, store: keyStore, partition: { by: 'table' } })
  const store = new MemoryStore('app.db', ['email', 'phone']).fill('email', names(rows)).fill('phone', names(rows))
  emulator.resetCalls()
  await rotate({ stores: [store], keyring: branched(createKeyring({ active: from })), ledger })
  const sealing = called()
  emulator.resetCalls()
  const keyring = branched(createKeyring({ active: to, decryptOnly: [from] }))
  return { ledger, from, to, store, keyring, branched, sealing, stores: [store] }
}

describe('with KMS as the root', () => {
  test('calls go with the branch keys: as many for 10 records as for 2,000', async () => {
    const calls = async (rows: number): Promise<Record<string, number>> => {
      const { stores, store, keyring, ledger, to, branched, sealing } = await moving(rows)
      const made = await plan({ stores, keyring, ledger })
      expect(made).toMatchObject({ totals: { rewrap: 0 }, branchKeys: { rewrap: 1 }, remoteKeyCalls: 6, cost: { microUsd: 18 } })
      emulator.resetCalls()
      expect(await rotate({ stores, keyring, ledger, plan: made })).toMatchObject({ outcome: 'done', rewrapped: 0, branchKeys: { rewrapped: 1 } })
      const rotating = called()
      expect(rotating).toBe(made.remoteKeyCalls)
      emulator.resetCalls()
      expect(await verify({ stores, keyring, full: true })).toMatchObject({ opened: 2 * rows, failed: { total: 0 } })
      const verifying = called()
      expect(await openedUnder(store, branched(createKeyring({ active: to })))).toEqual(names(rows))
      return { sealing, rotating, verifying }
    }
    const few = await calls(10)
    // Each is asked for beforehand, which is a call too; the ledger's own key takes one when it is made, and two when it is moved.
    expect(few).toEqual({ sealing: 3, rotating: 6, verifying: 1 })
    expect(await calls(2000)).toEqual(few)
  })

  test('within the service a branch key moves by one ReEncrypt, and nothing is opened but the key of the ledger', async () => {
    const { stores, keyring, ledger, from, to, store, branched } = await moving(20)
    emulator.setFaults({ fail: { Decrypt: 'AccessDeniedException' } })
    expect(await codeOf(rotate({ stores, keyring, ledger }))).toBe('ERR_KEY_DENIED')
    emulator.setFaults({})
    const made = await plan({ stores, keyring, ledger, within: true })
    expect(made.keyCalls).toEqual({ [from.id]: 1 + 1 + 1, [to.id]: 1 })
    emulator.resetCalls()
    expect(await rotate({ stores, keyring, ledger, within: true, plan: made })).toMatchObject({ outcome: 'done', branchKeys: { rewrapped: 1 } })
    // one more to ask beforehand; the ledger's key is opened, and put under the new one
    expect(emulator.calls).toEqual({ ReEncrypt: 2, Decrypt: 1, GenerateDataKey: 1 })
    expect(await openedUnder(store, branched(createKeyring({ active: to })))).toEqual(names(20))
    expect(await retire({ stores, keyring, ledger, key: from.id })).toMatchObject({ outcome: 'retired', opened: 40 })
  })
})
