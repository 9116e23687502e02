import { openRange, openStream, sealStream } from '@keyfold/core'
import type { Case } from './case.ts'
import { hex, insecureBytes, refused, same, withBitFlipped } from './case.ts'
import { sharedKeyring } from './keys.ts'

const CONTEXT = { file: 'a \u{1f600}' }
const CHUNK = 16_384

export function streamCases(): Case[] {
  const lengths = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 7]
  return [...lengths.map(roundTrip), ...CASES]
}

function roundTrip(length: number): Case {
  return {
    name: `stream: ${length} bytes come back, in pieces of any size`,
    async run() {
      const payload = insecureBytes(length, 6)
      for (const pieces of [1000, CHUNK, 100_000]) {
        const sealed = await sealAll(payload, pieces)
        same(hex(await openAll(sealed, 777 + pieces)), hex(payload))
      }
    },
  }
}

const CASES: Case[] = [
  {
    name: 'stream: a range is what stands there',
    async run() {
      const payload = insecureBytes(3 * CHUNK + 7, 6)
      const sealed = await sealAll(payload)
      const source = { size: sealed.length, read: async (offset: number, length: number) => sealed.slice(offset, offset + length) }
      for (const [start, end] of [[0, 1], [CHUNK - 3, CHUNK + 3], [5, 3 * CHUNK + 1], [3 * CHUNK, Infinity]] as const) {
        same(hex(await openRange(sharedKeyring(), source, CONTEXT, start, end)), hex(payload.slice(start, end)))
      }
    },
  },
  {
    name: 'stream: cut at a chunk, altered or of another context, it is refused',
    async run() {
      const sealed = await sealAll(insecureBytes(2 * CHUNK + 5, 6))
      const last = sealed.length - (5 + 16)
      await refused('ERR_ENVELOPE_MALFORMED', () => openAll(sealed.slice(0, last)))
      await refused('ERR_NOT_AUTHENTIC', () => openAll(sealed.slice(0, -1)))
      await refused('ERR_NOT_AUTHENTIC', () => openAll(withBitFlipped(sealed, last * 8 - 1)))
      await refused('ERR_NOT_AUTHENTIC', () => openAll(sealed, 5000, { file: 'b' }))
      await refused('ERR_ARGUMENT', () => drained(sourceOf(['text' as unknown as Uint8Array]).pipeThrough(sealStream(sharedKeyring(), CONTEXT))))
    },
  },
  {
    name: 'stream: a reader that cancels ends its source',
    async run() {
      const payload = insecureBytes(3 * CHUNK, 6)
      for (const [stream, first] of [
        [sealStream(sharedKeyring(), CONTEXT), payload],
        [openStream(sharedKeyring(), CONTEXT), await sealAll(payload)],
      ] as const) {
        const { source, cancelled } = silentAfter(first)
        const reader = source.pipeThrough(stream).getReader()
        same((await reader.read()).done, false)
        await reader.cancel('enough')
        same(await cancelled, 'enough')
      }
    },
  },
  {
    name: 'stream: a writer that aborts leaves its reader with that error',
    async run() {
      const { readable, writable } = sealStream(sharedKeyring(), CONTEXT)
      const reading = readable.getReader().read().then(() => 'read', String)
      await writable.getWriter().abort('enough')
      same(await reading, 'enough')
    },
  },
]

/** What `sealStream` makes of a payload that comes in pieces. */
export async function sealAll(payload: Uint8Array, pieces = 5000): Promise<Uint8Array> {
  return drained(inPieces(payload, pieces).pipeThrough(sealStream(sharedKeyring(), CONTEXT)))
}

/** What `openStream` makes of it. */
export async function openAll(sealed: Uint8Array, pieces = 5000, context: Record<string, string> = CONTEXT): Promise<Uint8Array> {
  return drained(inPieces(sealed, pieces).pipeThrough(openStream(sharedKeyring(), context)))
}

function inPieces(bytes: Uint8Array, length: number): ReadableStream<Uint8Array> {
  return sourceOf(Array.from({ length: Math.ceil(bytes.length / length) }, (_, i) => bytes.slice(i * length, (i + 1) * length)))
}

function sourceOf(pieces: readonly Uint8Array[]): ReadableStream<Uint8Array> {
  const left = [...pieces]
  return new ReadableStream({
    pull(controller) {
      const next = left.shift()
      if (next === undefined) controller.close()
      else controller.enqueue(next)
    },
  })
}

async function drained(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  const reader = stream.getReader()
  for (let next = await reader.read(); !next.done; next = await reader.read()) pieces.push(next.value)
  return new Uint8Array(await new Blob(pieces).arrayBuffer())
}

/** Gives one piece, then nothing more, and does not end; and the reason of its being cancelled, or `never` after ten seconds. */
function silentAfter(piece: Uint8Array): { source: ReadableStream<Uint8Array>; cancelled: Promise<unknown> } {
  const left = [piece]
  const { promise: cancelled, resolve } = Promise.withResolvers<unknown>()
  const timer = setTimeout(resolve, 10_000, 'never')
  const source = new ReadableStream<Uint8Array>({
    pull: (to) => void left.splice(0).forEach((one) => to.enqueue(one)),
    cancel(reason) {
      clearTimeout(timer)
      resolve(reason)
    },
  })
  return { source, cancelled }
}

/** Whether the runtime tells a transform that its reader has cancelled: where it does, the keys of such a stream are wiped at once. */
export async function tellsOfCancel(): Promise<boolean> {
  let told = false
  await new TransformStream({ cancel: () => void (told = true) } as object).readable.cancel()
  return told
}
