/** What does an application notice of a rotation beside it? Its reads and writes, alone, beside one at full speed, and beside a gentle one. */
import { Worker } from 'node:worker_threads'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Keys } from './rotation-database.ts'
import { keysIn, makeDatabase, rotateOnce } from './rotation-database.ts'
import type { Latencies } from './rotation-load-application.ts'

const SECONDS = 10

/** Milliseconds of one kind of call, and how many rows a second the rotation moved beside them. */
export interface LoadResult extends Latencies {
  readonly name: string
  readonly rowsPerSecond: number
}

export async function benchRotationLoad(rows: number): Promise<LoadResult[]> {
  const folder = mkdtempSync(join(tmpdir(), 'keyfold-bench-'))
  try {
    const keys = keysIn(folder, true)
    const path = join(folder, 'bench.db')
    await makeDatabase(path, rows, keys)
    const alone = { ...(await application(path, rows, SECONDS)), name: 'alone', rowsPerSecond: 0 }
    const fast = await beside('beside a rotation', folder, path, keys, rows, false)
    return [alone, fast, await beside('beside a gentle one', folder, path, keys, rows, true)]
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Rotates there and back for as long as the application runs. */
async function beside(name: string, folder: string, path: string, keys: Keys, rows: number, gentle: boolean): Promise<LoadResult> {
  const over = new AbortController()
  let moved = 0
  const rotating = (async () => {
    for (let to: keyof Keys = 'a'; !over.signal.aborted; to = to === 'a' ? 'b' : 'a') {
      let done = 0
      const onProgress = ({ rewrapped }: { readonly rewrapped: number }): void => void (done = rewrapped)
      await rotateOnce({ folder, path, to, reason: 'rotation', threads: 2, options: { gentle, signal: over.signal, onProgress } }, keys)
      moved += done
    }
  })()
  const started = performance.now()
  const latencies = await application(path, rows, SECONDS)
  const seconds = (performance.now() - started) / 1000
  over.abort()
  await rotating
  return { ...latencies, name, rowsPerSecond: Math.round(moved / seconds) }
}

/** An application on a thread with a connection of its own, as another process would have. */
async function application(path: string, rows: number, seconds: number): Promise<Latencies> {
  const worker = new Worker(new URL('./rotation-load-application.ts', import.meta.url), { workerData: { path, rows, seconds } })
  return new Promise((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })
}
