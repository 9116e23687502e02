/** What does a stream cost, against the bare calls of node:crypto on the same chunks, and against openssl? How much memory? A part of one? */
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
import { benchFiles, whyNoOpenssl } from './stream-files.ts'
import { collected, drained, piecesOf } from './stream-pieces.ts'

const MIB = 2 ** 20
const CHUNK = 16_384
const PIECES = [
  ['64 KiB', 65_536],
  ['1 MiB', MIB],
] as const
const TOTAL = { full: 64 * MIB, quick: 4 * MIB }
const FILE_MIB = { full: 256, quick: 16 }
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
      const skipped = whyNoOpenssl()
      if (skipped === undefined) results.push(...(await benchFiles(folder, quick ? FILE_MIB.quick : FILE_MIB.full, keyring, effort)))
      const figures = ['seal', 'seal and open'].flatMap((work) => benchMemory(work, quick ? 16 : streamMiB))
      const notes = skipped === undefined ? [] : [skipped]
      return { title: 'Streams, per MiB', floor: 'the bare calls of node:crypto on the same chunks of 16 KiB', results, figures, notes }
    }),
}

async function benchPieces(size: string, length: number, total: number, keyring: KeySource, effort: Effort): Promise<Result[]> {
  const payload = Array.from({ length: total / length }, () => new Uint8Array(randomBytes(length)))
  const stream = await collected(piecesOf(payload).pipeThrough(sealStream(keyring, CONTEXT)))
  // All of the stream: from memory, as the stream itself is read, and not the same few chunks out of a cache.
  const chunks = payload.flatMap((piece) => floorSealChunks([piece]))
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

/**
 * In processes of their own, whose memory is that of one stream. What peaks in the first is mostly garbage: pieces that the reader has done with,
 * until V8 collects them. The second frees them at once.
 */
function benchMemory(work: string, mebibytes: number): Figure[] {
  const { seconds, peakBytes, beforeBytes } = streamChild(work, mebibytes)
  const held = streamChild(work, mebibytes, 'free')
  const name = `${work} a stream of ${mebibytes} MiB`
  return [
    { name: `${name}, speed`, value: Math.round((mebibytes * MIB) / seconds / 1e6), unit: 'MB/s' },
    { name: `${name}, peak memory of the process`, value: Math.round(peakBytes / 1e6), unit: 'MB' },
    { name: `${name}, the same where pieces are freed once read`, value: Math.round(held.peakBytes / 1e6), unit: 'MB' },
    { name: `${name}, memory before it began`, value: Math.round(beforeBytes / 1e6), unit: 'MB' },
  ]
}

interface StreamMemory {
  readonly seconds: number
  readonly peakBytes: number
  readonly beforeBytes: number
}

function streamChild(work: string, mebibytes: number, ...more: readonly string[]): StreamMemory {
  const child = join(import.meta.dirname, 'stream-child.ts')
  return JSON.parse(runNode([...conditions(), child, work, String(mebibytes), ...more])) as StreamMemory
}
