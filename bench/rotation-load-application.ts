// The application beside a rotation: 200 reads and 100 writes of one row a second, each timed.
import { setTimeout as sleep } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import BetterSqlite3 from 'better-sqlite3'

interface Percentiles {
  readonly p50: number
  readonly p99: number
}

/** In milliseconds. */
export interface Latencies {
  readonly read: Percentiles
  readonly write: Percentiles
}

/** Between two rounds, each of two reads and one write. */
const ROUND_MS = 10

const { path, rows, seconds } = workerData as { path: string; rows: number; seconds: number }
const db = new BetterSqlite3(path)
const select = db.prepare('SELECT payload FROM records WHERE id = ?')
db.exec('CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, note TEXT)')
const update = db.prepare('INSERT INTO notes VALUES (?, ?) ON CONFLICT DO UPDATE SET note = excluded.note')
const samples = { read: [] as number[], write: [] as number[] }

for (const end = performance.now() + seconds * 1000; performance.now() < end; await sleep(ROUND_MS)) {
  for (let i = 0; i < 2; i++) timed(samples.read, () => select.get(1 + Math.floor(Math.random() * rows)))
  timed(samples.write, () => update.run(1 + Math.floor(Math.random() * 1000), `written at ${performance.now()}`))
}
db.close()
const latencies: Latencies = { read: percentiles(samples.read), write: percentiles(samples.write) }
parentPort!.postMessage(latencies, [])

function timed(into: number[], work: () => unknown): void {
  const started = performance.now()
  work()
  into.push(performance.now() - started)
}

function percentiles(values: number[]): Percentiles {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
  return { p50: at(0.5), p99: at(0.99) }
}
