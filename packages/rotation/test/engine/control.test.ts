import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { cancel, openLedger, pause, resume, rotate } from '../../src/index.ts'
import type { Ledger, RotationProgress } from '../../src/index.ts'
import type { Bench } from './fixtures.ts'
import { bench, names, opened, refusalOf } from './fixtures.ts'
import { MemoryStore } from './memory-store.ts'

interface Scene extends Bench {
  readonly store: MemoryStore
  /** The ledger as another terminal opens it. */
  readonly terminal: Ledger
}

/** A run of 30 batches; `at` says what another terminal does once so many were written. */
async function scene(): Promise<Scene> {
  const made = await bench()
  const store = new MemoryStore('app.db', ['email']).fill('email', names(300))
  return { ...made, store, terminal: await openLedger(join(made.folder, 'ledger.db')) }
}

/** The run looks a few times in a second: batches that take as long as real ones. */
function slowly(store: MemoryStore, afterBatch: number, act: () => void): void {
  store.onWrite = () => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 12)
    if (store.batches === afterBatch) act()
  }
}

const size = { batch: 10 }

describe('from another terminal', () => {
  test('pause lets the run wait after its batch, resume lets it go on, and nothing is done meanwhile', async () => {
    const { store, terminal, ledger, keyring } = await scene()
    slowly(store, 2, () => expect(pause({ ledger: terminal })).toMatchObject({ target: 'key-file:q3', underWay: true }))
    const seen: RotationProgress[] = []
    const run = rotate({ stores: [store], keyring: keyring('q3'), ledger, ...size, onProgress: (progress) => seen.push(progress) })
    while (seen.at(-1)?.paused !== true) await new Promise((resolve) => setTimeout(resolve, 20))
    const { batches } = store
    await new Promise((resolve) => setTimeout(resolve, 600))
    expect([store.batches, batches < 30]).toEqual([batches, true])
    resume({ ledger: terminal })
    expect(await run).toMatchObject({ outcome: 'done', sealed: 300 })
    expect(opened(store, 'email', keyring('q3'))).toEqual(names(300))
    expect(terminal.events.latest(10).map(({ kind }) => kind)).toEqual(['rotation-finished', 'resume-asked', 'pause-asked', 'rotation-begun'])
  })

  test('a signal ends a run that is paused; it stays paused, and the next one says so', async () => {
    const { store, terminal, ledger, keyring } = await scene()
    slowly(store, 2, () => pause({ ledger: terminal }))
    const controller = new AbortController()
    const onProgress = ({ paused }: RotationProgress): void => (paused ? controller.abort() : undefined)
    expect(await rotate({ stores: [store], keyring: keyring('q3'), ledger, ...size, signal: controller.signal, onProgress })).toMatchObject({
      outcome: 'interrupted',
    })
    const { batches } = store
    expect(await refusalOf(rotate({ stores: [store], keyring: keyring('q3'), ledger }))).toMatchInlineSnapshot(`
      "ERR_ROTATION_PAUSED: the rotation under way is paused
      \`kms-rotate resume\` lets it go on; then start the run again."
    `)
    expect([store.batches, ledger.leases.holder()]).toEqual([batches, undefined])
    expect(resume({ ledger: terminal })).toMatchObject({ underWay: false })
    expect(await rotate({ stores: [store], keyring: keyring('q3'), ledger })).toMatchObject({ outcome: 'done', resumed: true })
  })

  test('cancel ends it for good after its batch; the next run begins anew with what is left', async () => {
    const { store, terminal, ledger, keyring } = await scene()
    slowly(store, 2, () => cancel({ ledger: terminal, by: 'anna' }))
    const cut = await rotate({ stores: [store], keyring: keyring('q3'), ledger, ...size })
    expect(cut.outcome).toBe('cancelled')
    expect(ledger.rotations.unfinished()).toBeUndefined()
    expect(terminal.events.latest(2)).toMatchObject([{ kind: 'rotation-cancelled' }, { kind: 'cancel-asked', by: 'anna' }])
    store.onWrite = undefined
    const rest = await rotate({ stores: [store], keyring: keyring('q3'), ledger, ...size })
    expect([rest.resumed, cut.sealed + rest.sealed, rest.outcome]).toEqual([false, 300, 'done'])
  })

  test('cancel reaches a rotation whose process is gone, and a compromise only when it is said twice', async () => {
    const { store, terminal, ledger, keyring } = await scene()
    const controller = new AbortController()
    store.onWrite = () => controller.abort()
    await rotate({ stores: [store], keyring: keyring('q3'), ledger, reason: 'compromise', ...size, signal: controller.signal })
    expect(() => cancel({ ledger: terminal })).toThrow(expect.objectContaining({ code: 'ERR_ROTATION_COMPROMISE' }))
    expect(ledger.rotations.unfinished()).toMatchObject({ reason: 'compromise' })
    expect(cancel({ ledger: terminal, evenCompromise: true })).toMatchObject({ underWay: false })
    expect(ledger.rotations.unfinished()).toBeUndefined()
  })

  test('nothing can be asked where no rotation is under way', async () => {
    const { terminal } = await scene()
    const missing = expect.objectContaining({ code: 'ERR_ROTATION_MISSING' }) as Error
    for (const ask of [pause, resume, cancel]) expect(() => ask({ ledger: terminal })).toThrow(missing)
  })
})
