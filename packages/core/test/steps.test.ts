import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { Steps } from '../src/index.ts'
import { KeyfoldError } from '../src/index.ts'
import { attempt, inTurn, perform, runAsync, runSync, together } from '../src/steps.ts'

function* value(of: number): Steps<number> {
  return of
}

function* later(of: number, ms = 1): Steps<number> {
  return yield* perform({ async: () => sleep(ms, of), sync: () => of })
}

function* failing(error: Error): Steps<never> {
  const fail = (): never => {
    throw error
  }
  return yield* perform<never>({ async: async () => fail(), sync: fail })
}

describe('together', () => {
  test('gives what each gives, in their order, whether they wait or not', async () => {
    const operations = () => [value(1), later(2, 20), value(3), later(4, 1), value(5)]
    expect(await runAsync(together(operations()))).toEqual([1, 2, 3, 4, 5])
    expect(runSync(together(operations()))).toEqual([1, 2, 3, 4, 5])
    expect(runSync(together([]))).toEqual([])
  })

  test('nothing waits where nothing has to', () => {
    expect(together([value(1), value(2)]).next()).toEqual({ done: true, value: [1, 2] })
  })

  test('an operation begins when it is its turn: what one has fetched, the seventeenth finds', async () => {
    let calls = 0
    let isThere = false
    const fetch = async (): Promise<number> => {
      calls++
      await sleep(1)
      isThere = true
      return 7
    }
    function* cached(): Steps<number> {
      return isThere ? 8 : yield* perform({ async: fetch, sync: () => 0 })
    }
    expect(await runAsync(together(Array.from({ length: 40 }, cached)))).toEqual([
      ...Array<number>(16).fill(7),
      ...Array<number>(24).fill(8),
    ])
    expect(calls).toBe(16)
  })

  test('the first error is thrown, by either driver', async () => {
    const [one, two] = [new Error('one'), new Error('two')]
    const operations = () => [later(1), failing(one), failing(two)]
    await expect(runAsync(together(operations()))).rejects.toBe(one)
    expect(() => runSync(together(operations()))).toThrow(one)
  })
})

describe('inTurn', () => {
  test('keeps 16 calls under way, and their order', async () => {
    let now = 0
    const seen: number[] = []
    const results = await inTurn([...Array(50).keys()], async (item, i) => {
      expect(item).toBe(i)
      seen.push(++now)
      await sleep(50 - item)
      now--
      return item * 2
    })
    expect(results).toEqual([...Array(50).keys()].map((item) => item * 2))
    expect(Math.max(...seen)).toBe(16)
    expect(seen.slice(0, 16)).toEqual([...Array(16).keys()].map((i) => i + 1))
  })

  test('after an error begins none, and waits for those under way', async () => {
    const begun: number[] = []
    const ended: number[] = []
    const calls = inTurn([...Array(50).keys()], async (item) => {
      begun.push(item)
      await sleep(item === 5 ? 1 : 20)
      ended.push(item)
      if (item === 5) throw new Error('five')
      if (item === 6) throw new Error('six')
    })
    await expect(calls).rejects.toThrow('five')
    expect(begun).toHaveLength(16)
    expect(ended).toHaveLength(16)
  })
})

describe('attempt', () => {
  test('gives a KeyfoldError in the place of a result, and lets any other error pass', async () => {
    const error = new KeyfoldError('ERR_ARGUMENT', 'no')
    expect(await runAsync(attempt(failing(error)))).toBe(error)
    expect(runSync(attempt(value(3)))).toBe(3)
    expect(() => runSync(attempt(failing(new TypeError('bug'))))).toThrow(TypeError)
  })
})
