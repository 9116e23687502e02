import { setTimeout as wait } from 'node:timers/promises'
import { expect, onTestFinished, test, vi } from 'vitest'
import { interleave } from '../interleave.ts'

const BRIEF = { rounds: 4, fewest: 4, budgetMs: 0, roundMs: 0.5, warmMs: 0.5 }

test('every candidate has a sample of every round, whether it waits or not', async () => {
  const { sync, async } = await interleave({ sync: () => Math.sqrt(2), async: () => wait(1) }, BRIEF)
  expect(sync.samples).toHaveLength(BRIEF.rounds)
  expect(async.samples).toHaveLength(BRIEF.rounds)
  expect(sync.us).toBeGreaterThan(0)
  expect(async.us).toBeGreaterThan(500)
})

test('candidates take turns, and none always follows the same one', async () => {
  const order: string[] = []
  const take = fakeClock()
  const noting = (name: string) => () => { order.push(name); take(1) }
  await interleave({ a: noting('a'), b: noting('b'), c: noting('c') }, { rounds: 3, fewest: 3, budgetMs: 0, roundMs: 0.1, warmMs: 0 })
  expect(order.slice(-9).join('')).toBe('abcbcacab')
})

test('long work gets fewer rounds, as its budget allows', async () => {
  const take = fakeClock()
  const { long } = await interleave({ long: () => take(5) }, { rounds: 100, fewest: 2, budgetMs: 25, roundMs: 1, warmMs: 0 })
  expect(long.samples.length).toBeGreaterThanOrEqual(2)
  expect(long.samples.length).toBeLessThanOrEqual(5)
})

test('what takes longer than a round is done once in it', async () => {
  const take = fakeClock()
  let calls = 0
  await interleave({ long: () => { calls++; take(3) } }, { rounds: 3, fewest: 3, budgetMs: 0, roundMs: 1, warmMs: 50 })
  expect(calls).toBe(3 + 3) // three to warm up
})

test('short work is not taken for long because of one call that was held up', async () => {
  const take = fakeClock()
  let calls = 0
  const heldUpOnce = () => take(++calls === 2 ? 5 : 0.001)
  await interleave({ heldUpOnce }, BRIEF)
  expect(calls).toBeGreaterThan(100)
})

/** A clock that stands still but for what is taken of it, in milliseconds: a timer of the machine fires early or late. */
function fakeClock(): (milliseconds: number) => void {
  let now = 0n
  const clock = vi.spyOn(process.hrtime, 'bigint').mockImplementation(() => now)
  onTestFinished(() => clock.mockRestore())
  return (milliseconds) => {
    now += BigInt(milliseconds * 1_000_000)
  }
}
