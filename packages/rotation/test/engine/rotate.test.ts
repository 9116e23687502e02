import { createKeyring, KeyfoldError, sealSync } from '@keyfold/core'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { rotate } from '../../src/index.ts'
import { bench, codeOf, names, opened, refusalOf } from './fixtures.ts'
import { diskFull, MemoryStore } from './memory-store.ts'

describe('rotate', () => {
  test('seals plaintext, then moves it to the next key, and every value stays', async () => {
    const { ledger, keyring } = await bench()
    const store = new MemoryStore('app.db', ['email', 'phone']).fill('email', names(25)).fill('phone', ['1', null, '', '4'])
    const first = await rotate({ stores: [store], keyring: keyring('q3'), ledger, batch: 10 })
    expect(first).toMatchObject({ outcome: 'done', sealed: 28, rewrapped: 0, pending: 0 })
    const second = await rotate({ stores: [store], keyring: keyring('q4', 'q3'), ledger, batch: 10 })
    expect(second).toMatchObject({ outcome: 'done', sealed: 0, rewrapped: 28, reencrypted: 0, pending: 0 })
    expect(opened(store, 'email', keyring('q4'))).toEqual(names(25))
    expect(opened(store, 'phone', keyring('q4'))).toEqual(['1', null, '', '4'])
    expect(Math.max(...store.updates.values())).toBe(2)
  })

  test('a third run has nothing to do and writes nothing', async () => {
    const { ledger, keyring } = await bench()
    const store = new MemoryStore('app.db', ['email']).fill('email', names(5))
    await rotate({ stores: [store], keyring: keyring('q3'), ledger })
    const { batches } = store
    expect(await rotate({ stores: [store], keyring: keyring('q3'), ledger })).toMatchObject({ outcome: 'done', sealed: 0, rewrapped: 0 })
    expect(store.batches).toBe(batches)
  })

  test('a compromise gives every record a new body, those under the new key included', async () => {
    const { ledger, keyring } = await bench()
    const store = new MemoryStore('app.db', ['email']).fill('email', names(12))
    await rotate({ stores: [store], keyring: keyring('q3'), ledger })
    await rotate({ stores: [store], keyring: keyring('q4', 'q3'), ledger })
    const before = new Set(bodies(store))
    const result = await rotate({ stores: [store], keyring: keyring('q4', 'q3'), ledger, reason: 'compromise', batch: 5 })
    expect(result).toMatchObject({ outcome: 'done', reencrypted: 12 })
    expect(bodies(store).filter((body) => before.has(body))).toEqual([])
    expect(opened(store, 'email', keyring('q4'))).toEqual(names(12))
  })

  test('stopped after any batch, a second run finishes, and no cell is written twice', async () => {
    for (let stop = 1; stop <= 7; stop++) {
      const { ledger, keyring } = await bench()
      const store = new MemoryStore('app.db', ['email', 'phone']).fill('email', names(30)).fill('phone', names(30))
      const controller = new AbortController()
      store.onWrite = () => (store.batches + 1 === stop ? controller.abort() : undefined)
      const cut = await rotate({ stores: [store], keyring: keyring('q3'), ledger, batch: 8, signal: controller.signal })
      expect(cut.outcome).toBe('interrupted')
      store.onWrite = undefined
      const rest = await rotate({ stores: [store], keyring: keyring('q3'), ledger, batch: 8 })
      expect(rest).toMatchObject({ outcome: 'done', resumed: true })
      expect(cut.sealed + rest.sealed).toBe(60)
      expect(Math.max(...store.updates.values())).toBe(1)
      expect(opened(store, 'email', keyring('q3'))).toEqual(names(30))
    }
  })

  test('a write that fails stops the run with its error; the next one finishes', async () => {
    const { ledger, keyring } = await bench()
    const store = new MemoryStore('app.db', ['email']).fill('email', names(20))
    store.onWrite = () => (store.batches === 2 ? diskFull() : undefined)
    expect(await codeOf(rotate({ stores: [store], keyring: keyring('q3'), ledger, batch: 5 }))).toBe('ERR_SQLITE_IO')
    expect(store.updates.size).toBe(10)
    store.onWrite = undefined
    expect(await rotate({ stores: [store], keyring: keyring('q3'), ledger, batch: 5 })).toMatchObject({ outcome: 'done', sealed: 10 })
    expect(Math.max(...store.updates.values())).toBe(1)
  })

  test('abuse 32: what an application writes in the middle wins, and is sealed too', async () => {
    const { ledger, keyring } = await bench()
    const store = new MemoryStore('app.db', ['email']).fill('email', names(20))
    let writes = 0
    store.onRead = () => {
      if (writes < 3) store.put('email', ++writes, `newer ${writes}`)
      if (writes === 3) store.put('email', 0, 'inserted behind the cursor')
    }
    const result = await rotate({ stores: [store], keyring: keyring('q3'), ledger, batch: 5 })
    expect(result.outcome).toBe('done')
    expect(result.conflicts).toBeGreaterThan(0)
    const values = opened(store, 'email', keyring('q3'))
    expect(values).toEqual(expect.arrayContaining(['newer 1', 'newer 2', 'newer 3', 'inserted behind the cursor']))
    expect(values).toHaveLength(21)
  })

  test('abuse 33: records that cannot be opened are set aside untouched, and all the others move', async () => {
    const { ledger, keyring } = await bench()
    const store = new MemoryStore('app.db', ['email']).fill('email', names(10))
    await rotate({ stores: [store], keyring: keyring('q3'), ledger })
    const swapped = store.cell('email', 2)!.slice()
    swapped[30]! ^= 1 // in the wrapped key
    const cut = store.cell('email', 3)!.subarray(0, 60)
    store.put('email', 2, swapped)
    store.put('email', 3, cut)
    store.put('email', 4, sealSync(keyring('foreign'), 'x', store.context('email', 4)))
    const result = await rotate({ stores: [store], keyring: keyring('q4', 'q3'), ledger, batch: 4 })
    expect(result).toMatchObject({ outcome: 'quarantined', rewrapped: 7, quarantined: { total: 3 } })
    expect(result.quarantined.byCode).toEqual({ ERR_NOT_AUTHENTIC: 1, ERR_ENVELOPE_MALFORMED: 1, ERR_KEY_NOT_FOUND: 1 })
    expect(store.cell('email', 2)).toEqual(swapped)
    expect(store.cell('email', 3)).toEqual(cut)
    expect(JSON.stringify(result.quarantined)).not.toMatch(/person/)
  })

  test('a key service out of reach stops the run instead of setting records aside', async () => {
    const { ledger, keyring } = await bench()
    const store = new MemoryStore('app.db', ['email']).fill('email', names(10))
    const real = keyring('q3')
    const { id, keyId } = real.active
    const down = async (): Promise<never> => {
      throw new KeyfoldError('ERR_KEY_UNAVAILABLE', 'the key service does not answer')
    }
    const remote = createKeyring({ active: { id, keyId, wrap: down, unwrap: down } })
    expect(await refusalOf(rotate({ stores: [store], keyring: remote, ledger, batch: 5 }))).toMatchInlineSnapshot(`
      "ERR_KEY_UNAVAILABLE: the key service does not answer
      The key service could not be reached or is out of order. The record is intact: try again later."
    `)
    expect(store.updates.size).toBe(0)
    expect(await rotate({ stores: [store], keyring: real, ledger })).toMatchObject({ outcome: 'done', sealed: 10 })
  })

  test('what stands against sealing refuses the run before anything is written', async () => {
    const { ledger, keyring } = await bench()
    const store = new MemoryStore('app.db', ['email']).fill('email', names(3))
    store.problems = [{ table: 'customers', column: 'email', problem: 'the index by_email holds it', hint: 'DROP INDEX by_email' }]
    expect(await refusalOf(rotate({ stores: [store], keyring: keyring('q3'), ledger }))).toMatchInlineSnapshot(`
      "ERR_STORE_UNSUITED: one thing stands against sealing:
        app.db customers.email: the index by_email holds it. DROP INDEX by_email
      Remove what is named, or take the column out of the configuration. Nothing was written."
    `)
    expect(store.updates.size).toBe(0)
    expect(ledger.keys.all()).toEqual([])
  })

  test('a store that a killed run left unscrubbed is scrubbed by the next, though there is nothing to seal', async () => {
    const { ledger, keyring } = await bench()
    const store = new MemoryStore('app.db', ['email']).fill('email', names(10))
    store.onWrite = () => (store.batches === 1 ? diskFull() : undefined)
    await codeOf(rotate({ stores: [store], keyring: keyring('q3'), ledger, batch: 5 }))
    expect(ledger.scrubs.pending()).toEqual(['app.db'])
    store.onWrite = undefined
    store.remains = ['the write-ahead log is held open']
    expect(await rotate({ stores: [store], keyring: keyring('q3'), ledger })).toMatchObject({ outcome: 'scrub-pending' })
    expect(ledger.scrubs.pending()).toEqual(['app.db'])
    store.remains = []
    expect(await rotate({ stores: [store], keyring: keyring('q3'), ledger })).toMatchObject({ outcome: 'done', sealed: 0 })
    expect(ledger.scrubs.pending()).toEqual([])
  })

  test('the mark to scrub stands before the first plaintext is replaced', async () => {
    const { ledger, keyring } = await bench()
    const store = new MemoryStore('app.db', ['email']).fill('email', names(3))
    const marks: (readonly string[])[] = []
    store.onWrite = () => void marks.push(ledger.scrubs.pending())
    await rotate({ stores: [store], keyring: keyring('q3'), ledger })
    expect(marks[0]).toEqual(['app.db'])
  })

  test('whatever stood in a column, all of it is readable under the new key alone afterwards', async () => {
    const { ledger, keyring } = await bench()
    const cell = fc.record({ text: fc.string(), state: fc.constantFrom('plain', 'q2', 'q3', 'q4', 'null') })
    await fc.assert(
      fc.asyncProperty(fc.array(cell, { maxLength: 40 }), fc.integer({ min: 1, max: 9 }), fc.boolean(), async (cells, batch, exposed) => {
        const store = new MemoryStore('app.db', ['email'])
        for (const [i, { text, state }] of cells.entries()) {
          const value = `v${text}`.toWellFormed()
          const sealed = (key: string): Uint8Array => sealSync(keyring(key), value, store.context('email', i + 1))
          store.put('email', i + 1, state === 'null' ? null : state === 'plain' ? value : sealed(state))
        }
        const reason = exposed ? 'compromise' : 'rotation'
        const result = await rotate({ stores: [store], keyring: keyring('q4', 'q3', 'q2'), ledger, batch, reason })
        expect(result).toMatchObject({ outcome: 'done', pending: 0 })
        const expected = cells.map(({ text, state }) => (state === 'null' ? null : `v${text}`.toWellFormed()))
        expect(opened(store, 'email', keyring('q4'))).toEqual(expected)
      }),
      { numRuns: 60 },
    )
  })
})

/** The last bytes of each envelope, its tag among them: what a rewrap leaves alone. */
function bodies(store: MemoryStore): string[] {
  return [...store.cells.get('email')!.values()].map((value) => Buffer.from(value!.subarray(-20)).toString('hex'))
}
