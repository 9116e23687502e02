/** Parts of a sealed stream: each is what the plaintext has there, or nothing. */
import { closeSync, fstatSync, openSync, readSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from '@keyfold/test-support'
import fc from 'fast-check'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import type { KeyWrapper, RangeSource } from '../src/index.ts'
import { createKeyring, KeyfoldError, LIMITS, openRange, sealSync } from '../src/index.ts'
import { keys, openedBuffers } from './counted-backend.ts'
import { codeOfAsync, insecureKeyring, insecureWrapper, remoteWrapper } from './keys.ts'
import { CHUNK, HEAD, payloadOf, rangeSourceOf, sealed, SEALED_CHUNK } from './streams.ts'
import { hex } from './vectors.ts'

vi.mock('#backend', async (importOriginal) => (await import('./counted-backend.ts')).counted(await importOriginal()))

const keyring = insecureKeyring('a')
const context = { file: 'a.bin' }
const payload = payloadOf(3 * CHUNK + 100)
const stream = await sealed(keyring, payload, context)
const rangeOf = (start?: number, end?: number, bytes = stream): Promise<Uint8Array> => openRange(keyring, rangeSourceOf(bytes), context, start, end)
const codeOfRange = (source: RangeSource, start = 0, end = 10): Promise<string | undefined> =>
  codeOfAsync(openRange(keyring, source, context, start, end))

beforeEach(() => {
  Object.assign(keys, { made: 0, alive: 0, chunks: 0 })
})

const places = [0, 1, 3].flatMap((n) => [-17, -1, 0, 1, 16].map((delta) => n * CHUNK + delta)).filter((place) => place >= 0)

test.each([...places, payload.length - 1, payload.length, payload.length + 1])('from %d to every place around the ends of chunks', async (start) => {
  for (const end of [...places, payload.length - 1, payload.length, payload.length + 1, 2 ** 40].filter((place) => place >= start))
    expect(hex(await rangeOf(start, end)), `to ${end}`).toBe(hex(payload.subarray(start, end)))
  expect(keys.alive).toBe(0)
})

test('any range of any payload', async () => {
  const lengths = fc.tuple(fc.nat(3), fc.integer({ min: -17, max: 17 })).map(([n, delta]) => Math.max(0, n * CHUNK + delta))
  await fc.assert(
    fc.asyncProperty(lengths, fc.nat(4 * CHUNK), fc.nat(4 * CHUNK), async (length, start, more) => {
      const bytes = payloadOf(length)
      const range = await rangeOf(start, start + more, await sealed(keyring, bytes, context))
      expect(hex(range)).toBe(hex(bytes.subarray(start, start + more)))
    }),
    { numRuns: 40 },
  )
})

test('what was opened of chunks beyond the range is wiped, whether the range opens or not', async () => {
  openedBuffers.length = 0
  const range = await rangeOf(5, 2 * CHUNK + 5)
  const besides = openedBuffers.filter(({ buffer }) => buffer !== range.buffer)
  expect(besides.map(({ length }) => length)).toEqual([100, CHUNK, CHUNK]) // the last chunk, then those at the edges
  expect(besides.every((bytes) => bytes.every((byte) => byte === 0))).toBe(true)
  openedBuffers.length = 0
  expect(await codeOfAsync(rangeOf(5, CHUNK + 5, stream.with(HEAD + SEALED_CHUNK, stream[HEAD + SEALED_CHUNK]! ^ 1)))).toBe('ERR_NOT_AUTHENTIC')
  expect(openedBuffers.map((bytes) => bytes.every((byte) => byte === 0))).toEqual([true, true, true])
})

test('without numbers, all of it', async () => {
  expect(hex(await rangeOf())).toBe(hex(payload))
  expect(hex(await rangeOf(5))).toBe(hex(payload.subarray(5)))
})

describe('what is read', () => {
  const many = payloadOf(200 * CHUNK + 5)

  test('the head, the last chunk and the chunks of the range, and nothing else', async () => {
    const source = rangeSourceOf(stream)
    await openRange(keyring, source, context, CHUNK + 5, CHUNK + 6)
    expect(source.reads).toEqual([
      [0, 4096],
      [HEAD + 3 * SEALED_CHUNK, 116],
      [HEAD + SEALED_CHUNK, SEALED_CHUNK],
    ])
  })

  test('of a range that ends with a chunk, not the one behind it', async () => {
    const source = rangeSourceOf(stream)
    await openRange(keyring, source, context, CHUNK, 2 * CHUNK)
    expect(source.reads.slice(2)).toEqual([[HEAD + SEALED_CHUNK, SEALED_CHUNK]])
  })

  test('of the last chunk alone, it once', async () => {
    const source = rangeSourceOf(stream)
    await openRange(keyring, source, context, 3 * CHUNK, 3 * CHUNK + 9)
    expect(source.reads).toHaveLength(2)
  })

  test('of an empty range, what shows that the stream is whole', async () => {
    const source = rangeSourceOf(stream)
    expect(await openRange(keyring, source, context, 70, 70)).toHaveLength(0)
    expect(source.reads).toEqual([[0, 4096], [HEAD + 3 * SEALED_CHUNK, 116]])
  })

  test('of a long range, a megabyte at a time', async () => {
    const source = rangeSourceOf(await sealed(keyring, many, context))
    expect(hex(await openRange(keyring, source, context, 3, many.length))).toBe(hex(many.subarray(3)))
    expect(source.reads.slice(2).map(([offset, length]) => [(offset - HEAD) / SEALED_CHUNK, length / SEALED_CHUNK])).toEqual([
      [0, 64], [64, 64], [128, 64], [192, 8],
    ])
  })

  test('a long head takes one read more, and no more than a head can have', async () => {
    const recovery = Array.from({ length: 15 }, (_, i) => wideWrapper(`wide ${i}`))
    const wide = createKeyring<KeyWrapper>({ active: insecureWrapper('a'), recovery })
    const source = rangeSourceOf(await sealed(wide, payloadOf(100_000), context))
    expect(hex(await openRange(keyring, source, context, 0, 20))).toBe(hex(payloadOf(20)))
    expect(source.reads.slice(0, 2)).toEqual([[0, 4096], [0, 98_718]])
  })

  test('a source that is shorter than its head, once', async () => {
    const source = rangeSourceOf(stream.subarray(0, 100))
    expect(await codeOfRange(source)).toBe('ERR_ENVELOPE_MALFORMED')
    expect(source.reads).toEqual([[0, 100]])
  })

  test('one call of the key, whatever the range', async () => {
    const remote = remoteWrapper('a')
    let calls = 0
    const counting = createKeyring({ active: { ...remote, unwrap: (...args) => (calls++, remote.unwrap(...args)) } })
    await openRange(counting, rangeSourceOf(stream), context, 0, 3 * CHUNK)
    expect(calls).toBe(1)
  })
})

/** A wrapper as a key service with long wraps would be; what it wrapped nobody can open. */
function wideWrapper(name: string): KeyWrapper {
  const { id, keyId } = insecureWrapper(name)
  const wrap = () => Promise.resolve({ materialId: new Uint8Array(6), bytes: new Uint8Array(6000).fill(1) })
  return { id, keyId, wrap, unwrap: () => Promise.reject(new Error('never')) }
}

describe('a source that is not what was sealed', () => {
  test('cut at and around the ends of chunks: refused, even where the range lies before the cut', async () => {
    for (const count of [0, 1, 2, 3]) {
      for (const delta of [-17, -16, -15, -1, 0, 1, 15, 16, 17]) {
        const length = HEAD + count * SEALED_CHUNK + delta
        if (length >= stream.length) continue
        const code = await codeOfRange(rangeSourceOf(stream.subarray(0, length)))
        const rest = (length - HEAD) % SEALED_CHUNK
        expect(code, `${length} bytes`).toBe(length < HEAD || rest < 16 ? 'ERR_ENVELOPE_MALFORMED' : 'ERR_NOT_AUTHENTIC')
      }
    }
    for (let length = 1; length < HEAD; length += 11)
      expect(await codeOfRange(rangeSourceOf(stream.subarray(0, length)))).toBe(length < 3 ? 'ERR_NOT_SEALED' : 'ERR_ENVELOPE_MALFORMED')
    expect(keys.alive).toBe(0)
  })

  test('nothing at all: not sealed, and nothing is read', async () => {
    const source = rangeSourceOf(new Uint8Array())
    expect(await codeOfRange(source)).toBe('ERR_NOT_SEALED')
    expect(source.reads).toEqual([])
  })

  test('extended: refused', async () => {
    for (const more of [1, 15, 16, SEALED_CHUNK - 116, SEALED_CHUNK]) {
      const code = await codeOfRange(rangeSourceOf(Uint8Array.from([...stream, ...new Uint8Array(more)])))
      expect(code).toMatch(/^ERR_(NOT_AUTHENTIC|ENVELOPE_MALFORMED)$/)
    }
  })

  test('that says a smaller or larger size than it has: refused', async () => {
    for (const delta of [-SEALED_CHUNK, -116, -100, -1, 1, 100, SEALED_CHUNK]) {
      const source = { ...rangeSourceOf(stream), size: stream.length + delta }
      expect(await codeOfRange(source), `${delta}`).toMatch(/^ERR_(NOT_AUTHENTIC|ENVELOPE_MALFORMED|STREAM_SOURCE)$/)
    }
    expect(await codeOfRange({ ...rangeSourceOf(stream), size: stream.length + 1 })).toBe('ERR_STREAM_SOURCE')
    expect(await codeOfRange({ ...rangeSourceOf(stream), size: Number.MAX_SAFE_INTEGER })).toBe('ERR_LIMIT')
    expect(keys.alive).toBe(0)
  })

  test('of a size that changes while it is read: the first one counts', async () => {
    let asked = 0
    const source = {
      get size() {
        return stream.length + (asked++ > 1 ? 1000 : 0)
      },
      read: (offset: number, length: number) => stream.subarray(offset, offset + length),
    }
    expect(await openRange(keyring, source, context, 0, 5)).toEqual(payload.subarray(0, 5))
  })

  test('that grows while it is read: what was there opens', async () => {
    let bytes = stream
    const source = {
      size: stream.length,
      read(offset: number, length: number) {
        bytes = Uint8Array.from([...bytes.subarray(0, stream.length + 5), 1])
        return bytes.subarray(offset, offset + length)
      },
    }
    expect(hex(await openRange(keyring, source, context))).toBe(hex(payload))
  })

  test('that shrinks while it is read: ERR_STREAM_SOURCE', async () => {
    let reads = 0
    const read = (offset: number, length: number): Uint8Array => {
      const bytes = reads++ > 1 ? stream.subarray(0, 1000) : stream
      return bytes.subarray(offset, offset + length)
    }
    expect(await codeOfRange({ size: stream.length, read }, CHUNK, CHUNK + 1)).toBe('ERR_STREAM_SOURCE')
    expect(keys.alive).toBe(0)
  })

  test('with an altered chunk: refused where the range takes it, and not looked at where it does not', async () => {
    const altered = stream.with(HEAD + SEALED_CHUNK, stream[HEAD + SEALED_CHUNK]! ^ 1)
    expect(await codeOfRange(rangeSourceOf(altered), CHUNK - 1, CHUNK + 1)).toBe('ERR_NOT_AUTHENTIC')
    expect(await codeOfRange(rangeSourceOf(altered), 0, CHUNK)).toBeUndefined()
    expect(await codeOfRange(rangeSourceOf(stream.with(-1, stream.at(-1)! ^ 1)), 0, 1)).toBe('ERR_NOT_AUTHENTIC')
    expect(keys.alive).toBe(0)
  })

  test('with another key, another context, or a record', async () => {
    expect(await codeOfAsync(openRange(insecureKeyring('b'), rangeSourceOf(stream), context))).toBe('ERR_KEY_NOT_FOUND')
    expect(await codeOfAsync(openRange(keyring, rangeSourceOf(stream), {}))).toBe('ERR_NOT_AUTHENTIC')
    expect(await codeOfRange(rangeSourceOf(sealSync(keyring, 'a record', context)))).toBe('ERR_ENVELOPE_SUITE')
    expect(keys.alive).toBe(0)
  })

  test.each<[string, RangeSource['read'], string]>([
    ['throws', () => { throw new Error('disk') }, 'ERR_STREAM_SOURCE'],
    ['rejects', () => Promise.reject(new Error('disk')), 'ERR_STREAM_SOURCE'],
    ['throws a typed error', () => { throw new KeyfoldError('ERR_KEY_DENIED', 'no access') }, 'ERR_KEY_DENIED'],
    ['gives less', (offset, length) => stream.subarray(offset, offset + length - 1), 'ERR_STREAM_SOURCE'],
    ['gives more', (offset, length) => stream.subarray(offset, offset + length + 1), 'ERR_STREAM_SOURCE'],
    ['gives text', () => 'text' as unknown as Uint8Array, 'ERR_ARGUMENT'],
    ['gives nothing', () => undefined as unknown as Uint8Array, 'ERR_ARGUMENT'],
  ])('that %s: its own code', async (_name, read, code) => {
    expect(await codeOfRange({ size: stream.length, read })).toBe(code)
  })

  test('whose error says why keeps it as the cause', async () => {
    const disk = new Error('disk')
    const opening = openRange(keyring, { size: 9, read: () => Promise.reject(disk) }, context)
    await expect(opening).rejects.toMatchObject({ message: 'the source could not be read (9 bytes from 0)', cause: disk })
  })
})

describe('abuse 40: limits', () => {
  const huge = (2 ** 38 - 1) * SEALED_CHUNK + 116 + HEAD

  /** A stream that claims 4 PiB: the head of the real one, and then nothing but zeros. */
  function claimed(size: number) {
    const source = rangeSourceOf(stream)
    return { ...source, size, read: (offset: number, length: number) => (offset === 0 ? source.read(0, length) : new Uint8Array(length)) }
  }

  test('a claim of 4 PiB costs two reads and no memory', async () => {
    const before = process.memoryUsage().arrayBuffers
    expect(await codeOfRange(claimed(huge), 0, LIMITS.payloadBytes)).toBe('ERR_NOT_AUTHENTIC')
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1_000_000)
  })

  test('more than 1 GiB at once is over the limit, before the key is asked', async () => {
    const { id, keyId } = insecureWrapper('a')
    let calls = 0
    const call = (): Promise<never> => Promise.reject(new Error(String(calls++)))
    const counting = createKeyring({ active: { id, keyId, wrap: call, unwrap: call } })
    expect(await codeOfAsync(openRange(counting, claimed(huge), context, 5, 6 + LIMITS.payloadBytes))).toBe('ERR_LIMIT')
    expect(calls).toBe(0)
    expect(await codeOfAsync(openRange(counting, claimed(huge), context, 5, 5 + LIMITS.payloadBytes))).toBe('ERR_KEY_UNAVAILABLE')
  })
})

test.each<[string, number, number]>([
  ['a negative start', -1, 5],
  ['a fraction', 0.5, 5],
  ['no number', Number.NaN, 5],
  ['an infinite start', Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
  ['an end before the start', 5, 4],
  ['a fraction as end', 0, 4.5],
  ['a negative end', 0, -1],
  ['text', '1' as unknown as number, 5],
])('%s is no range: ERR_ARGUMENT, and nothing is read', async (_name, start, end) => {
  const source = rangeSourceOf(stream)
  expect(await codeOfRange(source, start, end)).toBe('ERR_ARGUMENT')
  expect(source.reads).toEqual([])
})

test.each<[string, unknown]>([
  ['null', null],
  ['bytes', stream],
  ['no function', { size: 5 }],
  ['no size', { read: () => stream }],
  ['a negative size', { size: -1, read: () => stream }],
  ['a fraction as size', { size: 0.5, read: () => stream }],
])('a source that is %s: ERR_ARGUMENT', async (_name, source) => {
  expect(await codeOfRange(source as RangeSource)).toBe('ERR_ARGUMENT')
})

test('a context that is none is refused before anything is read', async () => {
  const source = rangeSourceOf(stream)
  expect(await codeOfAsync(openRange(keyring, source, { '': 'x' }))).toBe('ERR_CONTEXT_INVALID')
  expect(source.reads).toEqual([])
})

test('many ranges of one file at once', async () => {
  const path = join(temporaryFolder(), 'a.bin.kf')
  writeFileSync(path, stream)
  const descriptor = openSync(path, 'r')
  const source = {
    size: fstatSync(descriptor).size,
    read(offset: number, length: number) {
      const bytes = new Uint8Array(length)
      return bytes.subarray(0, readSync(descriptor, bytes, 0, length, offset))
    },
  }
  const starts = Array.from({ length: 40 }, (_, i) => i * 1201)
  const ranges = await Promise.all(starts.map((start) => openRange(keyring, source, context, start, start + 3000)))
  closeSync(descriptor)
  expect(ranges.map(hex)).toEqual(starts.map((start) => hex(payload.subarray(start, start + 3000))))
})
