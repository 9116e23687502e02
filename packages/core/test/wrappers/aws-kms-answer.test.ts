/** How long an answer of KMS may be, and how long it may take. */
import { describe, expect, test, vi } from 'vitest'
import { boundedCollector, endingWithin } from '../../src/wrappers/aws-kms-answer.ts'

async function* bodyOf(...lengths: number[]): AsyncGenerator<Uint8Array> {
  for (const length of lengths) yield new Uint8Array(length).fill(lengths.length)
}

const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length

describe('the body of an answer', () => {
  test('is collected up to 64 KiB, whatever its pieces', async () => {
    const collect = boundedCollector(600_000)
    const before = timers()
    expect(await collect(bodyOf())).toEqual(new Uint8Array(0))
    expect(await collect(bodyOf(1, 2, 3))).toEqual(new Uint8Array(6).fill(3))
    expect(await collect(bodyOf(65_535, 1))).toHaveLength(65_536)
    expect(timers()).toBeLessThanOrEqual(before)
  })

  test('that is longer is left at once, by pieces and in one', async () => {
    const collect = boundedCollector(600_000)
    const before = timers()
    let left = false
    async function* endless(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield new Uint8Array(1000)
      } finally {
        left = true
      }
    }
    await expect(collect(endless())).rejects.toThrow('the answer is too long')
    expect(left).toBe(true)
    await expect(collect(bodyOf(65_537))).rejects.toThrow('the answer is too long')
    expect(timers()).toBeLessThanOrEqual(before)
  })

  test('that stops in its middle ends in time, by the name that the SDK knows', async () => {
    let stop: (error: Error) => void = () => undefined
    const stopped = new Promise<never>((_, reject) => (stop = reject))
    async function* stuck(): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(1)
      await stopped
    }
    const body = Object.assign(stuck(), { destroy: (error: Error) => stop(error) })
    await expect(boundedCollector(10)(body)).rejects.toMatchObject({ name: 'TimeoutError', message: 'the answer stopped in its middle' })
  })

  test('that cannot be destroyed is waited for', async () => {
    async function* slow(): AsyncGenerator<Uint8Array> {
      await new Promise((resolve) => setTimeout(resolve, 60))
      yield new Uint8Array(2)
    }
    expect(await boundedCollector(10)(slow())).toHaveLength(2)
  })
})

describe('a call', () => {
  test('gives what it gives, and leaves no timer behind', async () => {
    const before = timers()
    expect(await endingWithin(600_000, Promise.resolve(7))).toBe(7)
    await expect(endingWithin(600_000, Promise.reject(new Error('refused')))).rejects.toThrow('refused')
    expect(timers()).toBeLessThanOrEqual(before)
  })

  test('that does not end is left in time', async () => {
    vi.useFakeTimers()
    try {
      const ended = expect(endingWithin(5000, new Promise(() => undefined))).rejects.toMatchObject({
        name: 'TimeoutError',
        message: 'the call did not end',
      })
      await vi.advanceTimersByTimeAsync(5000)
      await ended
    } finally {
      vi.useRealTimers()
    }
  })
})
