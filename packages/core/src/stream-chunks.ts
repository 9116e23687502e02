/** A message of c2sp.org/chunked-encryption, chunk after chunk, as its bytes come in. All of it synchronous: the streams around it wait. */
import { wipe } from './bytes.ts'
import { KeyfoldError } from './errors.ts'
import type { ChunkCipher } from './stream-cipher.ts'
import { CHUNK_LENGTH, MAX_CHUNKS, SEALED_CHUNK_LENGTH } from './stream-cipher.ts'

const TAG_LENGTH = SEALED_CHUNK_LENGTH - CHUNK_LENGTH

/**
 * Takes bytes of one side in pieces of any size, and gives those of the other side as soon as they are known. One that has ended or failed has
 * forgotten its key and what it held; what it made of a piece in which it failed is wiped as well.
 */
export interface ChunkMachine {
  /** The output of the chunks that `input` completes, in one piece; empty where it completes none. Does not keep `input`. */
  push(input: Uint8Array): Uint8Array
  /** The output of the last chunk. */
  end(): Uint8Array
  /** Forgets the key, and what is buffered. May be called at any time, often. */
  wipe(): void
}

/** Seals: plaintext in, chunks out. The last chunk is always shorter than the others, and empty where the plaintext ends with a full one. */
export function chunkSealer(cipher: ChunkCipher): ChunkMachine {
  return chunkMachine(cipher, 'seal', CHUNK_LENGTH, SEALED_CHUNK_LENGTH)
}

/**
 * Opens: chunks in, plaintext out, none of it before its chunk is authentic. A full chunk is never the last one, so it opens at once; what is
 * left when the input ends must be the last one.
 */
export function chunkOpener(cipher: ChunkCipher): ChunkMachine {
  return chunkMachine(cipher, 'open', SEALED_CHUNK_LENGTH, CHUNK_LENGTH)
}

function chunkMachine(cipher: ChunkCipher, turn: 'seal' | 'open', fromLength: number, toLength: number): ChunkMachine {
  const blocks = new Blocks(fromLength)
  let index = 0
  const forget = (): void => {
    blocks.wipe()
    cipher.wipe()
  }
  const filled = (out: Uint8Array, fill: () => void): Uint8Array => {
    try {
      fill()
      return out
    } catch (error) {
      wipe(out)
      forget()
      throw error
    }
  }
  return {
    push(input) {
      const out = new Uint8Array(blocks.completedBy(input) * toLength)
      return filled(out, () =>
        blocks.push(input, (block, i) => cipher[turn](index++, block, out.subarray(i * toLength, (i + 1) * toLength))),
      )
    },
    end() {
      const last = blocks.rest
      const length = last.length + toLength - fromLength
      const out = new Uint8Array(Math.max(0, length))
      filled(out, () => {
        if (length < 0) throw truncated(index)
        cipher[turn](index, last, out)
      })
      forget()
      return out
    },
    wipe: forget,
  }
}

/** How the bytes behind the head of a whole stream divide into chunks. */
export interface ChunkLayout {
  readonly fullChunks: number
  /** Bytes of the last chunk as it is stored. */
  readonly lastLength: number
  readonly plaintextLength: number
}

/** @throws KeyfoldError ERR_ENVELOPE_MALFORMED for a length that no whole stream has, ERR_LIMIT for one over 4 PiB */
export function chunkLayout(bodyLength: number): ChunkLayout {
  const fullChunks = Math.floor(bodyLength / SEALED_CHUNK_LENGTH)
  const lastLength = bodyLength - fullChunks * SEALED_CHUNK_LENGTH
  if (fullChunks >= MAX_CHUNKS) throw new KeyfoldError('ERR_LIMIT', `a stream has at most ${MAX_CHUNKS} chunks`)
  if (lastLength < TAG_LENGTH) throw truncated(fullChunks)
  return { fullChunks, lastLength, plaintextLength: fullChunks * CHUNK_LENGTH + lastLength - TAG_LENGTH }
}

/** The error of a stream that ends without a last chunk. */
function truncated(chunks: number): KeyfoldError {
  return new KeyfoldError('ERR_ENVELOPE_MALFORMED', `the stream is cut: it ends behind ${chunks} full chunks, without a last one`, {
    hint: 'Discard what was read of it. Copy it again, or restore it from a backup.',
  })
}

/** Cuts what comes in into blocks of one length, and keeps what is left over. */
class Blocks {
  readonly #buffer: Uint8Array
  #filled = 0

  constructor(length: number) {
    this.#buffer = new Uint8Array(length)
  }

  completedBy(input: Uint8Array): number {
    return Math.floor((this.#filled + input.length) / this.#buffer.length)
  }

  /** Blocks are views: of `input` where one lies wholly in it, so that large inputs are not copied. */
  push(input: Uint8Array, take: (block: Uint8Array, index: number) => void): void {
    const { length } = this.#buffer
    let at = 0
    let count = 0
    if (this.#filled > 0) {
      at = this.#keep(input.subarray(0, length - this.#filled))
      if (this.#filled < length) return
      take(this.#buffer, count++)
      this.#filled = 0
    }
    for (; at + length <= input.length; at += length) take(input.subarray(at, at + length), count++)
    this.#keep(input.subarray(at))
  }

  #keep(part: Uint8Array): number {
    this.#buffer.set(part, this.#filled)
    this.#filled += part.length
    return part.length
  }

  get rest(): Uint8Array {
    return this.#buffer.subarray(0, this.#filled)
  }

  wipe(): void {
    wipe(this.#buffer)
    this.#filled = 0
  }
}
