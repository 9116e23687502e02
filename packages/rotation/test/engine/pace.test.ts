import { describe, expect, test } from 'vitest'
import { BatchSize } from '../../src/batch-size.ts'
import { BetweenBatches } from '../../src/between-batches.ts'
import { LockShare } from '../../src/lock-share.ts'
import { rotate } from '../../src/index.ts'
import type { RotateOptions, RotationProgress } from '../../src/index.ts'
import { bench, codeOf, names, opened } from './fixtures.ts'
import { MemoryStore } from './memory-store.ts'

const storeOf = (count: number): MemoryStore => new MemoryStore('app.db', ['email']).fill('email', names(count))

describe('the size of batches follows the database', () => {
  test('a slow write halves it and is followed by a pause as long; quick ones let it grow back, no further than was asked for', () => {
    const size = new BatchSize(400, false)
    size.wrote(320)
    expect([size.records, size.takePause(), size.takePause(), size.slowed]).toEqual([200, 320, 0, true])
    size.wrote(150)
    expect([size.records, size.takePause(), size.slowed]).toEqual([200, 0, true])
    const grown = [250, 313, 392, 400, 400]
    expect(grown.map(() => (size.wrote(2), size.records))).toEqual(grown)
    expect(size.slowed).toBe(false)
  })

  test('it does not get smaller than a hundred, nor a pause longer than a second; a smaller one that was asked for stays', () => {
    const [size, small] = [new BatchSize(500, false), new BatchSize(3, false)]
    for (let i = 0; i < 20; i++) for (const one of [size, small]) one.wrote(60_000)
    expect([size.records, size.takePause(), small.records]).toEqual([100, 1000, 3])
  })

  test('gentle: at most 50 records, 50 ms after each, and slow begins earlier', () => {
    const size = new BatchSize(500, true)
    expect([size.records, size.pauses, size.takePause()]).toEqual([50, true, 0])
    size.wrote(1)
    expect([size.records, size.takePause()]).toEqual([50, 50])
    size.wrote(70)
    expect([size.records, size.takePause()]).toEqual([25, 70])
    expect(new BatchSize(20, true).records).toBe(20)
  })
})

/** Nobody asks anything from another terminal. */
const unasked = { cancelled: false, look: async () => undefined }

describe('between batches', () => {
  const started = (): number => performance.now()
  const none = { signal: undefined, maxDuration: undefined, maxErrors: undefined }

  test('a stop ends a pause, and is told with its reason', async () => {
    const controller = new AbortController()
    const size = new BatchSize(500, false)
    const between = new BetweenBatches({ ...none, signal: controller.signal, started: started() }, size, unasked, () => 0)
    expect(await between.next()).toBeUndefined()
    size.wrote(900)
    const before = performance.now()
    setTimeout(() => controller.abort(), 20)
    expect(await between.next()).toBe('interrupted')
    expect(performance.now() - before).toBeLessThan(800)
    expect(between.signal.aborted).toBe(true)
  })

  test('the time counts from the beginning of the run, and ends long work too', async () => {
    const between = new BetweenBatches({ ...none, maxDuration: 40, started: started() - 20 }, new BatchSize(1, false), unasked, () => 0)
    expect(between.stop()).toBeUndefined()
    await new Promise((resolve) => between.signal.addEventListener('abort', resolve))
    expect(await between.next()).toBe('max-duration')
    const over = new BetweenBatches({ ...none, maxDuration: 40, started: started() - 50 }, new BatchSize(1, false), unasked, () => 0)
    await new Promise((resolve) => setTimeout(resolve, 10))
    expect(over.stop()).toBe('max-duration')
  })
})

describe('beside others who write', () => {
  /** For how long the store was left alone before each of its batches but the first, in milliseconds. */
  async function restsOf(othersWrote: () => boolean): Promise<number[]> {
    const { ledger, keyring } = await bench()
    const store = Object.assign(storeOf(60), { othersWrote })
    const rests: number[] = []
    let freed = Infinity
    const write = store.write.bind(store)
    store.write = (column, changes) => {
      if (freed < Infinity) rests.push(performance.now() - freed)
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, HELD)
      const written = write(column, changes)
      freed = performance.now()
      return written
    }
    const report = await rotate({ stores: [store], keyring: keyring('k1'), ledger, batch: 10 })
    expect([report.outcome, report.sealed]).toEqual(['done', 60])
    return rests
  }
  const HELD = 20

  test('the write lock is left alone for twice as long as it was held; nobody is reckoned with who does not write', async () => {
    const beside = await restsOf(() => true)
    expect(beside).toHaveLength(5)
    for (const rest of beside) expect(rest).toBeGreaterThan(2 * HELD - 2)
    const alone = await restsOf(() => false)
    expect(Math.min(...alone)).toBeLessThan(2 * HELD - 2)
  })

  test('one write of theirs is remembered', async () => {
    let asked = 0
    const rests = await restsOf(() => ++asked === 1)
    for (const rest of rests) expect(rest).toBeGreaterThan(2 * HELD - 2)
    expect(asked).toBeGreaterThan(1)
  })

  test('a stop ends the wait', async () => {
    const lock = new LockShare({ othersWrote: () => true })
    lock.held(60_000)
    const before = performance.now()
    await lock.beforeWrite(AbortSignal.timeout(20))
    expect(performance.now() - before).toBeLessThan(30_000)
  })
})

describe('what ends a run early', () => {
  test('max-duration ends it with its batch, all of it saved, and the next run finishes', async () => {
    const { ledger, keyring } = await bench()
    const store = storeOf(60)
    store.onWrite = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 15)
    const report = await rotate({ stores: [store], keyring: keyring('k1'), ledger, batch: 5, maxDuration: 40 })
    expect(report.outcome).toBe('max-duration')
    expect(report.sealed).toBeGreaterThan(0)
    expect(report.sealed).toBeLessThan(60)
    expect(ledger.rotations.totals(ledger.rotations.unfinished()!.id).sealed).toBe(report.sealed)
    store.onWrite = undefined
    const next = await rotate({ stores: [store], keyring: keyring('k1'), ledger })
    expect([next.outcome, next.resumed, next.sealed]).toEqual(['done', true, 60 - report.sealed])
    expect(opened(store, 'email', keyring('k1'))).toEqual(names(60))
  })

  test('max-errors ends it once so many records were set aside; what opens was moved up to there', async () => {
    const { ledger, keyring } = await bench()
    const store = storeOf(100)
    await rotate({ stores: [store], keyring: keyring('k1'), ledger })
    for (let id = 1; id <= 40; id += 2) store.cell('email', id)![30]! ^= 1
    const report = await rotate({ stores: [store], keyring: keyring('k2', 'k1'), ledger, batch: 10, maxErrors: 12 })
    expect([report.outcome, report.quarantined.total, report.rewrapped]).toEqual(['max-errors', 15, 15])
    const rest = await rotate({ stores: [store], keyring: keyring('k2', 'k1'), ledger, maxErrors: 21 })
    expect([rest.outcome, rest.quarantined.total, report.rewrapped + rest.rewrapped]).toEqual(['quarantined', 20, 80])
  })

  test('what is out of range is refused before anything is done', async () => {
    const { ledger, keyring } = await bench()
    const store = storeOf(3)
    const bad: ReadonlyArray<Partial<RotateOptions>> = [
      { batch: 0 }, { batch: 10_001 }, { batch: 1.5 }, { concurrency: 0 }, { concurrency: 257 },
      { kmsRps: 0 }, { kmsRps: 100_001 }, { kmsRps: Number.NaN }, { maxDuration: 0 }, { maxDuration: 2 ** 31 }, { maxErrors: 0 }, { maxErrors: 1.5 },
    ]
    for (const options of bad) expect(await codeOf(rotate({ stores: [store], keyring: keyring('k1'), ledger, ...options }))).toBe('ERR_ARGUMENT')
    expect(store.batches).toBe(0)
  })
})

describe('batches are bounded by bytes', () => {
  test('values of 3 MiB go three at a time, whatever the batch; each is moved once', async () => {
    const { ledger, keyring } = await bench()
    const large = Array.from({ length: 7 }, (_, i) => new Uint8Array(3 * 2 ** 20).fill(i))
    const store = new MemoryStore('app.db', ['email']).fill('email', large)
    const report = await rotate({ stores: [store], keyring: keyring('k1'), ledger })
    expect([report.outcome, report.sealed, store.batches]).toEqual(['done', 7, 3])
    const moved = await rotate({ stores: [store], keyring: keyring('k2', 'k1'), ledger, reason: 'compromise' })
    expect([moved.outcome, moved.reencrypted, store.batches]).toEqual(['done', 7, 6])
    expect([...store.updates.values()]).toEqual(Array(7).fill(2))
  })
})

test('gentle: small batches with pauses', async () => {
  const { ledger, keyring } = await bench()
  const store = storeOf(120)
  const started = performance.now()
  const progress: RotationProgress[] = []
  const report = await rotate({ stores: [store], keyring: keyring('k1'), ledger, gentle: true, onProgress: (one) => progress.push(one) })
  expect([report.outcome, store.batches]).toEqual(['done', 3])
  expect(progress.map(({ done }) => done)).toEqual([50, 100, 120])
  expect(performance.now() - started).toBeGreaterThanOrEqual(99)
})

test('a database that is slow makes batches smaller, and progress says so', async () => {
  const { ledger, keyring } = await bench()
  const store = storeOf(900)
  store.onWrite = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 260)
  const sizes: number[] = []
  let before = 0
  const slowedBy = new Set<RotationProgress['slowedBy']>()
  await rotate({
    stores: [store], keyring: keyring('k1'), ledger, batch: 400,
    onProgress: ({ done, slowedBy: reason }) => {
      sizes.push(done - before)
      before = done
      slowedBy.add(reason)
    },
  })
  expect(sizes).toEqual([400, 200, 100, 100, 100])
  expect(slowedBy).toEqual(new Set(['database']))
})
