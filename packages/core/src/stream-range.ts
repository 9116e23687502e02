/** Parts of a sealed stream, without reading all of it. */
import { wipe } from './bytes.ts'
import { canonicalContext } from './context.ts'
import { KeyfoldError } from './errors.ts'
import { LIMITS } from './format.ts'
import type { KeySource } from './key-source.ts'
import { runAsync } from './steps.ts'
import type { ChunkLayout } from './stream-chunks.ts'
import { chunkLayout } from './stream-chunks.ts'
import type { ChunkCipher } from './stream-cipher.ts'
import { CHUNK_LENGTH, SEALED_CHUNK_LENGTH } from './stream-cipher.ts'
import type { StreamHead } from './stream-head.ts'
import { MAX_HEAD_LENGTH, parseStreamHead, streamHeadNeeds } from './stream-head.ts'
import { openingSteps } from './stream-keys.ts'
import type { EncryptionContext } from './types.ts'

/** A sealed stream that can be read at any place: a file, a blob, an object store. */
export interface RangeSource {
  /** The bytes of the whole sealed stream. */
  readonly size: number
  /** Exactly `length` bytes from `offset`; fewer only where the source has become shorter than `size`. Never asked for nothing. */
  read(offset: number, length: number): Uint8Array | Promise<Uint8Array>
}

/** The head of a stream fits, unless it has many keys of a key service: one read is mostly enough. */
const FIRST_READ = 4096
/** So much is read at a time: few calls, and little memory beside the result. */
const CHUNKS_PER_READ = 64

/**
 * Opens the plaintext from `start` to `end` (not included) of a stream that `sealStream` made. Reads the head, the last chunk and the chunks of
 * the range. The last chunk shows that the stream was not cut, and where it ends; chunks outside of the range are not looked at.
 *
 * @param keys a keyring, or whatever else opens; asked once a call
 * @param source where the sealed stream lies
 * @param context the pairs that it was sealed with
 * @param start counted in bytes of plaintext; behind its end, nothing is left
 * @param end behind the end of the plaintext, it means that end
 * @returns the bytes, at most 1 GiB: ask for a longer range in parts
 * @throws KeyfoldError as `open`, where a stream that ends between two chunks is ERR_ENVELOPE_MALFORMED; ERR_ARGUMENT for numbers that are no
 *   range or a source that is none; ERR_LIMIT; ERR_STREAM_SOURCE where the source fails or is shorter than it says
 * @example const bytes = await openRange(keyring, { size, read }, { file: 'a.mp4' }, 1_000_000, 2_000_000)
 */
export async function openRange(
  keys: KeySource,
  source: RangeSource,
  context: EncryptionContext,
  start = 0,
  end = Number.POSITIVE_INFINITY,
): Promise<Uint8Array> {
  const canonical = canonicalContext(context)
  checkRange(source, start, end)
  const { size } = source // once: one that changes meanwhile is not followed
  const head = await readHead(source, size)
  const layout = chunkLayout(size - head.length)
  const to = Math.min(end, layout.plaintextLength)
  const from = Math.min(start, to)
  if (to - from > LIMITS.payloadBytes)
    throw new KeyfoldError('ERR_LIMIT', `the range has ${to - from} bytes, at most ${LIMITS.payloadBytes} are allowed`)
  const cipher = await runAsync(openingSteps(keys, head, canonical))
  try {
    return await openChunks(source, { head, layout, cipher }, from, to)
  } finally {
    cipher.wipe()
  }
}

async function readHead(source: RangeSource, size: number): Promise<StreamHead> {
  let bytes = await read(source, 0, Math.min(size, FIRST_READ))
  if (bytes.length < size && streamHeadNeeds(bytes) > bytes.length) bytes = await read(source, 0, Math.min(size, MAX_HEAD_LENGTH))
  return parseStreamHead(bytes)
}

/** A sealed stream whose key is there. */
interface Opened {
  readonly head: StreamHead
  readonly layout: ChunkLayout
  readonly cipher: ChunkCipher
}

async function openChunks(source: RangeSource, opened: Opened, from: number, to: number): Promise<Uint8Array> {
  // The last chunk first: no other is authentic in its place, so it proves the length. Nothing is made room for before that.
  const last = await openLast(source, opened)
  const edge = new Uint8Array(CHUNK_LENGTH)
  try {
    const out = new Uint8Array(to - from)
    await openFull(source, opened, from, out, edge)
    place(out, opened.layout.fullChunks * CHUNK_LENGTH - from, last)
    return out
  } finally {
    wipe(last, edge)
  }
}

async function openLast(source: RangeSource, { head, layout, cipher }: Opened): Promise<Uint8Array> {
  const { fullChunks, lastLength, plaintextLength } = layout
  const sealed = await read(source, head.length + fullChunks * SEALED_CHUNK_LENGTH, lastLength)
  const out = new Uint8Array(plaintextLength - fullChunks * CHUNK_LENGTH)
  cipher.open(fullChunks, sealed, out)
  return out
}

/** Fills `out`, which begins at `from`, with what the full chunks hold of it; one that reaches beyond `out` opens into `edge` first. */
async function openFull(
  source: RangeSource,
  { head, layout, cipher }: Opened,
  from: number,
  out: Uint8Array,
  edge: Uint8Array,
): Promise<void> {
  const endChunk = out.length === 0 ? 0 : Math.min(layout.fullChunks, Math.ceil((from + out.length) / CHUNK_LENGTH))
  for (let first = Math.floor(from / CHUNK_LENGTH); first < endChunk; first += CHUNKS_PER_READ) {
    const count = Math.min(CHUNKS_PER_READ, endChunk - first)
    const sealed = await read(source, head.length + first * SEALED_CHUNK_LENGTH, count * SEALED_CHUNK_LENGTH)
    for (let i = 0; i < count; i++) {
      const at = (first + i) * CHUNK_LENGTH - from
      const whole = at >= 0 && at + CHUNK_LENGTH <= out.length
      const chunk = sealed.subarray(i * SEALED_CHUNK_LENGTH, (i + 1) * SEALED_CHUNK_LENGTH)
      cipher.open(first + i, chunk, whole ? out.subarray(at, at + CHUNK_LENGTH) : edge)
      if (!whole) place(out, at, edge)
    }
  }
}

/** Puts a chunk's plaintext at `at` of `out`, as far as it reaches; `at` may lie before it or behind it. */
function place(out: Uint8Array, at: number, plaintext: Uint8Array): void {
  if (at < out.length) out.set(plaintext.subarray(Math.max(0, -at), out.length - at), Math.max(0, at))
}

async function read(source: RangeSource, offset: number, length: number): Promise<Uint8Array> {
  if (length === 0) return new Uint8Array()
  const bytes: unknown = await attempt(source, offset, length)
  if (!(bytes instanceof Uint8Array)) throw new KeyfoldError('ERR_ARGUMENT', `the source gave ${typeof bytes} instead of a Uint8Array`)
  if (bytes.length === length) return bytes
  throw new KeyfoldError('ERR_STREAM_SOURCE', `the source gave ${bytes.length} bytes where ${length} were asked for`)
}

async function attempt(source: RangeSource, offset: number, length: number): Promise<unknown> {
  try {
    return await source.read(offset, length)
  } catch (error) {
    if (error instanceof KeyfoldError) throw error
    throw new KeyfoldError('ERR_STREAM_SOURCE', `the source could not be read (${length} bytes from ${offset})`, { cause: error })
  }
}

function checkRange(source: RangeSource, start: number, end: number): void {
  if (typeof source !== 'object' || source === null || typeof source.read !== 'function' || !isPlace(source.size))
    throw new KeyfoldError('ERR_ARGUMENT', 'a source has a size in bytes and a function read(offset, length)')
  if (!isPlace(start) || !(isPlace(end) || end === Number.POSITIVE_INFINITY) || start > end)
    throw new KeyfoldError('ERR_ARGUMENT', 'a range goes from a whole number of bytes to one that is not smaller')
}

function isPlace(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
