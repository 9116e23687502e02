import { setTimeout as sleep } from 'node:timers/promises'
import { createKeyring, KeyfoldError } from '@keyfold/core'
import type { KeyWrapper, SyncKeyWrapper } from '@keyfold/core'
import { describe, expect, test } from 'vitest'
import { rotate } from '../../src/index.ts'
import type { RotationProgress } from '../../src/index.ts'
import { KeyService, throughService } from '../../src/key-service.ts'
import { bench, codeOf, names } from './fixtures.ts'
import { emulator, key, newKey } from './kms.ts'
import { MemoryStore } from './memory-store.ts'

const storeOf = (count: number): MemoryStore => new MemoryStore('app.db', ['email']).fill('email', names(count))

/** A key that is reached by promises alone, and says how many calls it had, when, and how many at once. */
function service({ id, keyId, wrap, unwrap }: SyncKeyWrapper, answer: (call: number) => Promise<void> = async () => undefined) {
  const seen = { calls: [] as number[], underWay: 0, most: 0 }
  const counted = async <T>(work: () => Promise<T>): Promise<T> => {
    seen.calls.push(performance.now())
    seen.most = Math.max(seen.most, ++seen.underWay)
    try {
      await answer(seen.calls.length)
      return await work()
    } finally {
      seen.underWay--
    }
  }
  const wrapper: KeyWrapper = {
    id, keyId,
    wrap: (...args) => counted(async () => wrap(...args)),
    unwrap: (...args) => counted(async () => unwrap(...args)),
  }
  return { wrapper, seen }
}

/** The key of a new ledger is wrapped once. */
const LEDGER_KEY = 1

const throttled = (): never => {
  throw new KeyfoldError('ERR_KEY_THROTTLED', 'too many calls')
}

describe('what a run asks of key services', () => {
  test('no more calls a second than are allowed, those made anew among them', async () => {
    const { ledger, keyring } = await bench()
    const { wrapper, seen } = service(keyring('k1').active, async (call) => (call === 5 ? throttled() : undefined))
    const report = await rotate({ stores: [storeOf(30)], keyring: createKeyring({ active: wrapper }), ledger, kmsRps: 50 })
    expect([report.outcome, report.sealed, seen.calls.length]).toEqual(['done', 30, 30 + LEDGER_KEY + 1])
    const gaps = seen.calls.slice(1).map((at, i) => at - seen.calls[i]!)
    expect(seen.calls.at(-1)! - seen.calls[0]!).toBeGreaterThanOrEqual(31 * 20 - 20)
    // one that comes late is not made up for by a burst
    expect(gaps.filter((gap) => gap < 5).length).toBeLessThan(5)
  })

  test('so many calls at once as `concurrency` says', async () => {
    const { ledger, keyring } = await bench()
    for (const [concurrency, most] of [[1, 1], [5, 5], [undefined, 16]] as const) {
      const { wrapper, seen } = service(keyring('k1').active, () => sleep(3))
      await rotate({ stores: [storeOf(40)], keyring: createKeyring({ active: wrapper }), ledger, ...(concurrency !== undefined && { concurrency }) })
      expect([seen.most, seen.calls.length]).toEqual([most, 40 + LEDGER_KEY])
    }
  })

  test('abuse 19: a service that throttles is waited for, progress says so, and no record is taken for damaged', async () => {
    const { ledger, keyring } = await bench()
    let until = Infinity
    const { wrapper, seen } = service(keyring('k1').active, async (call) => {
      if (call === 11) until = performance.now() + 700
      if (call >= 11 && performance.now() < until) throttled()
    })
    const reasons: Array<RotationProgress['slowedBy']> = []
    const report = await rotate({
      stores: [storeOf(40)], keyring: createKeyring({ active: wrapper }), ledger, batch: 10,
      onProgress: ({ slowedBy }) => reasons.push(slowedBy),
    })
    const throttledCalls = seen.calls.length - 40 - LEDGER_KEY
    expect([report.outcome, report.sealed, report.quarantined.total, throttledCalls > 1]).toEqual(['done', 40, 0, true])
    expect(reasons).toContain('key-service')
  })

  test('a stop does not wait for a service that throttles', async () => {
    const { ledger, keyring } = await bench()
    const controller = new AbortController()
    const { wrapper } = service(keyring('k1').active, async (call) => {
      if (call === 4) setTimeout(() => controller.abort(), 10)
      if (call >= 4) throttled()
    })
    const started = performance.now()
    const run = rotate({ stores: [storeOf(40)], keyring: createKeyring({ active: wrapper }), ledger, concurrency: 1, signal: controller.signal })
    expect(await codeOf(run)).toBe('ERR_KEY_THROTTLED')
    expect(performance.now() - started).toBeLessThan(5000)
  })

  test('what is no throttling ends the run at once; under a limit of calls, what is out of reach is tried three times', async () => {
    const { ledger, keyring } = await bench()
    for (const [code, options, calls] of [
      ['ERR_KEY_DENIED', {}, 1],
      ['ERR_KEY_UNAVAILABLE', {}, 1],
      ['ERR_KEY_UNAVAILABLE', { kmsRps: 1000 }, 3],
    ] as const) {
      const { wrapper, seen } = service(keyring('k1').active, async () => {
        throw new KeyfoldError(code, 'as the test asks')
      })
      const run = rotate({ stores: [storeOf(10)], keyring: createKeyring({ active: wrapper }), ledger, concurrency: 1, ...options })
      expect([await codeOf(run), seen.calls.length]).toEqual([code, calls])
    }
  })
})

test('waits grow while a service goes on throttling, are the same for all calls, and end after a success', async () => {
  const limited = new KeyService({ rps: undefined, signal: undefined })
  const at: number[] = []
  const started = performance.now()
  let failures = 2
  const call = async (): Promise<string> =>
    limited.call(async () => {
      at.push(performance.now() - started)
      return failures-- > 0 ? throttled() : 'answer'
    })
  expect(await call()).toBe('answer')
  expect(limited.throttled).toBe(true)
  const [first, second] = [at[1]! - at[0]!, at[2]! - at[1]!]
  expect(first).toBeGreaterThanOrEqual(245)
  expect(first).toBeLessThan(800)
  expect(second).toBeGreaterThanOrEqual(495)
})

describe('AWS KMS behind the limits', () => {
  test('abuse 19: every tenth call throttled, without retries of the SDK: the run goes through', async () => {
    const { ledger } = await bench()
    const [older, newer] = [await newKey(), await newKey()]
    const store = storeOf(12)
    await rotate({ stores: [store], keyring: createKeyring({ active: key(older) }), ledger })
    emulator.setFaults({ throttleEvery: 10 })
    const report = await rotate({ stores: [store], keyring: createKeyring({ active: key(newer), decryptOnly: [key(older)] }), ledger, kmsRps: 200 })
    expect([report.outcome, report.rewrapped]).toEqual(['done', 12])
  })

  test('what a key can beside wrapping stays: KMS moves data keys by itself, and is asked beforehand', async () => {
    const options = { clearContext: ['table'] }
    const [older, newer] = [key(await newKey(), options), key(await newKey(), options)]
    const given = createKeyring({ active: newer, decryptOnly: [older] })
    const through = throughService(given, new KeyService({ rps: undefined, signal: undefined }))
    if ('store' in through) throw new Error('a keyring was given')
    expect(through.wrappers.map(({ id }) => id)).toEqual(given.wrappers.map(({ id }) => id))
    const { ledger } = await bench()
    const store = storeOf(5)
    await rotate({ stores: [store], keyring: createKeyring({ active: older }), ledger })
    const before = { ReEncrypt: 0, Decrypt: 0, ...emulator.calls }
    const report = await rotate({ stores: [store], keyring: given, ledger, within: true })
    expect([report.outcome, report.rewrapped]).toEqual(['done', 5])
    // the ledger's own key is opened
    expect([emulator.calls['ReEncrypt']! - before.ReEncrypt >= 5, emulator.calls['Decrypt']! - before.Decrypt]).toEqual([true, 1])
  })

  test('local keys are not called through it', async () => {
    const { keyring } = await bench()
    const local = keyring('k1', 'k0')
    expect(throughService(local, new KeyService({ rps: 1, signal: undefined }))).toBe(local)
  })
})
