/** A plan's numbers are those of the run that follows, also where records stand under several keys. */
import type { KeyWrapper } from '@keyfold/core'
import { createKeyring, sealSync } from '@keyfold/core'
import { insecureRawKey } from '@keyfold/core/raw-key'
import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import type { Ledger } from '../../src/index.ts'
import { plan, rotate } from '../../src/index.ts'
import { remote } from './branched.ts'
import { bench } from './fixtures.ts'
import { MemoryStore } from './memory-store.ts'

type Name = 'a' | 'b' | 'c' | 'r' | 's'
/** The keys that seal, the first of them active, and those that only open. */
interface Ring {
  readonly seal: readonly Name[]
  readonly open?: readonly Name[]
}

function world() {
  const names = ['a', 'b', 'c', 'r', 's'] as const
  const local = Object.fromEntries(names.map((name) => [name, insecureRawKey(name, randomBytes(32))]))
  const counted = Object.fromEntries(names.map((name) => [name, remote(local[name]!)]))
  const ring = (pick: (name: Name) => KeyWrapper, { seal, open = [] }: Ring) => {
    const [active, ...recovery] = seal.map(pick)
    return createKeyring({ active: active!, recovery, decryptOnly: open.map(pick) })
  }
  const store = new MemoryStore('app.db', ['email'])
  /** Puts records there that were sealed under these keys, behind those that are there. */
  const put = (count: number, seal: readonly Name[]): void => {
    const keyring = createKeyring({ active: local[seal[0]!]!, recovery: seal.slice(1).map((name) => local[name]!) })
    const from = store.cells.get('email')!.size
    for (let id = from + 1; id <= from + count; id++) store.put('email', id, sealSync(keyring, `person ${id}`, store.context('email', id)))
  }
  const calls = (): number => names.reduce((sum, name) => sum + counted[name]!.calls.count, 0)
  return { store, put, calls, keyring: (given: Ring) => ring((name) => counted[name]!.wrapper, given) }
}

/** What the plan said, and what the run did. */
async function compared({ store, calls, keyring }: ReturnType<typeof world>, ledger: Ledger, given: Ring, reason: 'rotation' | 'compromise') {
  const options = { stores: [store], keyring: keyring(given), ledger, reason }
  const { totals, remoteKeyCalls } = await plan(options)
  const before = calls()
  const { sealed, rewrapped, reencrypted, outcome } = await rotate(options)
  expect(outcome).toBe('done')
  const planned = { ...totals, calls: remoteKeyCalls }
  return { planned, done: { seal: sealed, rewrap: rewrapped, reencrypt: reencrypted, blocked: 0, calls: calls() - before } }
}

/** Records, and what they were sealed under. */
type Sealed = readonly [count: number, seal: readonly Name[]]

const CASES: ReadonlyArray<readonly [name: string, there: readonly Sealed[], now: Ring, moved: number]> = [
  ['a recovery key is added', [[7, ['a']]], { seal: ['a', 'r'] }, 7],
  ['a recovery key is added, and some records have it', [[7, ['a']], [3, ['a', 'r']]], { seal: ['a', 'r'] }, 7],
  ['a recovery key is dropped', [[7, ['a', 'r']]], { seal: ['a'], open: ['r'] }, 7],
  ['the active key is replaced, the recovery key stays', [[7, ['a', 'r']]], { seal: ['b', 'r'], open: ['a'] }, 7],
  ['both are replaced', [[7, ['a', 'r']]], { seal: ['b', 's'], open: ['a', 'r'] }, 7],
  ['both are replaced, half way', [[4, ['a', 'r']], [3, ['b', 's']]], { seal: ['b', 's'], open: ['a', 'r'] }, 4],
  ['two generations', [[4, ['a']], [3, ['b']]], { seal: ['c', 'r'], open: ['b', 'a'] }, 7],
  ['nothing is to be done', [[7, ['a', 'r']]], { seal: ['a', 'r'], open: ['b'] }, 0],
]

test.each(CASES)('%s', async (_, there, now, moved) => {
  const { ledger } = await bench()
  const all = world()
  for (const [count, seal] of there) all.put(count, seal)
  const { planned, done } = await compared(all, ledger, now, 'rotation')
  expect(planned).toEqual(done)
  expect(done.rewrap).toBe(moved)
})

test.each(CASES)('after a compromise: %s', async (_, there, now) => {
  const { ledger } = await bench()
  const all = world()
  for (const [count, seal] of there) all.put(count, seal)
  const { planned, done } = await compared(all, ledger, now, 'compromise')
  expect(planned).toEqual(done)
  expect(done.reencrypt).toBe(all.store.cells.get('email')!.size)
})

test('a plan for what a cut compromise run left says that it re-encrypts, whatever was asked for', async () => {
  const { ledger } = await bench()
  const all = world()
  all.put(20, ['a'])
  const keyring = all.keyring({ seal: ['b'], open: ['a'] })
  const stop = new AbortController()
  const onProgress = (): void => stop.abort()
  const cut = await rotate({ stores: [all.store], keyring, ledger, reason: 'compromise', batch: 5, signal: stop.signal, onProgress })
  expect(cut.outcome).toBe('interrupted')
  const made = await plan({ stores: [all.store], keyring, ledger })
  expect([made.reason, made.totals.rewrap, made.totals.reencrypt]).toEqual(['compromise', 0, 20])
  const { reason, rewrapped, outcome } = await rotate({ stores: [all.store], keyring, ledger, plan: made })
  expect([reason, rewrapped, outcome]).toEqual(['compromise', 0, 'done'])
})
