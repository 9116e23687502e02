import { seal } from '@keyfold/core'
import { describe, expect, test } from 'vitest'
import { retire, rotate, verify } from '../../src/index.ts'
import type { Bench } from './fixtures.ts'
import { bench, names, refusalOf } from './fixtures.ts'
import { MemoryStore } from './memory-store.ts'

/** Where an envelope's key id stands: behind magic, version, suite, flags and count. */
const KEY_ID_AT = 6

async function rotated(): Promise<Bench & { store: MemoryStore }> {
  const base = await bench()
  const store = new MemoryStore('app.db', ['email', 'phone']).fill('email', names(20)).fill('phone', [...names(5), null])
  await rotate({ stores: [store], keyring: base.keyring('q3'), ledger: base.ledger })
  await rotate({ stores: [store], keyring: base.keyring('q4', 'q3'), ledger: base.ledger })
  return { ...base, store }
}

const stateOf = ({ ledger }: Bench, id: string): string | undefined => ledger.keys.all().find((key) => key.id === id)?.state

describe('retire', () => {
  test('disables a key that no record needs, after opening all of them without it', async () => {
    const b = await rotated()
    const report = await retire({ stores: [b.store], keyring: b.keyring('q4', 'q3'), ledger: b.ledger, key: 'key-file:q3' })
    expect(report).toMatchObject({ outcome: 'retired', opened: 25 })
    expect(stateOf(b, 'key-file:q3')).toBe('disabled')
    expect(await refusalOf(rotate({ stores: [b.store], keyring: b.keyring('q3', 'q4'), ledger: b.ledger }))).toMatchInlineSnapshot(`
      "ERR_KEY_DISABLED: key-file:q3 is to be the active key, and is disabled
      A key that was taken out of service does not come back. Make a new key and rotate to it."
    `)
  })

  test('abuse 34: is refused while one record is left, with the count and the store', async () => {
    const b = await rotated()
    const other = new MemoryStore('archive.db', ['email']).fill('email', names(3))
    await rotate({ stores: [other], keyring: b.keyring('q3'), ledger: (await bench()).ledger })
    const report = await retire({ stores: [b.store, other], keyring: b.keyring('q4', 'q3'), ledger: b.ledger, key: 'key-file:q3' })
    expect(report).toMatchObject({ outcome: 'needed', needed: [{ store: 'archive.db', table: 'customers', column: 'email', records: 3 }] })
    expect(stateOf(b, 'key-file:q3')).toBe('decrypt-only')
  })

  test('abuse 34: a key id edited in a header, so that the census lies, is found', async () => {
    const b = await rotated()
    const { keyring, store, ledger } = b
    const forged = Uint8Array.from(await seal(keyring('q3'), 'person 7', store.context('email', 7)))
    forged.set(keyring('q4').active.keyId, KEY_ID_AT)
    store.put('email', 7, forged)
    const report = await retire({ stores: [store], keyring: keyring('q4', 'q3'), ledger, key: 'key-file:q3' })
    expect(report).toMatchObject({ outcome: 'damaged', needed: [], failed: { total: 1, byCode: { ERR_NOT_AUTHENTIC: 1 } } })
    expect(stateOf(b, 'key-file:q3')).toBe('decrypt-only')
  })

  test('the active key is never retired, and an unknown one is named so', async () => {
    const b = await rotated()
    const common = { stores: [b.store], keyring: b.keyring('q4', 'q3'), ledger: b.ledger }
    expect(await retire({ ...common, key: 'key-file:q4' })).toMatchObject({ outcome: 'needed', active: true })
    expect(await refusalOf(retire({ ...common, key: 'key-file:q9' }))).toMatchInlineSnapshot(`
      "ERR_KEY_UNKNOWN: there is no such key; did you mean key-file:q3?
      Name a key of the configuration or of the ledger by its id, such as \`key-file:2026q3\`; \`kms-rotate keys list\`
      shows them."
    `)
    expect(stateOf(b, 'key-file:q4')).toBe('active')
  })

  test('stopped in the middle it has changed nothing', async () => {
    const b = await rotated()
    const signal = AbortSignal.abort()
    const call = retire({ stores: [b.store], keyring: b.keyring('q4', 'q3'), ledger: b.ledger, key: 'key-file:q3', signal })
    expect(await refusalOf(call)).toMatchInlineSnapshot(`
      "ERR_INTERRUPTED: interrupted while records were opened; nothing was changed
      Nothing was changed. Start again when there is time to finish."
    `)
    expect(stateOf(b, 'key-file:q3')).toBe('decrypt-only')
  })
})

describe('verify', () => {
  test('opens every record, and names what does not open without telling its id', async () => {
    const { store, keyring, ledger } = await rotated()
    store.put('email', 3, store.cell('email', 4))
    store.put('phone', 2, 'typed in plainly')
    const report = await verify({ stores: [store], keyring: keyring('q4', 'q3'), ledger, full: true })
    expect(report).toMatchObject({ opened: 23, failed: { total: 1, byCode: { ERR_NOT_AUTHENTIC: 1 } } })
    expect(report.census.find(({ column }) => column === 'phone')).toMatchObject({ plaintext: 1 })
    expect(JSON.stringify(report.failed.records)).not.toMatch(/person|"id"/)
  })

  test('a sample is the same for the same seed, and smaller than the whole', async () => {
    const { store, keyring } = await rotated()
    const once = async (seed: string): Promise<number> =>
      (await verify({ stores: [store], keyring: keyring('q4'), sample: 5, seed })).opened
    expect(await once('a')).toBe(await once('a'))
    expect(await once('a')).toBeLessThan(25)
  })

  test('changes nothing', async () => {
    const { store, keyring, ledger } = await rotated()
    const before = structuredClone(store.cells)
    const { batches } = store
    await verify({ stores: [store], keyring: keyring('q4'), ledger, full: true })
    expect(store.cells).toEqual(before)
    expect(store.batches).toBe(batches)
  })
})
