/** Streams under mutation: the head's parser, and what comes out of altered streams. */
import { fuzzRuns } from '@keyfold/test-support'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createKeyring, openRange } from '../src/index.ts'
import { encodeHeader } from '../src/format.ts'
import { HeadCollector, MAX_HEAD_LENGTH, parseStreamHead, streamHeadNeeds } from '../src/stream-head.ts'
import { insecureKeyring, insecureWrapper } from './keys.ts'
import { CHUNK, cutInto, openedUntilFailure, payloadOf, rangeSourceOf, sealed } from './streams.ts'
import { edits, mutate, typed } from './mutations.ts'
import { hex } from './vectors.ts'

const numRuns = fuzzRuns()
const context = { file: 'a.bin' }
const two = createKeyring({ active: insecureWrapper('a'), recovery: [insecureWrapper('b')] })
const keyring = insecureKeyring('a')
const payload = payloadOf(CHUNK + 40)
const short = await sealed(two, payload.subarray(0, 40), context)
const long = await sealed(keyring, payload, context)

test('head: what parses encodes to the same bytes, and tells its own length', () => {
  fc.assert(
    fc.property(edits, (list) => {
      const bytes = mutate(short, list)
      const head = typed(() => parseStreamHead(bytes))
      if (head === undefined) return
      expect(hex(encodeHeader(head.header)) + hex(head.prefix)).toBe(hex(bytes.subarray(0, head.length)))
      expect(streamHeadNeeds(bytes)).toBe(head.length)
    }),
    { numRuns },
  )
})

const anyHead = fc.oneof(
  edits.map((list) => mutate(short, list)),
  fc.uint8Array({ maxLength: 300 }),
)

test('head: collected piece by piece, it is what the whole parses to, and bounded', () => {
  fc.assert(
    fc.property(anyHead, fc.integer({ min: 1, max: 200 }), (bytes, size) => {
      const collector = new HeadCollector()
      let taken = 0
      const parsed = typed(() => {
        for (const piece of cutInto(bytes, size)) taken += collector.take(piece)
        return parseStreamHead(collector.bytes)
      })
      expect(taken).toBeLessThanOrEqual(MAX_HEAD_LENGTH)
      expect(hex(collector.bytes.subarray(0, taken))).toBe(hex(bytes.subarray(0, taken)))
      expect(parsed?.length).toBe(typed(() => parseStreamHead(bytes))?.length)
      expect(collector.complete).toBe(collector.bytes.length > 0 && typed(() => streamHeadNeeds(collector.bytes)) === taken)
    }),
    { numRuns },
  )
})

test('stream: what opens is what was sealed, and what fails gives a beginning of it', async () => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(short, long), edits, fc.integer({ min: 500, max: 20_000 }), async (stream, list, size) => {
      const { got, code } = await openedUntilFailure(keyring, mutate(stream, list), context, size)
      if (code !== undefined) expect(code).toMatch(/^ERR_[A-Z_]+$/)
      const whole = payload.subarray(0, stream === short ? 40 : undefined)
      expect(hex(got)).toBe(hex(whole.subarray(0, code === undefined ? whole.length : got.length)))
    }),
    { numRuns: Math.ceil(numRuns / 4) },
  )
})

test('range: what opens is what was sealed there', async () => {
  const range = fc.tuple(fc.nat(CHUNK + 60), fc.nat(CHUNK))
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(short, long), edits, range, async (stream, list, [start, length]) => {
      const source = rangeSourceOf(mutate(stream, list))
      const outcome = await openRange(keyring, source, context, start, start + length).catch((error: unknown) => error)
      const whole = payload.subarray(0, stream === short ? 40 : undefined)
      if (outcome instanceof Uint8Array) expect(hex(outcome)).toBe(hex(whole.subarray(start, start + length)))
      else typed(() => { throw outcome })
    }),
    { numRuns: Math.ceil(numRuns / 4) },
  )
})
