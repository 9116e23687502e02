/** The published vectors of streams: what docs/format.md promises to readers in other languages. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { InvalidStreamCase, StreamCase } from '../../../tools/vectors/stream-case.ts'
import { openRange } from '../src/index.ts'
import { encodeHeader } from '../src/format.ts'
import { parseStreamHead } from '../src/stream-head.ts'
import { chunkSealer } from '../src/stream-chunks.ts'
import { sealingCipher } from '../src/stream-cipher.ts'
import { CHUNK, opened, openedUntilFailure, payloadOf, rangeSourceOf, SEALED_CHUNK } from './streams.ts'
import { hex, keyringOf, streamVectorsPath, unhex } from './vectors.ts'

const vectors = JSON.parse(readFileSync(streamVectorsPath, 'utf8')) as { valid: StreamCase[]; invalid: InvalidStreamCase[] }
const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest()

/** A valid stream, by the rule of the file: its head, and the chunks of its payload. */
function streamOf({ head, inputKey, salt, canonicalContext, payloadBytes }: StreamCase): Uint8Array {
  const sealer = chunkSealer(sealingCipher(unhex(inputKey), sha256(unhex(canonicalContext)), unhex(salt)))
  return Uint8Array.from(Buffer.concat([unhex(head), sealer.push(payloadOf(payloadBytes)), sealer.end()]))
}

const streams = new Map(vectors.valid.map((one) => [one.name, streamOf(one)]))

function joined({ parts }: InvalidStreamCase): Uint8Array {
  return Uint8Array.from(
    Buffer.concat(parts.map((part) => ('hex' in part ? unhex(part.hex) : streams.get(part.of)!.subarray(part.from, part.to)))),
  )
}

describe('valid streams', () => {
  test.each(vectors.valid)('$name: is made as the file says', (one) => {
    const stream = streams.get(one.name)!
    expect([stream.length, hex(sha256(stream)), one.stream ?? hex(stream)]).toEqual([one.streamBytes, one.streamSha256, hex(stream)])
    expect(hex(sha256(payloadOf(one.payloadBytes)))).toBe(one.payloadSha256)
  })

  test.each(vectors.valid)('$name: opens', async ({ name, keks, context, payloadBytes }) => {
    expect(hex(sha256(await opened(keyringOf(keks), streams.get(name)!, context)))).toBe(hex(sha256(payloadOf(payloadBytes))))
  })

  test.each(vectors.valid)('$name: opens in part', async ({ name, keks, context, payloadBytes }) => {
    const payload = payloadOf(payloadBytes)
    const source = rangeSourceOf(streams.get(name)!)
    for (const [start, end] of [[0, 1], [CHUNK - 1, CHUNK + 1], [payloadBytes - 1, payloadBytes + 1], [3, 3]] as const) {
      const from = Math.max(0, start)
      expect(hex(await openRange(keyringOf(keks), source, context, from, end))).toBe(hex(payload.subarray(from, end)))
    }
  })

  test.each(vectors.valid)('$name: its head encodes to the same bytes, and names its keys', ({ head, keyIds, chunkCommitment }) => {
    const parsed = parseStreamHead(unhex(head))
    expect(hex(encodeHeader(parsed.header)) + hex(parsed.prefix)).toBe(head)
    expect(parsed.header.entries.map(({ keyId }) => hex(keyId))).toEqual(keyIds)
    expect(hex(parsed.prefix.subarray(24))).toBe(chunkCommitment)
  })
})

describe('invalid streams', () => {
  test.each(vectors.invalid)('$name: $error', async (one) => {
    const { got, code } = await openedUntilFailure(keyringOf(one.keks), joined(one), one.context, SEALED_CHUNK)
    expect(code).toBe(one.error)
    expect(got.length).toBeLessThanOrEqual(one.givenBytes)
    expect(hex(got)).toBe(hex(payloadOf(got.length)))
  })

  test.each(vectors.invalid)('$name: opens in no part either, unless the range avoids what was altered', async (one) => {
    const opening = openRange(keyringOf(one.keks), rangeSourceOf(joined(one)), one.context, 0, CHUNK)
    const outcome = await opening.then(hex, (error: unknown) => (error as { code: string }).code)
    expect([hex(payloadOf(CHUNK)), one.error]).toContain(outcome)
    if (one.givenBytes === 0) expect(outcome).toBe(one.error)
  })
})
