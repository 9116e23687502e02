/** Parts of a sealed stream, without reading all of it. */
import type { CanonicalContext } from './types.ts'
import { canonicalContext } from './context.ts'
import { KeyfoldError } from './errors.ts'
import { LIMITS } from './format.ts'
import type { Keyring } from './keyring.ts'
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
  /** Exactly `length` bytes from `offset`; fewer only where the source has become shorter than `size`. */
  read(offset: number, length: number): Uint8Array | Promise<Uint8Array>
}

/** The head of a stream with local keys fits, so that one read is mostly enough. */
const FIRST_READ = 4096
/** So much is read at a time: few calls, and little memory beside the result. */
const CHUNKS_PER_READ = 64

/**
 * Opens the plaintext from `start` to `end` (not included) of a stream that `sealStream` made. Reads the head, the last chunk and the chunks of
 * the range. The last chunk shows that the stream was not cut, and where it ends; chunks outside of the range are not looked at.
 *
 * @param start counted in bytes of plaintext; behind its end, nothing is left
 * @param end behind the end of the plaintext, it means that end
 * @returns the bytes, at most 1 GiB: ask for a longer range in parts, each of which calls the key once
 * @throws KeyfoldError as `open`; ERR_ARGUMENT for numbers that are no range; ERR_LIMIT; ERR_STREAM_SOURCE where the source cannot be read
 * @example const bytes = await openRange(keyring, { size, read }, { file: 'a.mp4' }, 1_000_000, 2_000_000)
 */
export async function openRange(
  keyring: Keyring,
  source: RangeSource,
  context: EncryptionContext,
  start = 0,
  end = Number.POSITIVE_INFINITY,
): Promise<Uint8Array> {
  const canonical = canonicalContext(context)
  checkRange(source, start, end)
  const head = await readHead(source)
  const layout = chunkLayout(source.size - head.length)
  const to = Math.min(end, layout.plaintextLength)
  const from = Math.min(start, to)
  if (to - from > LIMITS.payloadBytes)
    throw new KeyfoldError('ERR_LIMIT', `the range has ${to - from} bytes, at most ${LIMITS.payloadBytes} are allowed`)
  return withCipher(keyring, head, canonical, async (cipher) => {
    const last = await openLast(source, head, layout, cipher)
    const out = new Uint8Array(to - from)
    await openFull(source, head, layout, cipher, from, out)
    const lastAt = layout.fullChunks * CHUNK_LENGTH
    if (to > lastAt) out.set(last.subarray(Math.max(0, from - lastAt), to - lastAt), Math.max(0, lastAt - from))
    last.fill(0)
    return out
  })
}

async function withCipher<T>(
  keyring: Keyring,
  head: StreamHead,
  context: CanonicalContext,
  use: (cipher: ChunkCipher) => Promise<T>,
): Promise<T> {
  const cipher = await runAsync(openingSteps(keyring, head, context))
  try {
    return await use(cipher)
  } finally {
    cipher.wipe()
  }
}

async function readHead(source: RangeSource): Promise<StreamHead> {
  let bytes = await read(source, 0, Math.min(source.size, FIRST_READ))
  if (bytes.length < source.size && streamHeadNeeds(bytes) > bytes.length) bytes = await read(source, 0, Math.min(source.size, MAX_HEAD_LENGTH))
  return parseStreamHead(bytes)
}

/** The last chunk proves the length: no other chunk is authentic in its place. */
async function openLast(source: RangeSource, head: StreamHead, layout: ChunkLayout, cipher: ChunkCipher): Promise<Uint8Array> {
  const { fullChunks, lastLength } = layout
  const sealed = await read(source, head.length + fullChunks * SEALED_CHUNK_LENGTH, lastLength)
  const out = new Uint8Array(lastLength - (SEALED_CHUNK_LENGTH - CHUNK_LENGTH))
  cipher.open(fullChunks, sealed, out)
  return out
}

/** Opens what the range takes of the full chunks into the beginning of `out`. */
async function openFull(
  source: RangeSource,
  head: StreamHead,
  { fullChunks }: ChunkLayout,
  cipher: ChunkCipher,
  from: number,
  out: Uint8Array,
): Promise<void> {
  const endChunk = out.length === 0 ? 0 : Math.min(fullChunks, Math.ceil((from + out.length) / CHUNK_LENGTH))
  const plaintext = new Uint8Array(CHUNK_LENGTH)
  for (let chunk = Math.floor(from / CHUNK_LENGTH); chunk < endChunk; chunk += CHUNKS_PER_READ) {
    const count = Math.min(CHUNKS_PER_READ, endChunk - chunk)
    const sealed = await read(source, head.length + chunk * SEALED_CHUNK_LENGTH, count * SEALED_CHUNK_LENGTH)
    for (let i = 0; i < count; i++) {
      cipher.open(chunk + i, sealed.subarray(i * SEALED_CHUNK_LENGTH, (i + 1) * SEALED_CHUNK_LENGTH), plaintext)
      const at = (chunk + i) * CHUNK_LENGTH - from
      out.set(plaintext.subarray(Math.max(0, -at), out.length - at), Math.max(0, at))
    }
  }
  plaintext.fill(0)
}

async function read(source: RangeSource, offset: number, length: number): Promise<Uint8Array> {
  const bytes = await attempt(source, offset, length)
  if (!(bytes instanceof Uint8Array)) throw new KeyfoldError('ERR_ARGUMENT', `the source gave ${typeof bytes} instead of a Uint8Array`)
  if (bytes.length === length) return bytes
  throw new KeyfoldError('ERR_STREAM_SOURCE', `the source gave ${bytes.length} bytes where ${length} were asked for`)
}

async function attempt(source: RangeSource, offset: number, length: number): Promise<Uint8Array> {
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
