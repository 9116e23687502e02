import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ChunkMachine } from '../src/stream-chunks.ts'
import { chunkLayout, chunkOpener, chunkSealer } from '../src/stream-chunks.ts'
import type { ChunkCipher } from '../src/stream-cipher.ts'
import { openingCipher, sealingCipher } from '../src/stream-cipher.ts'
import { codeOf, insecureKey } from './keys.ts'
import { CHUNK, payloadOf, SEALED_CHUNK } from './streams.ts'
import { hex } from './vectors.ts'

const key = insecureKey('chunks')
const context = new Uint8Array()
const salt = new Uint8Array(24)
const sealer = (): ChunkMachine => chunkSealer(sealingCipher(key, context, salt))
const opener = (): ChunkMachine => chunkOpener(openingCipher(key, sealingCipher(key, context, salt).prefix, context))

/** What a machine gives for `bytes`, of which each piece has the next of the lengths. */
function run(machine: ChunkMachine, bytes: Uint8Array, lengths: readonly number[]): Uint8Array {
  const out: Uint8Array[] = []
  let at = 0
  for (const length of lengths) {
    out.push(machine.push(bytes.subarray(at, at + length)))
    at += length
  }
  return Buffer.concat([...out, machine.push(bytes.subarray(at)), machine.end()])
}

const nearBoundaries = fc.tuple(fc.nat(3), fc.integer({ min: -20, max: 20 })).map(([n, delta]) => Math.max(0, n * CHUNK + delta))

test('the pieces in which bytes come do not matter, sealing or opening', () => {
  const pieces = fc.array(fc.oneof(fc.nat(40_000), nearBoundaries, fc.constant(0)), { maxLength: 8 })
  fc.assert(
    fc.property(nearBoundaries, pieces, pieces, (length, in1, in2) => {
      const payload = payloadOf(length)
      const whole = run(sealer(), payload, [])
      expect(hex(run(sealer(), payload, in1))).toBe(hex(whole))
      expect(hex(run(opener(), whole, in2))).toBe(hex(payload))
    }),
    { numRuns: 60 },
  )
})

test('one byte at a time', () => {
  const payload = payloadOf(CHUNK + 1)
  const ones = (length: number): number[] => Array.from({ length }, () => 1)
  const whole = run(sealer(), payload, ones(payload.length))
  expect(hex(run(opener(), whole, ones(whole.length)))).toBe(hex(payload))
})

test('a chunk comes out with its last byte, not before', () => {
  const machine = sealer()
  expect(machine.push(payloadOf(CHUNK - 1))).toHaveLength(0)
  const sealed = machine.push(payloadOf(1))
  expect(sealed).toHaveLength(SEALED_CHUNK)
  const opening = opener()
  expect(opening.push(sealed.subarray(0, -1))).toHaveLength(0)
  expect(opening.push(sealed.subarray(-1))).toHaveLength(CHUNK)
})

test('the last chunk is shorter than the others, and empty where the payload ends with a full one', () => {
  for (const [length, last] of [[0, 0], [1, 1], [CHUNK - 1, CHUNK - 1], [CHUNK, 0], [CHUNK + 1, 1], [2 * CHUNK, 0]] as const) {
    const machine = sealer()
    expect(machine.push(payloadOf(length))).toHaveLength(Math.floor(length / CHUNK) * SEALED_CHUNK)
    expect(machine.end()).toHaveLength(last + 16)
  }
})

test('a piece is not kept: its buffer may be used again', () => {
  const machine = sealer()
  const buffer = payloadOf(100)
  machine.push(buffer)
  buffer.fill(0)
  expect(hex(machine.end())).toBe(hex(run(sealer(), payloadOf(100), [])))
})

describe('a machine forgets its key', () => {
  const sealed = run(sealer(), payloadOf(CHUNK), [])
  const alive = (machine: ChunkMachine): boolean => codeOf(() => machine.push(payloadOf(SEALED_CHUNK))) !== 'ERR_ARGUMENT'

  test('when it has ended', () => {
    const [sealing, opening] = [sealer(), opener()]
    sealing.end()
    opening.push(sealed)
    opening.end()
    expect([alive(sealing), alive(opening)]).toEqual([false, false])
  })

  test('when a chunk is not authentic', () => {
    const opening = opener()
    expect(codeOf(() => opening.push(sealed.with(0, sealed[0]! ^ 1)))).toBe('ERR_NOT_AUTHENTIC')
    expect(alive(opening)).toBe(false)
  })

  test('when the last chunk is not there', () => {
    const opening = opener()
    opening.push(sealed.subarray(0, SEALED_CHUNK))
    expect(codeOf(() => opening.end())).toBe('ERR_ENVELOPE_MALFORMED')
    expect(alive(opening)).toBe(false)
  })

  test('when it is told so, as often as it is', () => {
    const machine = sealer()
    machine.push(payloadOf(100))
    machine.wipe()
    machine.wipe()
    expect(alive(machine)).toBe(false)
  })
})

describe('a machine wipes', () => {
  /** A cipher that does nothing but remember the buffers that it was given, and fails at a chunk. */
  function remembering(failsAt = Number.POSITIVE_INFINITY): { cipher: ChunkCipher; inputs: Uint8Array[]; outputs: Uint8Array[] } {
    const [inputs, outputs]: [Uint8Array[], Uint8Array[]] = [[], []]
    const turn = (index: number, input: Uint8Array, out: Uint8Array): void => {
      if (index === failsAt) throw new Error('not authentic')
      inputs.push(input)
      outputs.push(out.fill(7))
    }
    return { cipher: { prefix: context, seal: turn, open: turn, wipe: () => {} }, inputs, outputs }
  }

  test('what it had kept of a payload', () => {
    const ended = remembering()
    const machine = chunkSealer(ended.cipher)
    machine.push(payloadOf(100))
    machine.end()
    expect(ended.inputs[0]).toEqual(new Uint8Array(100))
    const cancelled = remembering()
    const other = chunkSealer(cancelled.cipher)
    other.push(payloadOf(100))
    other.wipe()
    other.end()
    expect(cancelled.inputs[0]).toHaveLength(0)
  })

  test('what it made of a piece in which a later chunk fails', () => {
    const { cipher, outputs } = remembering(2)
    expect(() => chunkOpener(cipher).push(payloadOf(3 * SEALED_CHUNK))).toThrow('not authentic')
    expect(outputs).toEqual([new Uint8Array(CHUNK), new Uint8Array(CHUNK)])
  })
})

describe('the layout of a whole stream', () => {
  test.each([
    [16, 0, 16, 0],
    [17, 0, 17, 1],
    [SEALED_CHUNK - 1, 0, SEALED_CHUNK - 1, CHUNK - 1],
    [SEALED_CHUNK + 16, 1, 16, CHUNK],
    [SEALED_CHUNK + 17, 1, 17, CHUNK + 1],
    [(2 ** 38 - 1) * SEALED_CHUNK + 16, 2 ** 38 - 1, 16, (2 ** 38 - 1) * CHUNK],
  ])('%d bytes of chunks', (length, fullChunks, lastLength, plaintextLength) => {
    expect(chunkLayout(length)).toEqual({ fullChunks, lastLength, plaintextLength })
  })

  test.each([0, 15, SEALED_CHUNK, SEALED_CHUNK + 15, 9 * SEALED_CHUNK])('%d bytes are cut', (length) => {
    expect(codeOf(() => chunkLayout(length))).toBe('ERR_ENVELOPE_MALFORMED')
  })

  test('more than 2^38 chunks are over the limit', () => {
    expect(codeOf(() => chunkLayout(2 ** 38 * SEALED_CHUNK + 16))).toBe('ERR_LIMIT')
    expect(codeOf(() => chunkLayout(Number.MAX_SAFE_INTEGER))).toBe('ERR_LIMIT')
  })
})
