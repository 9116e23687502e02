/** How a test vector of a stream is made: fixed inputs in, every intermediate value out. */
import { createHash } from 'node:crypto'
import { deriveBodyKey } from '../../packages/core/src/cipher.ts'
import { canonicalContext } from '../../packages/core/src/context.ts'
import { encodeHeader, SUITE_STREAM } from '../../packages/core/src/format.ts'
import { chunkSealer } from '../../packages/core/src/stream-chunks.ts'
import { CHUNK_LENGTH, sealingCipher } from '../../packages/core/src/stream-cipher.ts'
import type { Pairs, Recipe } from './case.ts'
import { hex, insecureKey, localEntry } from './case.ts'

/** Streams up to this size stand in the file as they are; of larger ones, their hash. */
const WRITTEN_OUT = 2048

export interface StreamCase {
  name: string
  keks: string[]
  context: Pairs
  payloadBytes: number
  payloadSha256: string
  dek: string
  canonicalContext: string
  commitment: string
  inputKey: string
  salt: string
  chunkCommitment: string
  keyIds: string[]
  head: string
  chunks: number
  streamBytes: number
  streamSha256: string
  stream?: string
}

/** A part of an invalid stream: bytes, or a piece of a valid stream, by offsets. */
export type Part = { hex: string } | { of: string; from: number; to: number }

export interface InvalidStreamCase {
  name: string
  keks: string[]
  context: Pairs
  parts: Part[]
  error: string
  /** What a reader that gives out chunk by chunk has given before. */
  givenBytes: number
}

export type StreamRecipe = Omit<Recipe, 'plaintext' | 'dek'> & { payloadBytes: number }

/** The rule of every payload in the file. */
function payloadOf(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => i % 251)
}

/** The case, and the stream itself. */
export function streamCase({ name, keks, context, payloadBytes, entries }: StreamRecipe): { one: StreamCase; stream: Uint8Array } {
  const payload = payloadOf(payloadBytes)
  const canonical = canonicalContext(context).bytes
  const dek = insecureKey(`DEK of stream ${name}`)
  const { commitment, key } = deriveBodyKey(SUITE_STREAM, dek)
  const list = entries?.(dek) ?? keks.map((kek) => localEntry(kek, dek))
  const salt = insecureKey(`salt of stream ${name}`).subarray(0, 24)
  const cipher = sealingCipher(key, createHash('sha256').update(canonical).digest(), salt)
  const head = Buffer.concat([encodeHeader({ suite: SUITE_STREAM, entries: list, body: { commitment } }), cipher.prefix])
  const sealer = chunkSealer(cipher)
  const stream = Buffer.concat([head, sealer.push(payload), sealer.end()])
  const one: StreamCase = {
    name,
    keks: keks.map(hex),
    context,
    payloadBytes,
    payloadSha256: sha256(payload),
    dek: hex(dek),
    canonicalContext: hex(canonical),
    commitment: hex(commitment),
    inputKey: hex(key),
    salt: hex(salt),
    chunkCommitment: hex(head.subarray(-32)),
    keyIds: list.map(({ keyId }) => hex(keyId)),
    head: hex(head),
    chunks: Math.floor(payloadBytes / CHUNK_LENGTH) + 1,
    streamBytes: stream.length,
    streamSha256: sha256(stream),
    ...(stream.length <= WRITTEN_OUT && { stream: hex(stream) }),
  }
  return { one, stream }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
