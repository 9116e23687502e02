/** Ledgers in odd situations: two for one database, a clock that jumps back, one that cannot be written. */
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { openLedger, rotate, status } from '../../src/index.ts'
import { bench, codeOf, names, opened } from './fixtures.ts'
import { MemoryStore } from './memory-store.ts'

const COLUMN = 'email'

describe('two ledgers for one database', () => {
  test('abuse 31: two runs under two ledgers, which know nothing of each other, lose nothing and write no cell twice', async () => {
    const { folder, keyring, ledger } = await bench()
    const other = await openLedger(join(folder, 'other.db'))
    const store = new MemoryStore('app.db', [COLUMN]).fill(COLUMN, names(90))
    const both = [{ ledger, batch: 7 }, { ledger: other, batch: 11 }]
    const reports = await Promise.all(both.map((one) => rotate({ stores: [store], keyring: keyring('q3'), ...one })))
    expect(reports.map(({ outcome }) => outcome)).toEqual(['done', 'done'])
    expect(reports.reduce((sum, { sealed }) => sum + sealed, 0)).toBe(90)
    expect(opened(store, COLUMN, keyring('q3'))).toEqual(names(90))
    expect(new Set(store.updates.values())).toEqual(new Set([1]))
  })

  test('a checkpoint of the one says nothing about what happened under the other', async () => {
    const { folder, keyring, ledger } = await bench()
    const other = await openLedger(join(folder, 'other.db'))
    const store = new MemoryStore('app.db', [COLUMN]).fill(COLUMN, names(40))
    await rotate({ stores: [store], keyring: keyring('q3'), ledger })
    const stop = new AbortController()
    const half = { stores: [store], keyring: keyring('q4', 'q3'), batch: 10 }
    await rotate({ ...half, ledger, signal: stop.signal, onProgress: () => stop.abort() })
    // Under the other ledger everything goes on to a newer key, and then back comes the first with its old checkpoint.
    await rotate({ stores: [store], keyring: keyring('q5', 'q4', 'q3'), ledger: other })
    const report = await rotate({ ...half, keyring: keyring('q4', 'q5', 'q3'), ledger })
    expect(report).toMatchObject({ outcome: 'done', pending: 0 })
    expect(opened(store, COLUMN, keyring('q4'))).toEqual(names(40))
  })
})

describe('a clock that jumps back', () => {
  test('in the middle of a rotation neither stops it nor hides what is under way', async () => {
    const { folder, keyring } = await bench()
    let now = Date.parse('2026-11-01T12:00:00Z')
    const ledger = await openLedger(join(folder, 'odd.db'), () => new Date(now).toISOString())
    const store = new MemoryStore('app.db', [COLUMN]).fill(COLUMN, names(60))
    await rotate({ stores: [store], keyring: keyring('q3'), ledger })
    const stop = new AbortController()
    store.onRead = () => (now -= 86_400_000)
    const options = { stores: [store], keyring: keyring('q4', 'q3'), ledger, batch: 10 }
    expect(await rotate({ ...options, signal: stop.signal, onProgress: () => stop.abort() })).toMatchObject({ outcome: 'interrupted', rewrapped: 10 })
    expect((await status(options)).rotation).toMatchObject({ state: 'unfinished', target: 'key-file:q4' })
    expect(await rotate(options)).toMatchObject({ outcome: 'done', resumed: true, rewrapped: 50 })
    expect((await status(options)).keys).toMatchObject([{ id: 'key-file:q4', state: 'active' }, { id: 'key-file:q3', state: 'decrypt-only' }])
    ledger.close()
  })
})

describe('a ledger that cannot be written', () => {
  test('abuse 26: kept locked by another process the run ends as busy after a wait, rows right; the next one goes on', async () => {
    const { folder, keyring, ledger } = await bench()
    const store = new MemoryStore('app.db', [COLUMN]).fill(COLUMN, names(20))
    const intruder = new Sqlite(join(folder, 'ledger.db'))
    let locked = false
    store.onRead = () => {
      if (!locked) intruder.exec('BEGIN IMMEDIATE')
      locked = true
    }
    const options = { stores: [store], keyring: keyring('q3'), ledger, batch: 10 }
    expect(await codeOf(rotate(options))).toBe('ERR_LEDGER_BUSY')
    intruder.exec('ROLLBACK')
    intruder.close()
    expect(await rotate(options)).toMatchObject({ outcome: 'done', resumed: true })
    expect(opened(store, COLUMN, keyring('q3'))).toEqual(names(20))
  })
})
