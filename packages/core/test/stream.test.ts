/** What users see of streams: what goes in comes out, for the right key and context alone. */
import { createReadStream, createWriteStream, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Duplex, Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { temporaryFolder } from '@keyfold/test-support'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { EncryptionContext, KeySource } from '../src/index.ts'
import { createKeyring, inspect, isSealed, KeyfoldError, openStream, openSync, rewrapSync, sealStream, sealSync } from '../src/index.ts'
import { parseStreamHead } from '../src/stream-head.ts'
import { codeOf, codeOfAsync, insecureKeyring, insecureWrapper, remoteWrapper } from './keys.ts'
import { CHUNK, cutInto, HEAD, opened, payloadOf, sealed, SEALED_CHUNK, sourceOf, through } from './streams.ts'
import { hex } from './vectors.ts'

const keyring = insecureKeyring('a')
const context = { file: 'report.pdf' }

test('round trip, for payloads around the ends of chunks and pieces of any size', async () => {
  const length = fc.tuple(fc.nat(4), fc.integer({ min: -18, max: 18 })).map(([n, delta]) => Math.max(0, n * CHUNK + delta))
  const size = fc.oneof(fc.integer({ min: 1, max: 100_000 }), fc.constantFrom(CHUNK, SEALED_CHUNK, 65_536))
  await fc.assert(
    fc.asyncProperty(length, size, size, async (bytes, sealIn, openIn) => {
      fc.pre(sealIn > bytes / 2000 && openIn > bytes / 2000)
      const payload = payloadOf(bytes)
      const stream = await through(sealStream(keyring, context), cutInto(payload, sealIn))
      expect(stream).toHaveLength(HEAD + Math.floor(bytes / CHUNK) * SEALED_CHUNK + (bytes % CHUNK) + 16)
      expect(hex(await through(openStream(keyring, context), cutInto(stream, openIn)))).toBe(hex(payload))
    }),
    { numRuns: 40 },
  )
})

test('an empty payload is a stream of one empty chunk', async () => {
  const stream = await through(sealStream(keyring, context), [])
  expect(stream).toHaveLength(HEAD + 16)
  expect(await opened(keyring, stream, context)).toHaveLength(0)
})

test('empty pieces change nothing', async () => {
  const nothing = new Uint8Array()
  const stream = await through(sealStream(keyring, context), [nothing, payloadOf(5), nothing])
  const back = await through(openStream(keyring, context), [nothing, stream.subarray(0, 9), nothing, stream.subarray(9), nothing])
  expect(back).toEqual(payloadOf(5))
})

test('two streams of one payload have nothing in common but their key', async () => {
  const [one, other] = [await sealed(keyring, payloadOf(100), context), await sealed(keyring, payloadOf(100), context)]
  expect(hex(one.subarray(0, 24))).toBe(hex(other.subarray(0, 24)))
  for (const [from, to] of [[26, 66], [66, 98], [98, 122], [122, 154], [154, undefined]] as const)
    expect(hex(one.subarray(from, to))).not.toBe(hex(other.subarray(from, to)))
})

test('a stream begins as an envelope does, of suite 2', async () => {
  const stream = await sealed(keyring, payloadOf(1), context)
  expect(isSealed(stream)).toBe(true)
  expect(hex(stream.subarray(0, 6))).toBe('4b4601020001')
})

describe('keys', () => {
  test('a key service: one call a stream, when the first bytes come', async () => {
    const calls: string[] = []
    const remote = remoteWrapper('a')
    const counting = createKeyring({
      active: {
        ...remote,
        wrap: (dek, pairs) => (calls.push('wrap'), remote.wrap(dek, pairs)),
        unwrap: (wrapped, pairs) => (calls.push('unwrap'), remote.unwrap(wrapped, pairs)),
      },
    })
    const [sealing, opening] = [sealStream(counting, context), openStream(counting, context)]
    await new Promise(setImmediate)
    expect(calls).toEqual([])
    const stream = await through(sealing, cutInto(payloadOf(3 * CHUNK), 1000))
    expect(calls).toEqual(['wrap'])
    expect(await through(opening, cutInto(stream, 1000))).toEqual(payloadOf(3 * CHUNK))
    expect(calls).toEqual(['wrap', 'unwrap'])
  })

  test('each of several keys opens alone, and one that was retired from sealing opens as well', async () => {
    const two = createKeyring({ active: insecureWrapper('a'), recovery: [remoteWrapper('b')] })
    const stream = await sealed(two, payloadOf(20_000), context)
    for (const keys of [two, insecureKeyring('a'), insecureKeyring('b'), insecureKeyring('c', 'b')])
      expect(await opened(keys, stream, context)).toEqual(payloadOf(20_000))
  })

  test('of several, one whose entry was altered gives way to the next', async () => {
    const two = createKeyring({ active: insecureWrapper('a'), recovery: [insecureWrapper('b')] })
    const stream = await sealed(two, payloadOf(9), context)
    const [first] = parseStreamHead(stream).header.entries
    first!.wrapped[0]! ^= 1 // a view of the stream
    expect(await opened(two, stream, context)).toEqual(payloadOf(9))
    expect(await codeOfAsync(opened(insecureKeyring('a'), stream, context))).toBe('ERR_NOT_AUTHENTIC')
  })

  test('a key source of one method each suffices', async () => {
    const local = insecureWrapper('a')
    const source: KeySource = {
      *sealingKeys() {
        return [local]
      },
      *openingKey() {
        return local
      },
    }
    expect(await opened(source, await sealed(source, payloadOf(9)))).toEqual(payloadOf(9))
  })

  test('a key that is not held is ERR_KEY_NOT_FOUND, another data key ERR_KEY_COMMITMENT', async () => {
    const [one, other] = [await sealed(keyring, payloadOf(9), context), await sealed(keyring, payloadOf(9), context)]
    expect(await codeOfAsync(opened(insecureKeyring('b'), one, context))).toBe('ERR_KEY_NOT_FOUND')
    one.set(other.subarray(26, 66), 26)
    expect(await codeOfAsync(opened(keyring, one, context))).toBe('ERR_KEY_COMMITMENT')
  })

  test('what a key wrapper throws comes through the stream', async () => {
    const { id, keyId } = insecureWrapper('a')
    const broken = createKeyring({
      active: { id, keyId, wrap: () => Promise.reject(new Error('down')), unwrap: () => Promise.reject(new Error('down')) },
    })
    expect(await codeOfAsync(sealed(broken, payloadOf(9), context))).toBe('ERR_KEY_UNAVAILABLE')
    expect(await codeOfAsync(opened(broken, await sealed(keyring, payloadOf(9), context), context))).toBe('ERR_KEY_UNAVAILABLE')
  })
})

describe('context', () => {
  test.each<[string, EncryptionContext]>([
    ['another value', { file: 'other.pdf' }],
    ['none', {}],
    ['a pair more', { ...context, page: '1' }],
  ])('%s is ERR_NOT_AUTHENTIC', async (_name, other) => {
    const stream = await sealed(keyring, payloadOf(CHUNK), context)
    expect(await codeOfAsync(opened(keyring, stream, other))).toBe('ERR_NOT_AUTHENTIC')
  })

  test('the order of its pairs does not matter', async () => {
    const stream = await sealed(keyring, payloadOf(9), { a: '1', b: '2' })
    expect(await opened(keyring, stream, [['b', '2'], ['a', '1']])).toEqual(payloadOf(9))
  })

  test('one that is none is refused before there is a stream', () => {
    for (const make of [sealStream, openStream])
      expect(codeOf(() => make(keyring, { file: 1 } as unknown as EncryptionContext))).toBe('ERR_CONTEXT_INVALID')
  })
})

describe('records and streams', () => {
  const record = sealSync(keyring, payloadOf(9), context)

  test('a record given to openStream is refused by its suite, with what to do', async () => {
    const error: unknown = await opened(keyring, record, context).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'ERR_ENVELOPE_SUITE', hint: 'Open it with open.' })
  })

  test('a stream given to open, rewrap or inspect is refused by its suite, with what to do', async () => {
    const stream = await sealed(keyring, payloadOf(9), context)
    for (const call of [openSync, rewrapSync]) {
      expect(codeOf(() => call(keyring, stream, context))).toBe('ERR_ENVELOPE_SUITE')
      expect(() => call(keyring, stream, context)).toThrow(expect.objectContaining({ hint: 'Open it with openStream or openRange.' }))
    }
    expect(codeOf(() => inspect(stream))).toBe('ERR_ENVELOPE_SUITE')
  })

  test('an entry of a record, carried over to a stream, opens nothing', async () => {
    const stream = await sealed(keyring, payloadOf(9), context)
    stream.set(record.subarray(26, 98), 26) // the record's wrapped key and commitment
    expect(await codeOfAsync(opened(keyring, stream, context))).toBe('ERR_KEY_COMMITMENT')
  })

  test('a record relabelled as a stream does not open', async () => {
    const long = sealSync(keyring, payloadOf(500), context).with(3, 2)
    expect(await codeOfAsync(opened(keyring, long, context))).toBe('ERR_KEY_COMMITMENT')
  })
})

test.each<[string, unknown, string]>([
  ['text', 'text', 'string'],
  ['null', null, 'null'],
  ['an ArrayBuffer', new ArrayBuffer(1), 'object'],
  ['other numbers', new Uint16Array(1), 'object'],
])('a piece that is %s is refused, at the start and later, and does not show', async (_name, piece, type) => {
  const stream = await sealed(keyring, payloadOf(9), context)
  for (const [make, before] of [[sealStream, []], [sealStream, [stream]], [openStream, []], [openStream, [stream]]] as const) {
    const error: unknown = await through(make(keyring, context), [...before, piece as Uint8Array]).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'ERR_ARGUMENT', message: `a piece of a stream is a Uint8Array, not ${type}` })
    expect((error as { hint: string }).hint).toContain('TextEncoderStream')
  }
})

test('many streams at once, over one slow key, each get their own bytes', async () => {
  const remote = remoteWrapper('a')
  let turn = 0
  const later = async <T>(work: () => Promise<T>): Promise<T> => {
    for (let i = (turn++ * 7) % 5; i >= 0; i--) await new Promise(setImmediate)
    return work()
  }
  const slow = createKeyring({
    active: {
      ...remote,
      wrap: (dek, pairs) => later(() => remote.wrap(dek, pairs)),
      unwrap: (wrapped, pairs) => later(() => remote.unwrap(wrapped, pairs)),
    },
  })
  const roundTrip = async (i: number): Promise<boolean> => {
    const payload = payloadOf(10_000 + i * 1000).map((byte) => byte ^ i)
    const id = { id: String(i) }
    const stream = await through(sealStream(slow, id), cutInto(payload, 5000))
    return hex(await through(openStream(slow, id), cutInto(stream, 7000))) === hex(payload)
  }
  expect(await Promise.all(Array.from({ length: 20 }, (_, i) => roundTrip(i)))).toEqual(Array.from({ length: 20 }, () => true))
})

describe('with files and node streams', () => {
  const payload = payloadOf(300_000)

  test.each([
    ['pipeline and Duplex.fromWeb', (source: string, transform: TransformStream, target: string) =>
      pipeline(createReadStream(source), Duplex.fromWeb(transform), createWriteStream(target))],
    ['pipeline alone', (source: string, transform: TransformStream, target: string) =>
      pipeline(createReadStream(source), transform as unknown as Duplex, createWriteStream(target))],
    ['pipeThrough', (source: string, transform: TransformStream, target: string) =>
      (Readable.toWeb(createReadStream(source)) as ReadableStream).pipeThrough(transform).pipeTo(Writable.toWeb(createWriteStream(target)))],
  ])('%s: sealed and opened, and an altered file is an error', async (_name, run) => {
    const folder = temporaryFolder()
    const [plain, kept, back] = ['plain', 'kept', 'back'].map((name) => join(folder, name)) as [string, string, string]
    writeFileSync(plain, payload)
    await run(plain, sealStream(keyring, context), kept)
    expect(statSync(kept).size).toBe(HEAD + 18 * SEALED_CHUNK + (300_000 % CHUNK) + 16)
    await run(kept, openStream(keyring, context), back)
    expect(hex(readFileSync(back))).toBe(hex(payload))
    writeFileSync(kept, readFileSync(kept).subarray(0, -1))
    expect(await codeOfAsync(run(kept, openStream(keyring, context), back))).toBe('ERR_NOT_AUTHENTIC')
    expect(await codeOfAsync(run(plain, openStream(keyring, context), back))).toBe('ERR_NOT_SEALED')
    expect(await codeOfAsync(run(kept, sealStream(brokenKeyring(), context), back))).toBe('ERR_KEY_DENIED')
  })

  test('sealing and opening in one chain', async () => {
    const chain = sourceOf(cutInto(payload, 65_536)).pipeThrough(sealStream(keyring, context)).pipeThrough(openStream(keyring, context))
    expect(hex(new Uint8Array(await new Response(chain).arrayBuffer()))).toBe(hex(payload))
  })
})

function brokenKeyring() {
  const { id, keyId } = insecureWrapper('a')
  const denied = (): Promise<never> => Promise.reject(new KeyfoldError('ERR_KEY_DENIED', 'denied'))
  return createKeyring({ active: { id, keyId, wrap: denied, unwrap: denied } })
}
