import { createBranchKeys, memoryBranchKeyStore, openTextSync, sealSync } from '@keyfold/core'
import type { RecordStore } from '@keyfold/core'
import { describe, expect, test } from 'vitest'
import { rotate } from '../../src/index.ts'
import { bench, codeOf, names, refusalOf } from './fixtures.ts'
import { diskFull, MemoryStore } from './memory-store.ts'

const text = new TextDecoder()

/** The values of a column as they stand in the store. */
function stored(store: MemoryStore, column: string): (string | null)[] {
  return [...store.cells.get(column)!.values()].map((value) => (value === null ? null : text.decode(value)))
}

describe('unsealing', () => {
  test('puts every value back, those under older keys and in plaintext included, and a second run has nothing to do', async () => {
    const { ledger, keyring } = await bench()
    const store = new MemoryStore('app.db', ['email', 'phone']).fill('email', names(25)).fill('phone', ['1', null, '', '4'])
    await rotate({ stores: [store], keyring: keyring('q3'), ledger })
    store.put('email', 3, sealSync(keyring('q4'), 'under q4', store.context('email', 3)))
    store.put('phone', 1, 'never sealed')
    const report = await rotate({ stores: [store], keyring: keyring('q4', 'q3'), ledger, mode: 'unseal', batch: 4 })
    expect(report).toMatchObject({ outcome: 'done', mode: 'unseal', unsealed: 27, rewrapped: 0, pending: 0 })
    expect(stored(store, 'email')).toEqual(names(25).with(2, 'under q4'))
    expect(stored(store, 'phone')).toEqual(['never sealed', null, '', '4'])
    const { batches } = store
    expect(await rotate({ stores: [store], keyring: keyring('q4', 'q3'), ledger, mode: 'unseal' })).toMatchObject({ outcome: 'done', unsealed: 0 })
    expect([store.batches, Math.max(...store.updates.values())]).toEqual([batches, 2])
  })

  test('stopped after any batch, a second run finishes, and no cell is written twice', async () => {
    for (let stop = 1; stop <= 4; stop++) {
      const { ledger, keyring } = await bench()
      const store = new MemoryStore('app.db', ['email']).fill('email', names(30))
      await rotate({ stores: [store], keyring: keyring('q3'), ledger })
      const controller = new AbortController()
      const already = store.batches
      store.onWrite = () => (store.batches - already + 1 === stop ? controller.abort() : undefined)
      const options = { stores: [store], keyring: keyring('q3'), ledger, mode: 'unseal', batch: 8 } as const
      const cut = await rotate({ ...options, signal: controller.signal })
      const rest = await rotate(options)
      expect([cut.unsealed + rest.unsealed, rest.outcome, Math.max(...store.updates.values())]).toEqual([30, 'done', 2])
      expect(stored(store, 'email')).toEqual(names(30))
    }
  })

  test('a record that does not open, and one that the store cannot hold, are set aside sealed as they are', async () => {
    const { ledger, keyring } = await bench()
    const store = new MemoryStore('app.db', ['email']).fill('email', names(9))
    await rotate({ stores: [store], keyring: keyring('q3'), ledger })
    store.put('email', 4, Uint8Array.from(store.cell('email', 5)!))
    store.refused = 'person 7'
    const report = await rotate({ stores: [store], keyring: keyring('q3'), ledger, mode: 'unseal' })
    expect(report).toMatchObject({ outcome: 'quarantined', unsealed: 7, quarantined: { byCode: { ERR_NOT_AUTHENTIC: 1, ERR_TABLE_TYPE: 1 } } })
    expect(ledger.quarantine.count()).toHaveLength(2)
    expect(openTextSync(keyring('q3'), store.cell('email', 7)!, store.context('email', 7))).toBe('person 7')
  })

  test('a disk that is full ends the run, and no record is set aside for it; the next run finishes', async () => {
    const { ledger, keyring } = await bench()
    const store = new MemoryStore('app.db', ['email']).fill('email', names(9))
    const options = { stores: [store], keyring: keyring('q3'), ledger }
    await rotate(options)
    const already = store.batches
    store.onWrite = () => (store.batches === already + 1 ? diskFull() : undefined)
    expect(await codeOf(rotate({ ...options, mode: 'unseal', batch: 4 }))).toBe('ERR_SQLITE_IO')
    expect(ledger.quarantine.count()).toEqual([])
    expect(store.batches).toBe(already + 1)
    store.onWrite = undefined
    expect(await rotate({ ...options, mode: 'unseal' })).toMatchObject({ outcome: 'done', resumed: true, unsealed: 5 })
    expect(stored(store, 'email')).toEqual(names(9))
  })

  test('records whose branch key was destroyed stay as they are, and hold nothing up', async () => {
    const { ledger, keyring } = await bench()
    const branchKeys = createBranchKeys({ keyring: keyring('q3'), store: memoryBranchKeyStore(), partition: { by: 'column' } })
    const store = new MemoryStore('app.db', ['email', 'phone']).fill('email', names(4)).fill('phone', names(4))
    await rotate({ stores: [store], keyring: branchKeys, ledger })
    await branchKeys.destroy('phone')
    expect(await rotate({ stores: [store], keyring: branchKeys, ledger, mode: 'unseal' })).toMatchObject({ outcome: 'done', unsealed: 4, pending: 0 })
    expect(stored(store, 'email')).toEqual(names(4))
  })

  test('is refused with a plan’s or a compromise’s company, in a store that cannot, and while a compromise is unfinished', async () => {
    const { ledger, keyring } = await bench()
    const store = new MemoryStore('app.db', ['email']).fill('email', names(30))
    const options = { stores: [store], keyring: keyring('q3'), ledger, batch: 10 }
    expect(await refusalOf(rotate({ ...options, mode: 'unseal', reason: 'compromise' }))).toMatchInlineSnapshot(`
      "ERR_ARGUMENT: to unseal takes no plan and no reason
      Correct the call; the docstring of the function names the shape and unit of each argument."
    `)
    const without: RecordStore = Object.create(store, { unseal: { value: undefined } }) as RecordStore
    expect(await refusalOf(rotate({ ...options, stores: [without], mode: 'unseal' }))).toMatchInlineSnapshot(`
      "ERR_STORE_UNSUITED: app.db cannot put plaintext back
      Remove what is named, or take the column out of the configuration. Nothing was written."
    `)
    const controller = new AbortController()
    store.onWrite = () => controller.abort()
    await rotate({ ...options, reason: 'compromise', signal: controller.signal })
    store.onWrite = undefined
    expect(await refusalOf(rotate({ ...options, mode: 'unseal' }))).toMatchInlineSnapshot(`
      "ERR_ROTATION_COMPROMISE: the rotation under way gives new data keys after a compromise
      Let it end first: kms-rotate run."
    `)
    expect(await rotate(options)).toMatchObject({ outcome: 'done', reason: 'compromise' })
  })
})
