/** What does a stream cost, against the bare calls of node:crypto on the same chunks of 16 KiB? How much memory? What does a part of one cost? */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { KeySource } from '@keyfold/core'
import { createKeyring, openRange, openStream, sealStream } from '@keyfold/core'
import { floorOpenChunks, floorSealChunks } from '../floors.ts'
import type { Effort } from '../interleave.ts'
import { interleave } from '../interleave.ts'
import { conditions, runNode } from '../processes.ts'
import type { Figure, Result } from '../report.ts'
import { compared } from '../report.ts'
import type { Suite } from '../suite.ts'
import { inFolder, newKeyFile } from '../suite.ts'
import { collected, drained, piecesOf } from './stream-pieces.ts'

const MIB = 2 ** 20
const CHUNK = 16_384
const PIECES = [
  ['64 KiB', 65_536],
  ['1 MiB', MIB],
] as const
const TOTAL = { full: 64 * MIB, quick: 4 * MIB }
const CONTEXT = { file: 'bench' }

export const streams: Suite = {
  name: 'streams',
  run: ({ effort, quick, streamMiB }) =>
    inFolder(async (folder) => {
      const keyring = createKeyring({ active: newKeyFile(folder, 'bench') })
      const total = quick ? TOTAL.quick : TOTAL.full
      const results: Result[] = []
      for (const [size, length] of PIECES) results.push(...(await benchPieces(size, length, total, keyring, effort)))
      results.push(await benchRange(keyring, total, effort))
      const figures = ['seal', 'seal and open'].flatMap((work) => benchMemory(work, quick ? 16 : streamMiB))
      return { title: 'Streams, per MiB', floor: 'the bare calls of node:crypto on the same chunks of 16 KiB', results, figures }
    }),
}

async function benchPieces(size: string, length: number, total: number, keyring: KeySource, effort: Effort): Promise<Result[]> {
  const payload = Array.from({ length: total / length }, () => new Uint8Array(randomBytes(length)))
  const stream = await collected(piecesOf(payload).pipeThrough(sealStream(keyring, CONTEXT)))
  const chunks = floorSealChunks(payload.slice(0, 1))
  const timings = await interleave(
    {
      seal: () => drained(piecesOf(payload).pipeThrough(sealStream(keyring, CONTEXT))),
      sealFloor: () => floorSealChunks(payload),
      open: () => drained(piecesOf(stream).pipeThrough(openStream(keyring, CONTEXT))),
      openFloor: () => floorOpenChunks(chunks, total / CHUNK),
    },
    effort,
  )
  return [
    compared(`seal a stream in pieces of ${size}`, timings.seal, timings.sealFloor, total / MIB),
    compared(`open a stream in pieces of ${size}`, timings.open, timings.openFloor, total / MIB),
  ]
}

/** Opens 4 KiB in the middle: the head, one chunk, and the last one, which shows that nothing was cut off. */
async function benchRange(keyring: KeySource, total: number, effort: Effort): Promise<Result> {
  const pieces = await collected(piecesOf([randomBytes(total)]).pipeThrough(sealStream(keyring, CONTEXT)))
  const sealed = Buffer.concat(pieces)
  const source = { size: sealed.length, read: (offset: number, length: number) => sealed.subarray(offset, offset + length) }
  const chunks = floorSealChunks([randomBytes(CHUNK)])
  const timings = await interleave(
    {
      range: () => openRange(keyring, source, CONTEXT, total / 2, total / 2 + 4096),
      floor: () => floorOpenChunks(chunks, 1),
    },
    effort,
  )
  return compared(`open 4 KiB in the middle of ${total / MIB} MiB (floor: its chunk alone)`, timings.range, timings.floor)
}

/** In a process of its own, whose memory is that of one stream. */
function benchMemory(work: string, mebibytes: number): Figure[] {
  const child = join(import.meta.dirname, 'stream-child.ts')
  const output = runNode([...conditions(), child, work, String(mebibytes)])
  const { seconds, peakBytes, beforeBytes } = JSON.parse(output) as { seconds: number; peakBytes: number; beforeBytes: number }
  const name = `${work} a stream of ${mebibytes} MiB`
  return [
    { name: `${name}, speed`, value: Math.round((mebibytes * MIB) / seconds / 1e6), unit: 'MB/s' },
    { name: `${name}, peak memory of the process`, value: Math.round(peakBytes / 1e6), unit: 'MB' },
    { name: `${name}, memory before it began`, value: Math.round(beforeBytes / 1e6), unit: 'MB' },
  ]
}
