/** What does a stream cost, against the bare calls of node:crypto on the same chunks of 16 KiB? */
import { createCipheriv, createDecipheriv, createSecretKey, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { KeySource } from '@keyfold/core'
import { createKeyring, openStream, sealStream } from '@keyfold/core'
import { createKeyFile, keyFile } from '@keyfold/core/key-file'
import { interleaveLong } from './interleave.ts'
import type { Result } from './report.ts'
import { result } from './report.ts'

const MIB = 2 ** 20
const TOTAL = 64 * MIB
const CHUNK = 16_384
const PIECES = [
  ['64 KiB', 65_536],
  ['1 MiB', MIB],
] as const

/** Microseconds per MiB. */
export async function benchStreams(): Promise<Result[]> {
  const folder = mkdtempSync(join(tmpdir(), 'keyfold-bench-'))
  try {
    createKeyFile(join(folder, 'bench.key'))
    const keyring = createKeyring({ active: keyFile(join(folder, 'bench.key')) })
    const results: Result[] = []
    for (const [size, length] of PIECES) results.push(...(await benchPieces(size, length, keyring)))
    return results
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function benchPieces(size: string, length: number, keyring: KeySource): Promise<Result[]> {
  const context = { file: 'bench' }
  const payload = Array.from({ length: TOTAL / length }, () => new Uint8Array(randomBytes(length)))
  const stream = await collected(piecesOf(payload).pipeThrough(sealStream(keyring, context)))
  const chunks = floor.seal(payload.slice(0, 1))
  const timings = await interleaveLong({
    seal: () => drained(piecesOf(payload).pipeThrough(sealStream(keyring, context))),
    sealFloor: async () => floor.seal(payload),
    open: () => drained(piecesOf(stream).pipeThrough(openStream(keyring, context))),
    openFloor: async () => floor.open(chunks, TOTAL / CHUNK),
  })
  const perMiB = (us: number): number => us / (TOTAL / MIB)
  return [
    result(`seal a stream in pieces of ${size}`, perMiB(timings.seal.us), perMiB(timings.sealFloor.us)),
    result(`open a stream in pieces of ${size}`, perMiB(timings.open.us), perMiB(timings.openFloor.us)),
  ]
}

function piecesOf(pieces: readonly Uint8Array[]): ReadableStream<Uint8Array> {
  let at = 0
  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const piece = pieces[at++]
        if (piece === undefined) controller.close()
        else controller.enqueue(piece)
      },
    },
    { highWaterMark: 0 },
  )
}

async function drained(readable: ReadableStream<Uint8Array>): Promise<void> {
  await readable.pipeTo(new WritableStream())
}

async function collected(readable: ReadableStream<Uint8Array>): Promise<Uint8Array[]> {
  const pieces: Uint8Array[] = []
  for await (const piece of readable) pieces.push(piece)
  return pieces
}

/** Ciphertext and tag of a chunk, as node:crypto gives them: not joined, so that no byte is copied. */
type Chunk = readonly [ciphertext: Uint8Array, tag: Uint8Array]

const floor = {
  key: createSecretKey(randomBytes(32)),
  nonce: randomBytes(12),

  /** Gives the chunks of the last piece. */
  seal(pieces: readonly Uint8Array[]): Chunk[] {
    let chunks: Chunk[] = []
    for (const piece of pieces) {
      chunks = []
      for (let at = 0; at < piece.length; at += CHUNK) {
        const cipher = createCipheriv('aes-256-gcm', this.key, this.nonce)
        const ciphertext = cipher.update(piece.subarray(at, at + CHUNK))
        cipher.final()
        chunks.push([ciphertext, cipher.getAuthTag()])
      }
    }
    return chunks
  },

  open(chunks: readonly Chunk[], count: number): void {
    for (let i = 0; i < count; i++) {
      const [ciphertext, tag] = chunks[i % chunks.length]!
      const decipher = createDecipheriv('aes-256-gcm', this.key, this.nonce, { authTagLength: 16 })
      decipher.setAuthTag(tag)
      decipher.update(ciphertext)
      decipher.final()
    }
  },
}
