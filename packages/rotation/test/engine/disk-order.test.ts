/** What is on the disk when: a batch, what makes it durable, its checkpoint, and what goes on meanwhile. */
import type { ColumnRef, ReadOptions, RecordChange } from '@keyfold/core'
import { KeyfoldError } from '@keyfold/core'
import { expect, test } from 'vitest'
import type { Ledger } from '../../src/index.ts'
import { rotate } from '../../src/index.ts'
import { bench, codeOf, names } from './fixtures.ts'
import { MemoryStore } from './memory-store.ts'

/** A store on this thread whose writes take a turn, and which is put on the disk elsewhere. */
class SlowDisk extends MemoryStore {
  readonly events: string[] = []
  /** Ends when told to. */
  onSync: () => Promise<void> = async () => undefined

  override read(column: ColumnRef, options: ReadOptions) {
    this.events.push(`read after ${options.after ?? 'nothing'}`)
    return super.read(column, options)
  }

  override write(column: ColumnRef, changes: readonly RecordChange[]): never {
    const written = super.write(column, changes)
    const { position } = changes.at(-1)!.record
    return Promise.resolve().then(() => {
      this.events.push(`written to ${position}`)
      return written
    }) as never
  }

  async sync(): Promise<void> {
    this.events.push('sync')
    await this.onSync()
    this.events.push('synced')
  }
}

/** A store elsewhere: it carries out its calls one after the other, in the order in which they are made. */
class Elsewhere extends SlowDisk {
  readonly concurrent = true
  #last: Promise<unknown> = Promise.resolve()

  #inTurn<T>(call: string, work: () => T): never {
    this.events.push(`asked to ${call}`)
    const answer = this.#last.then(work)
    this.#last = answer.catch(() => undefined)
    return answer as never
  }

  override read(column: ColumnRef, options: ReadOptions): never {
    return this.#inTurn('read', () => super.read(column, options))
  }

  override write(column: ColumnRef, changes: readonly RecordChange[]): never {
    return this.#inTurn(`write to ${changes.at(-1)!.record.position}`, () => super.write(column, changes))
  }

  override sync(): Promise<void> {
    return this.#inTurn('sync', () => super.sync())
  }
}

function noteCheckpoints(ledger: Ledger, store: SlowDisk): void {
  const save = ledger.rotations.save.bind(ledger.rotations)
  Object.assign(ledger.rotations, {
    save: (...args: Parameters<typeof save>) => {
      store.events.push(`checkpoint ${args[2].position ?? 'end'}`)
      save(...args)
    },
  })
}

test('the next batch is read while one is put on the disk, and written once the checkpoint of that one is saved', async () => {
  const { ledger, keyring } = await bench()
  const store = new SlowDisk('app.db', ['email']).fill('email', names(30))
  noteCheckpoints(ledger, store)
  store.onSync = () => new Promise((resolve) => setTimeout(resolve, 5))
  await rotate({ stores: [store], keyring: keyring('k1'), ledger, reason: 'compromise', batch: 10, scrub: false })
  expect(store.events.slice(0, 18)).toEqual([
    'read after nothing', 'written to 10', 'sync',
    'read after 10', 'synced', 'checkpoint 10', 'written to 20', 'sync',
    'read after 20', 'synced', 'checkpoint 20', 'written to 30', 'sync',
    'read after 30', 'synced', 'checkpoint 30', 'sync', 'synced',
  ])
  expect(store.events[18]).toBe('checkpoint end')
})

test.each([
  ['on this thread', SlowDisk],
  ['elsewhere', Elsewhere],
])('%s, where a batch cannot be put on the disk, the run ends with that error, without its checkpoint and another write', async (_, Store) => {
  const { ledger, keyring } = await bench()
  const store = new Store('app.db', ['email']).fill('email', names(50))
  noteCheckpoints(ledger, store)
  let syncs = 0
  store.onSync = async () => {
    if (++syncs > 1) throw new KeyfoldError('ERR_SQLITE_IO', 'the log of the database cannot be put on the disk (EIO)')
  }
  const run = rotate({ stores: [store], keyring: keyring('k1'), ledger, reason: 'compromise', batch: 10, scrub: false })
  expect(await codeOf(run)).toBe('ERR_SQLITE_IO')
  expect(store.events.filter((event) => /^(?:written|checkpoint)/.test(event))).toEqual(['written to 10', 'checkpoint 10', 'written to 20'])
  store.onSync = async () => undefined
  const report = await rotate({ stores: [store], keyring: keyring('k1'), ledger })
  expect([report.outcome, report.pending]).toEqual(['done', 0])
})

test('elsewhere, the disk is asked for right behind the last write of a batch, and the checkpoint still waits for it', async () => {
  const { ledger, keyring } = await bench()
  const store = new Elsewhere('app.db', ['email']).fill('email', names(20))
  await rotate({ stores: [store], keyring: keyring('k1'), ledger, scrub: false })
  for (let id = 2; id <= 20; id += 2) store.put('email', id, `newcomer ${id}`) // sealed and not in turn: two writes a batch
  noteCheckpoints(ledger, store)
  store.events.length = 0
  await rotate({ stores: [store], keyring: keyring('k1'), ledger, reason: 'compromise', batch: 10, scrub: false })
  expect(store.events.filter((event) => !/read/.test(event)).slice(0, 15)).toEqual([
    'asked to write to 10', 'written to 10', 'asked to write to 9', 'asked to sync', 'written to 9', 'sync', 'synced', 'checkpoint 10',
    'asked to write to 20', 'written to 20', 'asked to write to 19', 'asked to sync', 'written to 19', 'sync', 'synced',
  ])
  expect(store.events.filter((event) => event.startsWith('checkpoint')).slice(0, 3)).toEqual(['checkpoint 10', 'checkpoint 20', 'checkpoint end'])
})
