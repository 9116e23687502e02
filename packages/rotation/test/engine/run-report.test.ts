/** All that a run tells: its report, its progress after each batch, and what it leaves in the ledger. */
import { sealSync } from '@keyfold/core'
import { describe, expect, test } from 'vitest'
import type { Ledger, RotationProgress } from '../../src/index.ts'
import { plan, rotate } from '../../src/index.ts'
import { bench, codeOf, names, refusalOf } from './fixtures.ts'
import { diskFull, MemoryStore } from './memory-store.ts'

async function scene() {
  const { ledger, keyring } = await bench()
  const [app, log] = [new MemoryStore('app.db', ['email', 'phone']), new MemoryStore('log.db', ['body'])]
  app.fill('email', names(5)).fill('phone', ['1', null, '3'])
  log.fill('body', names(2))
  return { ledger, keyring, app, log, options: { stores: [app, log], keyring: keyring('q3'), ledger } }
}

const eventsOf = (ledger: Ledger, count: number): unknown[] =>
  ledger.events.latest(count).toReversed().map(({ kind, rotation, detail }) => ({ kind, rotation, detail }))

/** In the wrapped key, where also a rewrap notices it. */
const damage = (store: MemoryStore, id: number): void =>
  store.put('email', id, store.cell('email', id)!.map((byte, i) => (i === 30 ? byte ^ 1 : byte)))

const NOTHING = { sealed: 0, rewrapped: 0, reencrypted: 0, unsealed: 0, conflicts: 0 }

describe('the report', () => {
  test('of a first run', async () => {
    const { options } = await scene()
    const column = (store: string, name: string, total: number, empty = 0): object => (
      { store, table: 'customers', column: name, total, null: empty, plaintext: 0, malformed: 0, byKey: { 'key-file:q3': total - empty } }
    )
    expect(await rotate(options)).toEqual({
      outcome: 'done', reason: 'rotation', mode: 'move', target: 'key-file:q3', ledger: 'new', resumed: false, passes: 1, ...NOTHING, sealed: 9,
      pending: 0, quarantined: { total: 0, byCode: {}, records: [] }, remains: [],
      census: [column('app.db', 'email', 5), column('app.db', 'phone', 3, 1), column('log.db', 'body', 2)],
      milliseconds: expect.any(Number) as number,
    })
  })

  test('of a rotation, of one after a compromise, and of one that removes the encryption', async () => {
    const { options, keyring } = await scene()
    await rotate(options)
    const common = { outcome: 'done', ledger: 'known', resumed: false, ...NOTHING }
    const next = { ...options, keyring: keyring('q4', 'q3') }
    expect(await rotate(next)).toMatchObject({ ...common, target: 'key-file:q4', rewrapped: 9, mode: 'move', reason: 'rotation' })
    expect(await rotate({ ...next, reason: 'compromise' })).toMatchObject({ ...common, reencrypted: 9, reason: 'compromise' })
    expect(await rotate({ ...next, mode: 'unseal' })).toMatchObject({ ...common, unsealed: 9, mode: 'unseal', reason: 'rotation' })
  })
})

describe('the progress', () => {
  test('is told after each batch: where it is, how far of all, and what was done', async () => {
    const { options } = await scene()
    const seen: RotationProgress[] = []
    await rotate({ ...options, batch: 3, onProgress: (one) => seen.push(one) })
    const step = (store: string, column: string, done: number): RotationProgress => (
      { store, table: 'customers', column, pass: 1, done, total: 9, ...NOTHING, sealed: done, quarantined: 0, paused: false, slowedBy: null }
    )
    expect(seen).toEqual([
      step('app.db', 'email', 3), step('app.db', 'email', 5), step('app.db', 'phone', 7), step('log.db', 'body', 9),
    ])
  })

  test('counts what was set aside as done, anew in each pass, and more than was counted where more came', async () => {
    const { options, keyring, app } = await scene()
    await rotate(options)
    damage(app, 2)
    app.put('email', 6, 'written since')
    let written = 0
    // an application that inserts behind the cursor
    app.onWrite = () => void (written++ === 0 && app.put('email', 0, sealSync(keyring('q3'), 'person 0', app.context('email', 0))))
    const seen: RotationProgress[] = []
    await rotate({ ...options, keyring: keyring('q4', 'q3'), onProgress: (one) => seen.push(one) })
    expect(seen.map(({ column, pass, done, total, sealed, rewrapped, quarantined }) => [column, pass, done, total, sealed, rewrapped, quarantined]))
      .toEqual([
        ['email', 1, 6, 10, 1, 4, 1],
        ['phone', 1, 8, 10, 1, 6, 1],
        ['body', 1, 10, 10, 1, 8, 1],
        ['email', 2, 11, 11, 1, 9, 1],
      ])
  })

  test('of a compromise counts the whole column, of an unseal what is sealed', async () => {
    const { options, app } = await scene()
    await rotate(options)
    app.put('email', 6, 'written since')
    const totals = async (changes: object): Promise<unknown> => {
      const seen: RotationProgress[] = []
      await rotate({ ...options, ...changes, onProgress: (one) => seen.push(one) })
      return [seen[0]?.total, seen.at(-1)?.done]
    }
    expect(await totals({ reason: 'compromise' })).toEqual([10, 10])
    app.put('email', 7, 'written since')
    expect(await totals({ mode: 'unseal' })).toEqual([10, 10])
  })
})

describe('the ledger', () => {
  test('remembers how a rotation began, was resumed and ended', async () => {
    const { options, ledger, app, keyring } = await scene()
    const writes = { left: 2 }
    app.onWrite = () => (writes.left-- === 0 ? diskFull() : undefined)
    expect(await codeOf(rotate({ ...options, batch: 2 }))).toBe('ERR_SQLITE_IO')
    app.onWrite = undefined
    await rotate(options)
    const detail = { reason: 'rotation', mode: 'move', target: 'key-file:q3' }
    expect(eventsOf(ledger, 9)).toEqual([
      { kind: 'rotation-begun', rotation: 1, detail },
      { kind: 'rotation-resumed', rotation: 1, detail },
      { kind: 'rotation-finished', rotation: 1, detail: { ...NOTHING, sealed: 5 } },
    ])
    await rotate({ ...options, keyring: keyring('q4', 'q3'), reason: 'compromise' })
    expect(eventsOf(ledger, 2)).toMatchObject([
      { kind: 'rotation-begun', rotation: 2, detail: { reason: 'compromise', mode: 'move', target: 'key-file:q4' } },
      { kind: 'rotation-finished', rotation: 2, detail: { ...NOTHING, reencrypted: 9 } },
    ])
  })

  test('a rotation in which a record was set aside, or plaintext keeps coming, is not finished', async () => {
    const { options, ledger, app, keyring } = await scene()
    await rotate(options)
    damage(app, 2)
    expect(await rotate({ ...options, keyring: keyring('q4', 'q3') })).toMatchObject({ outcome: 'quarantined', pending: 0 })
    expect(eventsOf(ledger, 1)).toMatchObject([{ kind: 'rotation-begun' }])
    app.put('email', 2, null)
    // each batch is followed by one more row in plaintext, behind the cursor and for ever
    let id = 0
    app.put('phone', id, 'typed in plainly')
    app.onWrite = () => app.put('phone', --id, 'typed in plainly')
    const report = await rotate({ ...options, keyring: keyring('q4', 'q3') })
    expect(report).toMatchObject({ outcome: 'pending', pending: 1, passes: 8, sealed: 8 })
    expect(eventsOf(ledger, 1)).toMatchObject([{ kind: 'rotation-resumed' }])
  })
})

test('what takes no plan and no reason is refused before the plan is looked at', async () => {
  const { options } = await scene()
  const made = await plan(options)
  for (const more of [{ plan: made }, { reason: 'compromise' as const }, { plan: made, reason: 'compromise' as const }]) {
    expect(await refusalOf(rotate({ ...options, mode: 'unseal', ...more }))).toMatch(/^ERR_ARGUMENT: to unseal takes no plan and no reason\n/)
  }
  expect(await rotate({ ...options, mode: 'unseal', reason: 'rotation' })).toMatchObject({ outcome: 'done' })
})

test('two stores of one name, and everything that stands against sealing in any of them', async () => {
  const { options, app, log } = await scene()
  const twin = new MemoryStore('app.db', ['email'])
  expect(await refusalOf(rotate({ ...options, stores: [app, twin] }))).toMatch(/^ERR_ARGUMENT: two stores have the same name\n/)
  app.problems = [
    { table: 't', column: 'a', problem: 'is indexed', hint: 'Drop it' },
    { table: 't', column: 'b', problem: 'is generated', hint: 'No' },
  ]
  log.problems = [{ table: 'u', column: 'c', problem: 'is a key', hint: 'No' }]
  const error = await rotate(options).catch((reason: unknown) => reason)
  expect((error as Error).message).toBe(
    '3 things stand against sealing:\n  app.db t.a: is indexed. Drop it\n  app.db t.b: is generated. No\n  log.db u.c: is a key. No',
  )
})
