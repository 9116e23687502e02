/**
 * Seals as many MiB as it is told and opens them again; nothing is ever whole or written down. Prints what came out, and the memory that it took.
 * With --expose-gc, garbage is collected every 16 MiB, so that what is left is what is held.
 *
 *     node --conditions=@keyfold/source packages/core/test/children/stream-memory.ts 4096
 */
import { createHash } from 'node:crypto'
import { openStream, sealStream } from '../../src/index.ts'
import { insecureKeyring } from '../keys.ts'

const PIECE = 65_536
const COLLECT_EVERY = 16 * 2 ** 20
const total = Number(process.argv[2]) * 2 ** 20
const keyring = insecureKeyring('a')
const context = { file: 'attachment' }
const hashes = { in: createHash('sha256'), out: createHash('sha256') }

let made = 0
const source = new ReadableStream<Uint8Array>(
  {
    pull(controller) {
      if (made === total) return controller.close()
      const piece = new Uint8Array(PIECE).fill((made / PIECE) & 0xff)
      made += piece.length
      hashes.in.update(piece)
      controller.enqueue(piece)
    },
  },
  { highWaterMark: 0 },
)

const before = process.memoryUsage().rss
const start = performance.now()
let [bytes, held, collectAt] = [0, 0, COLLECT_EVERY]
for await (const piece of source.pipeThrough(sealStream(keyring, context)).pipeThrough(openStream(keyring, context))) {
  bytes += piece.length
  hashes.out.update(piece)
  if (globalThis.gc === undefined || bytes < collectAt) continue
  collectAt += COLLECT_EVERY
  globalThis.gc()
  globalThis.gc() // the second waits until the buffers of the first are freed
  held = Math.max(held, process.memoryUsage().arrayBuffers)
}
const seconds = (performance.now() - start) / 1000
const same = hashes.in.digest('hex') === hashes.out.digest('hex')
const toMiB = (count: number): number => Math.round(count / 2 ** 20)
const peak = process.resourceUsage().maxRSS * 1024
console.log(JSON.stringify({ bytes, same, seconds, heldMiB: toMiB(held), beforeMiB: toMiB(before), peakMiB: toMiB(peak) }))
