import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { compromiseKey, openLedger, plan, retire, rollback, rotate } from '../../src/index.ts'
import type { Ledger, RollbackOptions } from '../../src/index.ts'
import type { Bench } from './fixtures.ts'
import { bench, names, opened, refusalOf } from './fixtures.ts'
import { MemoryStore } from './memory-store.ts'

const why = 'q4 is not deployed everywhere'

/** Sealed under q3 and rotated to q4, with a clock that a test sets. */
async function rotated(): Promise<Bench & { readonly store: MemoryStore; readonly time: { now: string } }> {
  const base = await bench()
  const time = { now: '2026-03-01T00:00:00.000Z' }
  const ledger = await openLedger(join(base.folder, 'timed.db'), () => time.now)
  const store = new MemoryStore('app.db', ['email']).fill('email', names(12))
  await rotate({ stores: [store], keyring: base.keyring('q3'), ledger })
  time.now = '2026-03-02T00:00:00.000Z'
  await rotate({ stores: [store], keyring: base.keyring('q4', 'q3'), ledger })
  return { ...base, ledger, store, time }
}

const backFor = ({ store, keyring, ledger }: Bench & { readonly store: MemoryStore }): RollbackOptions => {
  return { stores: [store], keyring: keyring('q3', 'q4'), ledger, why }
}

const states = (ledger: Ledger): string[] => ledger.keys.all().map(({ id, state }) => `${id} ${state}`).sort()

/** Why it was refused; the states and the records are as before. */
async function refusal(b: Bench & { readonly store: MemoryStore }, call: () => Promise<unknown>): Promise<string> {
  const before = [b.ledger.keys.changes(), b.store.batches]
  const error = (await call().then(
    () => expect.fail('it was not refused'),
    (reason: unknown) => reason,
  )) as Error & { code: string }
  expect(error.code).toBe('ERR_ROLLBACK_REFUSED')
  expect([b.ledger.keys.changes(), b.store.batches]).toEqual(before)
  return error.message
}

describe('a rollback', () => {
  test('moves every record back, and the ledger remembers who did it and why', async () => {
    const b = await rotated()
    const back = { stores: [b.store], keyring: b.keyring('q3', 'q4'), ledger: b.ledger }
    expect(await rollback({ ...back, why, by: 'ana' })).toMatchObject({ outcome: 'done', target: 'key-file:q3', rewrapped: 12 })
    expect(opened(b.store, 'email', b.keyring('q3'))).toEqual(names(12))
    expect(states(b.ledger)).toEqual(['key-file:q3 active', 'key-file:q4 decrypt-only'])
    expect(b.ledger.keys.changes().slice(-2)).toMatchObject([
      { id: 'key-file:q3', was: 'decrypt-only', state: 'active', by: 'ana', cause: 'rollback', reason: why },
      { id: 'key-file:q4', was: 'active', state: 'decrypt-only', by: 'ana', cause: 'rollback', reason: why },
    ])
    expect(await rotate(back)).toMatchObject({ outcome: 'done', rewrapped: 0 })
    expect(await retire({ ...back, key: 'key-file:q4' })).toMatchObject({ outcome: 'retired' })
  })

  test('reverses a rotation that was not finished; cut itself, a plain run goes on with it', async () => {
    const b = await rotated()
    const { store, ledger, keyring } = b
    const stop = new AbortController()
    store.onWrite = () => stop.abort()
    await rotate({ stores: [store], keyring: keyring('q5', 'q4', 'q3'), ledger, batch: 5, signal: stop.signal })
    const again = new AbortController()
    store.onWrite = () => again.abort()
    const back = { stores: [store], keyring: keyring('q4', 'q5', 'q3'), ledger, batch: 2 }
    expect(await rollback({ ...back, why, signal: again.signal })).toMatchObject({ outcome: 'interrupted' })
    store.onWrite = undefined
    expect(await rotate(back)).toMatchObject({ outcome: 'done', target: 'key-file:q4', resumed: true })
    expect(opened(store, 'email', keyring('q4'))).toEqual(names(12))
  })

  test('can be reversed itself, by a rollback again', async () => {
    const b = await rotated()
    await rollback({ stores: [b.store], keyring: b.keyring('q3', 'q4'), ledger: b.ledger, why })
    const forward = { stores: [b.store], keyring: b.keyring('q4', 'q3'), ledger: b.ledger }
    expect(await refusalOf(rotate(forward))).toMatchInlineSnapshot(`
      "ERR_KEY_STATE: key-file:q4 is decrypt-only, and the configuration cannot make it active
      A key that is decrypt-only becomes active again by a rollback alone: \`kms-rotate rollback --reason TEXT\`
      reverses the last rotation. Else make a new key and rotate to it."
    `)
    expect(await rollback({ ...forward, why: 'deployed now' })).toMatchObject({ outcome: 'done', target: 'key-file:q4' })
  })

  test('is refused outside of its window, with the date at which that ended', async () => {
    const b = await rotated()
    const back = { stores: [b.store], keyring: b.keyring('q3', 'q4'), ledger: b.ledger, why }
    b.time.now = '2026-04-01T00:00:00.001Z'
    expect(await refusal(b, () => rollback(back))).toContain('2026-04-01T00:00:00.000Z')
    expect(await refusal(b, () => rollback({ ...back, rollbackDays: 7 }))).toContain('2026-03-09')
    expect(await refusalOf(rollback({ ...back, rollbackDays: -1 }))).toMatchInlineSnapshot(`
      "ERR_ARGUMENT: a rotation can be reversed for 0 to 3650 days
      Correct the call; the docstring of the function names the shape and unit of each argument."
    `)
    expect(await refusalOf(rollback({ ...back, why: '' }))).toMatchInlineSnapshot(`
      "ERR_ARGUMENT: why is one line of 1 to 200 characters
      Correct the call; the docstring of the function names the shape and unit of each argument."
    `)
    b.time.now = '2026-04-01T00:00:00.000Z'
    expect(await rollback(back)).toMatchObject({ outcome: 'done' })
  })

  test('reverses the last rotation alone', async () => {
    const b = await rotated()
    const { store, ledger, keyring } = b
    await rotate({ stores: [store], keyring: keyring('q5', 'q4', 'q3'), ledger })
    const back = { stores: [store], ledger, why }
    expect(await refusal(b, () => rollback({ ...back, keyring: keyring('q3', 'q5', 'q4') }))).toContain('only the last rotation')
    expect(await refusal(b, () => rollback({ ...back, keyring: keyring('q5', 'q4', 'q3') }))).toContain('nothing to reverse')
    expect(await refusal(b, () => rollback({ ...back, keyring: keyring('q9', 'q5', 'q4', 'q3') }))).toContain('does not know')
    // what the new key sealed has to be opened on the way back
    expect(await refusalOf(rollback({ ...back, keyring: keyring('q4', 'q3') }))).toMatchInlineSnapshot(`
      "ERR_LEDGER_KEY: the ledger's own key is under key-file:q5, which the keyring does not hold
      Add the key that is named to keyring.decryptOnly, and run again. If it is lost, move the ledger away: a new
      one starts from the configuration."
    `)
    expect(await rollback({ ...back, keyring: keyring('q4', 'q5', 'q3') })).toMatchObject({ outcome: 'done' })
  })

  test('never goes back to or from a compromised key, nor behind a compromise run', async () => {
    const old = await rotated()
    const change = { ledger: old.ledger, keyring: old.keyring('q4', 'q3'), reason: 'lost' }
    await compromiseKey({ ...change, key: 'key-file:q3' })
    expect(await refusal(old, () => rollback(backFor(old)))).toContain('is compromised')
    const next = await rotated()
    await compromiseKey({ ledger: next.ledger, keyring: next.keyring('q4', 'q3'), key: 'key-file:q4', reason: 'lost' })
    expect(await refusal(next, () => rollback(backFor(next)))).toContain('no active key')
    const run = await rotated()
    await rotate({ stores: [run.store], keyring: run.keyring('q4', 'q3'), ledger: run.ledger, reason: 'compromise' })
    expect(await refusal(run, () => rollback(backFor(run)))).toContain('after a compromise')
  })

  test('a retired key, and a plan that was made for something else, are refused', async () => {
    const b = await rotated()
    const back = { stores: [b.store], keyring: b.keyring('q3', 'q4'), ledger: b.ledger, why }
    const forward = await plan({ stores: [b.store], keyring: b.keyring('q4', 'q3') })
    expect(await refusalOf(rollback({ ...back, plan: forward }))).toMatchInlineSnapshot(`
      "ERR_PLAN_STALE: the plan no longer fits: the keys are not those that it was made with: key-file:q4,
      key-file:q3
      The configuration, the keys or the columns changed since the plan was made. Look at what changed, then make a
      new plan."
    `)
    const harsh = await plan({ stores: [b.store], keyring: back.keyring, reason: 'compromise' })
    expect(await refusal(b, () => rollback({ ...back, plan: harsh }))).toContain('after a compromise')
    expect(states(b.ledger)).toEqual(['key-file:q3 decrypt-only', 'key-file:q4 active'])
    await retire({ stores: [b.store], keyring: b.keyring('q4', 'q3'), ledger: b.ledger, key: 'key-file:q3' })
    expect(await refusal(b, () => rollback(back))).toContain('is disabled')
    const other = await rotated()
    const fitting = await plan({ stores: [other.store], keyring: other.keyring('q3', 'q4') })
    const call = { stores: [other.store], keyring: other.keyring('q3', 'q4'), ledger: other.ledger, why, plan: fitting }
    expect(await rollback(call)).toMatchObject({ outcome: 'done' })
  })
})
