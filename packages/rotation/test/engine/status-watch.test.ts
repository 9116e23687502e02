import { KeyfoldError } from '@keyfold/core'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { pause, resume, rotate, status, watchStatus, workLeft } from '../../src/index.ts'
import type { WatchedStatus } from '../../src/index.ts'
import { KeyStates } from '../../src/key-states.ts'
import { bench, codeOf, names } from './fixtures.ts'
import { MemoryStore } from './memory-store.ts'

const DAY = 86_400_000

/** Sets the clock for the rest of the test; timers go on. */
function clockAt(time: number): void {
  vi.useFakeTimers({ toFake: ['Date'], now: time })
  onTestFinished(() => void vi.useRealTimers())
}

async function sealed(rows = 12) {
  const base = await bench()
  const store = new MemoryStore('a.db', ['email']).fill('email', names(rows))
  const options = { stores: [store], keyring: base.keyring('q3'), ledger: base.ledger }
  await rotate(options)
  return { ...base, store, options }
}

describe('the cryptoperiod', () => {
  test('warns 30 days ahead, and not a day earlier; then it is over', async () => {
    const now = Date.parse('2027-01-01T00:00:00Z')
    clockAt(now)
    const { options } = await sealed()
    const at = async (days: number): Promise<unknown> => {
      vi.setSystemTime(now + days * DAY)
      return (await status({ ...options, cryptoperiodDays: 90 })).warnings
    }
    const due = '2027-04-01T00:00:00Z'
    expect(await at(59)).toBeUndefined()
    expect(await at(60)).toEqual([{ code: 'due-soon', key: 'key-file:q3', due, days: 30 }])
    expect(await at(89.9)).toEqual([{ code: 'due-soon', key: 'key-file:q3', due, days: 0 }])
    expect(await at(90)).toEqual([{ code: 'overdue', key: 'key-file:q3', due, days: 0 }])
    expect(await at(93)).toEqual([{ code: 'overdue', key: 'key-file:q3', due, days: 3 }])
  })

  test('without a ledger is not taken for kept', async () => {
    const { options } = await sealed()
    const lost = { stores: options.stores, keyring: options.keyring }
    expect((await status({ ...lost, cryptoperiodDays: 90 })).warnings).toEqual([{ code: 'start-unknown', key: 'key-file:q3', due: null, days: null }])
    expect((await status(lost)).warnings).toBeUndefined()
  })

  test('of a key that no run has registered yet is unknown, though the ledger knows others', async () => {
    const { options, keyring } = await sealed()
    const next = { ...options, keyring: keyring('q4', 'q3'), cryptoperiodDays: 90 }
    expect((await status(next)).warnings).toEqual([{ code: 'start-unknown', key: 'key-file:q4', due: null, days: null }])
    await rotate(next)
    expect((await status(next)).warnings).toBeUndefined()
  })

  test('is judged by the ledger where the clock was set back: an overdue key does not become young', async () => {
    const now = Date.parse('2027-01-01T00:00:00Z')
    clockAt(now)
    const { options, keyring, ledger } = await sealed()
    vi.setSystemTime(now + 100 * DAY)
    const active = { id: 'key-file:q3', keyId: ledger.keys.all()[0]!.keyId }
    const states = await KeyStates.open(ledger, keyring('q3'))
    states.register({ active, decryptOnly: [{ id: 'key-file:q2', keyId: 'ab'.repeat(12) }] }, () => false, 'ana')
    vi.setSystemTime(now + DAY)
    const { warnings } = await status({ ...options, keyring: keyring('q3'), cryptoperiodDays: 90 })
    expect(warnings).toEqual([
      { code: 'overdue', key: 'key-file:q3', due: '2027-04-01T00:00:00Z', days: 10 },
      { code: 'clock-behind', key: null, due: null, days: 99 },
    ])
  })
})

describe('the rotation under way', () => {
  test('is shown with the run that is at it, what was asked of it, and what it set aside', async () => {
    const { store, options, keyring, ledger } = await sealed()
    store.put('email', 3, store.cell('email', 3)!.map((byte, i) => (i === 30 ? byte ^ 1 : byte)))
    const next = { ...options, keyring: keyring('q4', 'q3') }
    let during: Awaited<ReturnType<typeof status>> | undefined
    const stop = new AbortController()
    for await (const _ of rotate({ ...next, batch: 6, signal: stop.signal, onProgress: () => stop.abort() })) during ??= await status(next)
    expect(during?.rotation).toMatchObject({ state: 'unfinished', mode: 'move', asked: null })
    expect((await status(next)).rotation).toMatchObject({ run: null, rewrapped: 5 })
    pause({ ledger })
    expect((await status(next)).rotation).toMatchObject({ asked: 'pause' })
    resume({ ledger })
    await rotate(next)
    const after = await status(next)
    expect(after.quarantined).toEqual([{ store: 'a.db', table: 'customers', column: 'email', code: 'ERR_NOT_AUTHENTIC', records: 1 }])
    expect(workLeft(after).map((left) => left.kind)).toEqual(['unfinished', 'quarantined', 'older'])
  })
})

describe('watching', () => {
  async function take(count: number, options: Parameters<typeof watchStatus>[0], between: (i: number) => Promise<unknown> | void = () => undefined) {
    const seen: WatchedStatus[] = []
    for await (const one of watchStatus({ intervalMs: 100, ...options })) {
      seen.push(one)
      if (seen.length === count) break
      await between(seen.length)
    }
    return seen
  }

  test('tells how far a rotation is, how fast it goes, and when it is done', async () => {
    const { store, options, keyring } = await sealed()
    const next = { ...options, keyring: keyring('q4', 'q3') }
    const seen = await take(3, next, (i) => {
      const stop = new AbortController()
      return i === 1 ? rotate({ ...next, batch: 6, signal: stop.signal, onProgress: () => stop.abort() }) : rotate(next)
    })
    expect(seen.map(({ done, total }) => [done, total])).toEqual([[0, 12], [6, 12], [12, 12]])
    expect(seen[0]).toMatchObject({ recordsPerSecond: null, secondsLeft: null })
    expect(seen[1]!.recordsPerSecond).toBeGreaterThan(0)
    expect(seen[1]!.secondsLeft).toBeGreaterThan(0)
    expect(seen[2]).toMatchObject({ secondsLeft: 0, rotation: null })
    expect(store.batches).toBeGreaterThan(0)
  })

  test('the rate is that of the last half minute, and the time left follows from it', async () => {
    const { options, keyring } = await sealed(400)
    const next = { ...options, keyring: keyring('q4', 'q3') }
    // the clock of the watch alone: seconds from one report to the next
    const seconds = [10, 10, 9, 15]
    let ahead = 0
    const real = performance.now.bind(performance)
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => real() + ahead)
    onTestFinished(() => clock.mockRestore())
    const seen = await take(5, next, async (i) => {
      ahead += seconds[i - 1]! * 1000
      const stop = new AbortController()
      // 100 records, 100 more, nothing, 50
      const batch = [100, 100, 0, 50][i - 1]!
      if (batch > 0) await rotate({ ...next, batch, signal: stop.signal, onProgress: () => stop.abort() })
    })
    expect(seen.map(({ done }) => done)).toEqual([0, 100, 200, 200, 250])
    expect(seen.map(({ recordsPerSecond }) => recordsPerSecond)).toEqual([null, 10, 10, 7, 2])
    // 150 of 400 are left, at 50 in 24 seconds: the reports before that are older than half a minute
    expect(seen[1]!.secondsLeft).toBeGreaterThanOrEqual(30)
    expect(seen[1]!.secondsLeft).toBeLessThanOrEqual(32)
    expect(seen[4]!.secondsLeft).toBeGreaterThanOrEqual(72)
    expect(seen[4]!.secondsLeft).toBeLessThanOrEqual(75)
  })

  test('where somebody leaves Keyfold, what is plaintext is done', async () => {
    const { options } = await sealed()
    const stop = new AbortController()
    const run = { ...options, mode: 'unseal', batch: 4, signal: stop.signal, onProgress: () => stop.abort() } as const
    const [before, during] = await take(2, options, () => rotate(run))
    expect([before!.done, during!.done, during!.total, during!.rotation?.mode]).toEqual([12, 4, 12, 'unseal'])
  })

  test('counts what a run after a compromise has dealt with, where the key id does not tell', async () => {
    const { options } = await sealed()
    const stop = new AbortController()
    const run = { ...options, reason: 'compromise', batch: 4 } as const
    const [before, during] = await take(2, options, () => rotate({ ...run, signal: stop.signal, onProgress: () => stop.abort() }))
    expect(before).toMatchObject({ done: 12, total: 12 })
    expect(during).toMatchObject({ done: 4, total: 12, rotation: { reason: 'compromise' } })
  })

  test('asks for a ledger until there is one', async () => {
    const { options, ledger } = await sealed()
    let asked = 0
    const late = { stores: options.stores, keyring: options.keyring, cryptoperiodDays: 90, ledger: async () => (++asked < 2 ? undefined : ledger) }
    const seen = await take(3, late)
    expect(seen.map(({ warnings }) => warnings?.[0]?.code)).toEqual(['start-unknown', undefined, undefined])
    expect(asked).toBe(2)
  })

  test('leaves out a count that a lock holds up, and ends when it is told to', async () => {
    const { options, store } = await sealed()
    let fail = false
    const census = store.census.bind(store)
    store.census = (column) => {
      if (!fail) return census(column)
      fail = false
      throw new KeyfoldError('ERR_SQLITE_BUSY', 'the database is locked')
    }
    expect(await take(2, options, () => void (fail = true))).toHaveLength(2)
    expect(fail).toBe(false)
    const stop = new AbortController()
    const seen: unknown[] = []
    for await (const one of watchStatus({ ...options, intervalMs: 60_000, signal: stop.signal })) {
      seen.push(one)
      setTimeout(() => stop.abort(), 20)
    }
    expect(seen).toHaveLength(1)
    expect(await codeOf(take(1, { ...options, intervalMs: 1 }))).toBe('ERR_ARGUMENT')
  })
})
