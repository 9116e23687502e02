/** Long work under way: its result, its progress, or both. */
import { expect, test } from 'vitest'
import { running } from '../src/running.ts'

const turn = async (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

async function collected<P>(run: AsyncIterable<P>): Promise<P[]> {
  const seen: P[] = []
  for await (const one of run) seen.push(one)
  return seen
}

test('who awaits it gets the result, and each progress in turn where it was asked for', async () => {
  const seen: number[] = []
  const run = running<number, string>(async (report) => {
    report(1)
    report(2)
    await turn()
    report(3)
    return 'done'
  }, (progress) => seen.push(progress))
  expect(await run).toBe('done')
  expect(seen).toEqual([1, 2, 3])
})

test('who iterates gets the newest at each turn, the last one included, and then the end', async () => {
  const run = running<number, string>(async (report) => {
    for (const one of [1, 2, 3, 4]) {
      report(one)
      if (one % 2 === 0) await turn()
    }
    report(5)
    return 'done'
  })
  expect(await collected(run)).toEqual([2, 4, 5])
  expect(await run).toBe('done')
})

test('who begins to iterate when it is over gets what came last, and the end', async () => {
  const run = running<number, string>(async (report) => {
    report(1)
    return 'done'
  })
  await run
  expect(await collected(run)).toEqual([1])
  expect(await collected(run)).toEqual([])
})

test('work without progress ends the iteration when it ends', async () => {
  expect(await collected(running(turn))).toEqual([])
})

test('a failure ends the iteration behind what was reported before it, and the promise too', async () => {
  const run = running<number, never>(async (report) => {
    report(1)
    await turn()
    throw new Error('the disk is full')
  })
  const seen: number[] = []
  const iterated = (async () => {
    for await (const one of run) seen.push(one)
  })()
  await expect(iterated).rejects.toThrow('the disk is full')
  await expect(run).rejects.toThrow('the disk is full')
  expect(seen).toEqual([1])
})

test('a failure that only the iteration sees is nobody else’s', async () => {
  const unheard: unknown[] = []
  const listener = (reason: unknown): void => void unheard.push(reason)
  process.on('unhandledRejection', listener)
  const run = running<number, never>(async () => {
    await turn()
    throw new Error('out of reach')
  })
  await expect(collected(run)).rejects.toThrow('out of reach')
  await turn()
  process.removeListener('unhandledRejection', listener)
  expect(unheard).toEqual([])
})
