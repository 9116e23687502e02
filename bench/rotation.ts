/** What does rotating a row cost: against the bare loop that does the unavoidable alone, and against reading and writing the same bytes back? */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { median } from './interleave.ts'
import type { Result } from './report.ts'
import { result } from './report.ts'
import { bareReencryptPass, bareRewrapPass, plainPass } from './rotation-bare.ts'
import type { Keys } from './rotation-database.ts'
import { keysIn, makeDatabase, rotateOnce } from './rotation-database.ts'

const BATCH = 500
const ROUNDS = 3

/** Each kind of pass once a round, all over the same rows; each round begins and ends with them under key b. */
function passes(folder: string, path: string, keys: Keys, rows: number) {
  const rotation = (to: keyof Keys, reason: 'rotation' | 'compromise', threads: 1 | 2) => () =>
    rotateOnce({ folder, path, to, reason, threads, options: { batch: BATCH } }, keys, rows)
  const { a, b } = keys
  return [
    ['plain', () => plainPass(path, BATCH)],
    ['bare rewrap', () => bareRewrapPass(path, BATCH, b, a)],
    ['rewrap', rotation('b', 'rotation', 1)],
    ['bare re-encrypt', () => bareReencryptPass(path, BATCH, b, a)],
    ['re-encrypt', rotation('b', 'compromise', 1)],
    ['rewrap, 2 threads', rotation('a', 'rotation', 2)],
    ['plain', () => plainPass(path, BATCH)],
    ['re-encrypt, 2 threads', rotation('b', 'compromise', 2)],
  ] as const
}

export async function benchRotation(rows: number): Promise<Result[]> {
  const folder = mkdtempSync(join(tmpdir(), 'keyfold-bench-'))
  try {
    const keys = keysIn(folder, true)
    const path = join(folder, 'bench.db')
    await makeDatabase(path, rows, keys)
    const samples = new Map<string, number[]>()
    for (let round = 0; round < ROUNDS; round++) {
      for (const [name, pass] of passes(folder, path, keys, rows)) {
        const started = performance.now()
        await pass()
        samples.set(name, [...(samples.get(name) ?? []), ((performance.now() - started) * 1000) / rows])
      }
    }
    const of = (name: string): number => median(samples.get(name)!.toSorted((x, y) => x - y))
    const shares = ['rewrap', 're-encrypt'].flatMap((action) =>
      ['', ', 2 threads'].flatMap((threads) => [
        result(`${action} ${rows} rows${threads}, of the bare loop`, of(`${action}${threads}`), of(`bare ${action}`)),
        result(`${action} ${rows} rows${threads}, of select + UPDATE`, of(`${action}${threads}`), of('plain')),
      ]),
    )
    return [...shares, await linearity(folder, keys, rows)]
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** A rotation of all rows in a process of its own, as a row of a hundredth of them costs there: start-up, the census and all. */
async function linearity(folder: string, keys: Keys, rows: number): Promise<Result> {
  const few = Math.max(1000, Math.round(rows / 100))
  const small = join(folder, 'small.db')
  await makeDatabase(small, few, keys)
  const [one, other] = [inProcess([folder, small, few, 'a', 1]), inProcess([folder, join(folder, 'bench.db'), rows, 'a', 1])]
  const threaded = inProcess([folder, join(folder, 'bench.db'), rows, 'b', 2])
  const [peak, threadedPeak] = [other, threaded].map(({ peakBytes }) => Math.round(peakBytes / 1e6))
  console.log(`Peak memory of a process that rewraps ${rows} rows: ${peak} MB, on two threads ${threadedPeak} MB\n`)
  return result(`rewrap, a row of ${rows} against one of ${few}`, (other.milliseconds * 1000) / rows, (one.milliseconds * 1000) / few)
}

function inProcess(parameters: ReadonlyArray<string | number>): { milliseconds: number; peakBytes: number } {
  const child = join(import.meta.dirname, 'rotation-child.ts')
  const { stdout, stderr, status } = spawnSync(process.execPath, [...process.execArgv, child, ...parameters.map(String)], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`the rotation in a process of its own failed: ${stderr}`)
  return JSON.parse(stdout) as { milliseconds: number; peakBytes: number }
}
