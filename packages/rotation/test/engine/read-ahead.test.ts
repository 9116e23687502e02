import { setTimeout as sleep } from 'node:timers/promises'
import { sqliteStoreOnThread } from '@keyfold/sqlite'
import Database from 'better-sqlite3'
import { join } from 'node:path'
import type { ColumnRef, ReadOptions, RecordChange, RecordStore, StoredRecord } from '@keyfold/core'
import { KeyfoldError } from '@keyfold/core'
import { expect, test } from 'vitest'
import { rotate } from '../../src/index.ts'
import { bench, codeOf, names, opened } from './fixtures.ts'
import { MemoryStore } from './memory-store.ts'

/** A store elsewhere: each call takes a while, and they are carried out one after the other. Keeps account of what is under way. */
class DistantStore implements RecordStore {
  readonly concurrent = true
  readonly inner: MemoryStore
  readonly events: string[] = []
  underWay = 0
  /** Called as a batch is about to be written, with its number from 1. */
  onWrite: (batch: number) => void | Promise<void> = () => undefined
  #queue: Promise<unknown> = Promise.resolve()
  #batches = 0

  constructor(inner: MemoryStore) {
    this.inner = inner
  }

  get name() {
    return this.inner.name
  }
  get columns() {
    return this.inner.columns
  }
  check = () => this.inner.check()
  prepare = () => this.inner.prepare()
  census = (column: ColumnRef) => this.inner.census(column)
  scrub = () => this.inner.scrub()
  close = () => this.inner.close()

  read(column: ColumnRef, options: ReadOptions): Promise<readonly StoredRecord[]> {
    return this.#inTurn(`read after ${options.after ?? 'nothing'}`, () => this.inner.read(column, options))
  }

  write(column: ColumnRef, changes: readonly RecordChange[]): Promise<number> {
    const batch = ++this.#batches
    return this.#inTurn(`write to ${changes.at(-1)!.record.position}`, async () => {
      await this.onWrite(batch)
      return this.inner.write(column, changes)
    })
  }

  #inTurn<T>(event: string, work: () => T | Promise<T>): Promise<T> {
    this.underWay++
    const turn = this.#queue.then(async () => {
      await sleep(2)
      this.events.push(event)
      return work()
    })
    this.#queue = turn.catch(() => undefined)
    return turn.finally(() => this.underWay--)
  }
}

const storeOf = (count: number): DistantStore => new DistantStore(new MemoryStore('app.db', ['email']).fill('email', names(count)))

test('the next batch is read ahead, batches are written in their order, and each checkpoint is behind what is written', async () => {
  const { ledger, keyring } = await bench()
  const store = storeOf(50)
  const checkpoints: Array<[written: number, position: number]> = []
  const save = ledger.rotations.save.bind(ledger.rotations)
  Object.assign(ledger.rotations, {
    save: (...args: Parameters<typeof save>) => {
      checkpoints.push([store.inner.updates.size, Number(args[2].position ?? Infinity)])
      save(...args)
    },
  })
  const report = await rotate({ stores: [store], keyring: keyring('k1'), ledger, reason: 'compromise', batch: 10 })
  expect([report.outcome, report.sealed]).toEqual(['done', 50])
  expect(opened(store.inner, 'email', keyring('k1'))).toEqual(names(50))
  const pass = store.events.slice(store.events.indexOf('read after nothing'))
  expect(pass.indexOf('read after 20')).toBeLessThan(pass.indexOf('write to 20'))
  expect(pass.filter((event) => event.startsWith('write'))).toEqual([10, 20, 30, 40, 50].map((position) => `write to ${position}`))
  for (const [written, position] of checkpoints.slice(0, -1)) expect(position).toBeLessThanOrEqual(written)
  expect(checkpoints.map(([, position]) => position)).toEqual([10, 20, 30, 40, 50, Infinity])
})

test('a stop finishes what is being written, saves it, drops what was read ahead, and leaves nothing under way', async () => {
  const { ledger, keyring } = await bench()
  const store = storeOf(60)
  const controller = new AbortController()
  store.onWrite = (batch) => (batch === 2 ? controller.abort() : undefined)
  const report = await rotate({ stores: [store], keyring: keyring('k1'), ledger, batch: 10, signal: controller.signal })
  expect(report.outcome).toBe('interrupted')
  expect(store.underWay).toBe(0)
  expect(report.sealed).toBe(store.inner.updates.size)
  expect(report.sealed).toBeLessThan(60)
  const { id } = ledger.rotations.unfinished()!
  const { position, sealed } = ledger.rotations.checkpoint(id, { store: 'app.db', table: 'customers', column: 'email' })
  expect([Number(position), sealed]).toEqual([report.sealed, report.sealed])
  const next = await rotate({ stores: [store], keyring: keyring('k1'), ledger })
  expect([next.outcome, next.sealed]).toEqual(['done', 60 - report.sealed])
  expect([...store.inner.updates.values()].every((count) => count === 1)).toBe(true)
})

test('a write that fails ends the run with its error; what was written before it is in the checkpoint, nothing behind it', async () => {
  const { ledger, keyring } = await bench()
  const store = storeOf(60)
  store.onWrite = (batch) => {
    if (batch === 3) throw new KeyfoldError('ERR_SQLITE_FULL', 'the database cannot grow')
  }
  expect(await codeOf(rotate({ stores: [store], keyring: keyring('k1'), ledger, batch: 10 }))).toBe('ERR_SQLITE_FULL')
  expect(store.underWay).toBe(0)
  expect(store.inner.updates.size).toBe(20)
  const { id } = ledger.rotations.unfinished()!
  expect(ledger.rotations.checkpoint(id, { store: 'app.db', table: 'customers', column: 'email' }).position).toBe('20')
  store.onWrite = () => undefined
  expect((await rotate({ stores: [store], keyring: keyring('k1'), ledger })).sealed).toBe(40)
})

test('a read that fails behind a batch lets that one be written first', async () => {
  const { ledger, keyring } = await bench()
  const store = storeOf(60)
  store.inner.onRead = () => {
    if (store.events.at(-1) === 'read after 20') throw new KeyfoldError('ERR_SQLITE_IO', 'reading failed')
  }
  expect(await codeOf(rotate({ stores: [store], keyring: keyring('k1'), ledger, batch: 10 }))).toBe('ERR_SQLITE_IO')
  expect([store.underWay, store.inner.updates.size]).toEqual([0, 20])
})

test('abuse 32: a value that the application writes while its batch was read ahead wins', async () => {
  const { ledger, keyring } = await bench()
  const store = storeOf(30)
  store.onWrite = (batch) => {
    if (batch === 1) store.inner.put('email', 15, 'newer')
  }
  const report = await rotate({ stores: [store], keyring: keyring('k1'), ledger, batch: 10 })
  expect([report.outcome, report.conflicts, report.passes]).toEqual(['done', 1, 2])
  expect(opened(store.inner, 'email', keyring('k1'))[14]).toBe('newer')
})

test('a database on a thread is rotated as one on this thread, first sealing, rewrap and re-encrypt', async () => {
  const { folder, ledger, keyring } = await bench()
  const path = join(folder, 'app.db')
  const db = new Database(path)
  db.exec('PRAGMA journal_mode = WAL; CREATE TABLE t (id INTEGER PRIMARY KEY, c TEXT)')
  db.exec('WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) INSERT INTO t SELECT i, \'person \' || i FROM n')
  const store = await sqliteStoreOnThread(path, { tables: [{ table: 't', id: 'id', columns: ['c'] }] })
  const sealed = await rotate({ stores: [store], keyring: keyring('k1'), ledger })
  const moved = await rotate({ stores: [store], keyring: keyring('k2', 'k1'), ledger })
  const renewed = await rotate({ stores: [store], keyring: keyring('k3', 'k2'), ledger, reason: 'compromise' })
  expect([sealed, moved, renewed].map(({ outcome }) => outcome)).toEqual(['done', 'done', 'done'])
  expect([sealed.sealed, moved.rewrapped, renewed.reencrypted]).toEqual([3000, 3000, 3000])
  await store.close()
  expect(db.pragma('integrity_check', { simple: true })).toBe('ok')
  db.close()
})
