/** What is said of replaced values that may still lie in free pages, and how long a store keeps its note. */
import { KeyfoldError } from '@keyfold/core'
import { expect, test } from 'vitest'
import type { RotateOptions } from '../../src/index.ts'
import { rotate } from '../../src/index.ts'
import { bench, names } from './fixtures.ts'
import { MemoryStore } from './memory-store.ts'

async function scene() {
  const { ledger, keyring } = await bench()
  const store = new MemoryStore('app.db', ['email']).fill('email', names(3))
  const options: RotateOptions = { stores: [store], keyring: keyring('q3'), ledger }
  return { ledger, keyring, store, options }
}

const NOT_ASKED = 'replaced values may still lie in its free pages: it was not scrubbed, as was asked for'

test('left out as was asked for, each store with a note is named; the next run scrubs it', async () => {
  const { ledger, store, options } = await scene()
  ledger.scrubs.require('other.db')
  expect(await rotate({ ...options, scrub: false })).toMatchObject({
    outcome: 'scrub-pending',
    remains: ['app.db', 'other.db'].map((name) => ({ store: name, facts: [NOT_ASKED] })),
  })
  expect([store.scrubs, ledger.scrubs.pending()]).toEqual([0, ['app.db', 'other.db']])
  ledger.scrubs.done('other.db')
  expect(await rotate(options)).toMatchObject({ outcome: 'done', remains: [] })
  expect([store.scrubs, ledger.scrubs.pending()]).toEqual([1, []])
})

test('a store that the configuration names no more keeps its note', async () => {
  const { ledger, options } = await scene()
  ledger.scrubs.require('gone.db')
  expect(await rotate(options)).toMatchObject({
    outcome: 'scrub-pending',
    remains: [{ store: 'gone.db', facts: ['the configuration names this store no more, so it cannot be scrubbed'] }],
  })
  expect(ledger.scrubs.pending()).toEqual(['gone.db'])
})

test('a lock or a full disk is a fact with its code; what is no error of a store ends the run', async () => {
  const { ledger, store, options } = await scene()
  const { events } = ledger
  const failing = (error: Error): void => void (store.scrub = () => { throw error })
  failing(new KeyfoldError('ERR_SQLITE_BUSY', 'the database is locked'))
  expect(await rotate(options)).toMatchObject({
    outcome: 'scrub-pending', sealed: 3, remains: [{ store: 'app.db', facts: ['the database is locked (ERR_SQLITE_BUSY)'] }],
  })
  // the records are moved, so the rotation is over
  expect(events.latest(1)).toMatchObject([{ kind: 'rotation-finished' }])
  failing(new TypeError('a mistake in the store'))
  await expect(rotate(options)).rejects.toThrow('a mistake in the store')
  expect(ledger.scrubs.pending()).toEqual(['app.db'])
})

test('a run that was stopped scrubs nothing and says nothing of it', async () => {
  const { ledger, store, options } = await scene()
  const stop = new AbortController()
  store.onWrite = () => stop.abort()
  expect(await rotate({ ...options, batch: 1, signal: stop.signal })).toMatchObject({ outcome: 'interrupted', remains: [] })
  expect([store.scrubs, ledger.scrubs.pending()]).toEqual([0, ['app.db']])
})

test('a rewrap replaces nothing that has to be scrubbed, a re-encryption does', async () => {
  const { ledger, store, options, keyring } = await scene()
  await rotate(options)
  const moved = { ...options, keyring: keyring('q4', 'q3'), scrub: false }
  expect(await rotate(moved)).toMatchObject({ outcome: 'done', rewrapped: 3, remains: [] })
  expect(await rotate({ ...moved, reason: 'compromise' })).toMatchObject({ outcome: 'scrub-pending', reencrypted: 3 })
  expect([store.scrubs, ledger.scrubs.pending()]).toEqual([1, ['app.db']])
})
