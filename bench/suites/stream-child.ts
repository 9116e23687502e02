// stream-child.ts 'seal'|'seal and open' MIB: one stream of so many MiB in pieces of 256 KiB, none of it kept. Prints the seconds and the memory.
import { randomBytes } from 'node:crypto'
import { createKeyring, openStream, sealStream } from '@keyfold/core'
import { insecureRawKey } from '@keyfold/core/raw-key'
import { drained, piecesOf } from './stream-pieces.ts'

const PIECE = 2 ** 18
const [work, mebibytes] = process.argv.slice(2)
const keyring = createKeyring({ active: insecureRawKey('bench', randomBytes(32)) })
const context = { file: 'bench' }

function* plaintext(): Generator<Uint8Array> {
  const piece = randomBytes(PIECE)
  for (let left = (Number(mebibytes) * 2 ** 20) / PIECE; left > 0; left--) yield piece
}

const sealed = piecesOf(plaintext()).pipeThrough(sealStream(keyring, context))
const beforeBytes = process.memoryUsage().rss
const started = performance.now()
await drained(work === 'seal and open' ? sealed.pipeThrough(openStream(keyring, context)) : sealed)
const seconds = (performance.now() - started) / 1000
process.stdout.write(JSON.stringify({ seconds, beforeBytes, peakBytes: process.resourceUsage().maxRSS * 1024 }))
