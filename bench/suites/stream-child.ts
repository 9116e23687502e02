/**
 * stream-child.ts 'seal'|'seal and open' MIB ['free']: one stream of so many MiB in pieces of 256 KiB, none of it kept. Prints the seconds and the
 * memory. With 'free', the reader gives the memory of each piece back at once: the peak is what the streams hold, not what V8 has yet to collect.
 */
import { randomBytes } from 'node:crypto'
import { createKeyring, openStream, sealStream } from '@keyfold/core'
import { insecureRawKey } from '@keyfold/core/raw-key'
import { peakBytes } from '../peak-memory.ts'
import { drained, freed, piecesOf } from './stream-pieces.ts'

const PIECE = 2 ** 18
const [work, mebibytes, free] = process.argv.slice(2)
const keyring = createKeyring({ active: insecureRawKey('bench', randomBytes(32)) })
const context = { file: 'bench' }

function* plaintext(): Generator<Uint8Array> {
  const piece = randomBytes(PIECE)
  for (let left = (Number(mebibytes) * 2 ** 20) / PIECE; left > 0; left--) yield piece
}

const sealed = piecesOf(plaintext()).pipeThrough(sealStream(keyring, context))
const result = work === 'seal and open' ? sealed.pipeThrough(openStream(keyring, context)) : sealed
const beforeBytes = process.memoryUsage().rss
const started = performance.now()
await (free === 'free' ? freed(result) : drained(result))
const seconds = (performance.now() - started) / 1000
process.stdout.write(JSON.stringify({ seconds, beforeBytes, peakBytes: peakBytes() }))
