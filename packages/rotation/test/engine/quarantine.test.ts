import { describe, expect, test } from 'vitest'
import { rotate } from '../../src/index.ts'
import { bench, names } from './fixtures.ts'
import { MemoryStore } from './memory-store.ts'

describe('records that were set aside', () => {
  test('abuse 33: stay listed in the ledger under their pseudonyms until they are repaired', async () => {
    const { ledger, keyring } = await bench()
    const store = new MemoryStore('app.db', ['email', 'phone']).fill('email', names(30)).fill('phone', names(3))
    await rotate({ stores: [store], keyring: keyring('q3'), ledger })
    const good = Uint8Array.from(store.cell('email', 7)!)
    const bad = Uint8Array.from(good)
    bad[bad.length - 1]! ^= 1
    store.put('email', 7, bad)
    store.put('email', 8, Uint8Array.from(store.cell('email', 9)!))
    const report = await rotate({ stores: [store], keyring: keyring('q4', 'q3'), ledger, reason: 'compromise', batch: 4 })
    expect(report).toMatchObject({ outcome: 'quarantined', quarantined: { total: 2 } })
    expect(ledger.quarantine.count()).toEqual([{ store: 'app.db', table: 'customers', column: 'email', code: 'ERR_NOT_AUTHENTIC', records: 2 }])
    expect(new Set(ledger.quarantine.list(10).map(({ record }) => record))).toEqual(new Set(report.quarantined.records.map(({ record }) => record)))
    expect(ledger.quarantine.list(1)).toHaveLength(1)
    store.put('email', 7, good)
    await rotate({ stores: [store], keyring: keyring('q4', 'q3'), ledger })
    expect(ledger.quarantine.count()).toMatchObject([{ records: 1 }])
    store.put('email', 8, null)
    expect(await rotate({ stores: [store], keyring: keyring('q4', 'q3'), ledger })).toMatchObject({ outcome: 'done' })
    expect(ledger.quarantine.count()).toEqual([])
  })
})
