/** What the tests of streams share. */
import type { EncryptionContext, KeySource, RangeSource } from '../src/index.ts'
import { openStream, sealStream } from '../src/index.ts'

export const CHUNK = 16_384
export const SEALED_CHUNK = CHUNK + 16
/** The head of a stream with one local key: header with commitment, salt, commitment of the chunks. */
export const HEAD = 98 + 24 + 32

/** Bytes that tell where they stand: no two chunks of a short payload are alike. */
export function payloadOf(length: number): Uint8Array {
  const out = new Uint8Array(length)
  for (let i = 0; i < length; i++) out[i] = i % 251
  return out
}

/** A source of these pieces, which gives one when it is asked for one. */
export function sourceOf(pieces: Iterable<Uint8Array>): ReadableStream<Uint8Array> {
  const iterator = pieces[Symbol.iterator]()
  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const next = iterator.next()
        if (next.done === true) controller.close()
        else controller.enqueue(next.value)
      },
    },
    { highWaterMark: 0 },
  )
}

/** All that comes out of a transform when `pieces` go in, whole. */
export async function through(transform: TransformStream<Uint8Array, Uint8Array>, pieces: Iterable<Uint8Array>): Promise<Uint8Array> {
  const out: Uint8Array[] = []
  for await (const piece of sourceOf(pieces).pipeThrough(transform)) out.push(piece)
  return Uint8Array.from(Buffer.concat(out))
}

export function sealed(keys: KeySource, payload: Uint8Array, context: EncryptionContext = {}): Promise<Uint8Array> {
  return through(sealStream(keys, context), [payload])
}

export function opened(keys: KeySource, stream: Uint8Array, context: EncryptionContext = {}): Promise<Uint8Array> {
  return through(openStream(keys, context), [stream])
}

/** What a consumer has got when the stream ends or fails, and the code of the failure. Each piece of the source is `size` bytes. */
export async function openedUntilFailure(
  keys: KeySource,
  stream: Uint8Array,
  context: EncryptionContext = {},
  size = stream.length,
): Promise<{ got: Uint8Array; code: string | undefined }> {
  const got: Uint8Array[] = []
  let code: string | undefined
  try {
    for await (const piece of sourceOf(cutInto(stream, size)).pipeThrough(openStream(keys, context))) got.push(piece)
  } catch (error) {
    code = (error as { code?: string }).code ?? `untyped: ${String(error)}`
  }
  return { got: Uint8Array.from(Buffer.concat(got)), code }
}

/** Pieces of `size` bytes; nothing for nothing. */
export function* cutInto(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

/** Head and chunks of a sealed stream. */
export function partsOf(stream: Uint8Array, head = HEAD): { head: Uint8Array; chunks: Uint8Array[] } {
  return { head: stream.subarray(0, head), chunks: [...cutInto(stream.subarray(head), SEALED_CHUNK)] }
}

/** A source that can be read at any place, and counts what is read. */
export function rangeSourceOf(bytes: Uint8Array): RangeSource & { reads: Array<readonly [offset: number, length: number]> } {
  const reads: Array<readonly [number, number]> = []
  return {
    reads,
    size: bytes.length,
    read(offset, length) {
      reads.push([offset, length])
      return bytes.subarray(offset, offset + length)
    },
  }
}
