/** Abuse cases of envelope bytes, for streams: nothing that was altered, cut or put together from parts comes out as if it were whole. */
import { describe, expect, test } from 'vitest'
import { createKeyring, openStream } from '../src/index.ts'
import { codeOfAsync, insecureKeyring, insecureWrapper } from './keys.ts'
import { CHUNK, HEAD, opened, openedUntilFailure, partsOf, payloadOf, sealed, SEALED_CHUNK } from './streams.ts'
import { hex } from './vectors.ts'

const keyring = insecureKeyring('a')
const context = { file: 'a.bin' }
const payload = payloadOf(2 * CHUNK + 100)
const stream = await sealed(keyring, payload, context)
const { head, chunks } = partsOf(stream)

const joined = (...parts: readonly Uint8Array[]): Uint8Array => Uint8Array.from(Buffer.concat(parts))
const codeOfOpening = (bytes: Uint8Array): Promise<string | undefined> => codeOfAsync(opened(keyring, bytes, context))

function withBitFlipped(bytes: Uint8Array, bit: number): Uint8Array {
  const out = Uint8Array.from(bytes)
  out[bit >> 3]! ^= 1 << (bit & 7)
  return out
}

/** What comes out before the failure is the beginning of what was sealed, and never all of it. */
async function expectRefused(bytes: Uint8Array, size?: number): Promise<string> {
  const { got, code } = await openedUntilFailure(keyring, bytes, context, size)
  expect(code).toMatch(/^ERR_/)
  expect(got.length % CHUNK).toBe(0)
  expect(hex(got)).toBe(hex(payload.subarray(0, got.length)))
  return code!
}

test('what is altered below does open as it is', async () => {
  expect(hex(await opened(keyring, stream, context))).toBe(hex(payload))
  expect(chunks.map(({ length }) => length)).toEqual([SEALED_CHUNK, SEALED_CHUNK, 116])
})

describe('abuse 1: a flipped bit', () => {
  test('every bit of the head is refused, and nothing comes out', async () => {
    for (let bit = 0; bit < HEAD * 8; bit++) {
      const { got, code } = await openedUntilFailure(keyring, withBitFlipped(joined(head, chunks[2]!), bit), context)
      if (!code?.startsWith('ERR_') || got.length > 0) expect.fail(`bit ${bit} was not refused: ${code}`)
    }
  })

  test.each([
    ['magic', 0, 'ERR_NOT_SEALED'],
    ['version', 2 + 1 / 8, 'ERR_ENVELOPE_VERSION'], // its second bit: version 0 is none
    ['suite', 3, 'ERR_ENVELOPE_SUITE'],
    ['flags', 4, 'ERR_ENVELOPE_FLAGS'],
    ['key id', 6, 'ERR_KEY_NOT_FOUND'],
    ['material id', 18, 'ERR_NOT_AUTHENTIC'],
    ['wrapped key', 26, 'ERR_NOT_AUTHENTIC'],
    ['commitment', 66, 'ERR_KEY_COMMITMENT'],
    ['salt', 98, 'ERR_NOT_AUTHENTIC'],
    ['commitment of the chunks', 122, 'ERR_NOT_AUTHENTIC'],
    ['last byte of it', HEAD - 1, 'ERR_NOT_AUTHENTIC'],
  ])('%s: its own code', async (_name, at, code) => {
    expect(await codeOfOpening(withBitFlipped(stream, at * 8))).toBe(code)
  })

  test('a sample of the bits of the chunks, with those at their ends: refused, and nothing of a chunk before it is authentic', async () => {
    const places = [0, 1, 8191, CHUNK - 1, CHUNK, SEALED_CHUNK - 1] // of a chunk: ciphertext, tag
    for (const index of [0, 1]) {
      for (const place of places) {
        const bit = (HEAD + index * SEALED_CHUNK + place) * 8 + (place % 8)
        const { got, code } = await openedUntilFailure(keyring, withBitFlipped(stream, bit), context, 1000)
        expect([code, got.length]).toEqual(['ERR_NOT_AUTHENTIC', index * CHUNK])
      }
    }
    for (let bit = (stream.length - 116) * 8; bit < stream.length * 8; bit += 13)
      expect(await expectRefused(withBitFlipped(stream, bit))).toBe('ERR_NOT_AUTHENTIC')
  })

  test('in one piece with sound chunks before it, nothing of that piece comes out', async () => {
    const { got } = await openedUntilFailure(keyring, withBitFlipped(stream, (HEAD + SEALED_CHUNK) * 8), context)
    expect(got).toHaveLength(0)
  })

  test('the error says which chunk, and what to do', async () => {
    const altered = withBitFlipped(stream, (HEAD + SEALED_CHUNK) * 8)
    const error: unknown = await opened(keyring, altered, context).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ message: 'chunk 1 of the stream is not authentic', hint: expect.stringContaining('Discard') as string })
  })
})

describe('abuse 2: a cut', () => {
  test('anywhere in the head: refused', async () => {
    for (let length = 0; length < HEAD; length++)
      expect(await codeOfOpening(stream.subarray(0, length)), `${length} bytes`).toBe(length < 3 ? 'ERR_NOT_SEALED' : 'ERR_ENVELOPE_MALFORMED')
  })

  test('at and around every end of a chunk: refused, after what is authentic', async () => {
    for (const count of [0, 1, 2]) {
      for (let delta = -20; delta <= 20; delta++) {
        const length = HEAD + count * SEALED_CHUNK + delta
        if (length < HEAD) continue
        const rest = (length - HEAD) % SEALED_CHUNK
        const { got, code } = await openedUntilFailure(keyring, stream.subarray(0, length), context, 4096)
        expect(code, `${length} bytes`).toBe(rest < 16 ? 'ERR_ENVELOPE_MALFORMED' : 'ERR_NOT_AUTHENTIC')
        expect(hex(got)).toBe(hex(payload.subarray(0, Math.floor((length - HEAD) / SEALED_CHUNK) * CHUNK)))
      }
    }
  })

  test('of any number of bytes from the last chunk: refused', async () => {
    for (let cut = 1; cut <= 116; cut++) await expectRefused(stream.subarray(0, -cut))
  })

  test('between two chunks says so', async () => {
    const error: unknown = await opened(keyring, joined(head, chunks[0]!), context).catch((reason: unknown) => reason)
    expect(error).toMatchObject({
      message: 'the stream is cut: it ends behind 1 full chunks, without a last one',
      hint: expect.stringContaining('backup') as string,
    })
  })

  test('a payload that ends with a full chunk needs the empty one behind it', async () => {
    const even = await sealed(keyring, payloadOf(CHUNK), context)
    expect(even).toHaveLength(HEAD + SEALED_CHUNK + 16)
    for (let cut = 1; cut <= 17; cut++) {
      const expected = cut <= 16 ? 'ERR_ENVELOPE_MALFORMED' : 'ERR_NOT_AUTHENTIC'
      expect(await codeOfOpening(even.subarray(0, -cut))).toBe(expected)
    }
  })
})

test.each([1, 15, 16, 17, SEALED_CHUNK - 116, SEALED_CHUNK, 3 * SEALED_CHUNK])('abuse 3: %d bytes behind the end are refused', async (length) => {
  for (const fill of [0, 255]) await expectRefused(joined(stream, new Uint8Array(length).fill(fill)))
})

describe('chunks out of their place', () => {
  const [one, two, last] = chunks as [Uint8Array, Uint8Array, Uint8Array]
  test.each<[string, Uint8Array[]]>([
    ['two in another order', [two, one, last]],
    ['the last one first', [last, one, two]],
    ['one twice', [one, one, two, last]],
    ['the last one twice', [one, two, last, last]],
    ['the first one missing', [two, last]],
    ['the second one missing', [one, last]],
    ['all but the last missing', [last]],
    ['a full one in place of the last', [one, two, two.subarray(0, 116)]],
    ['the whole stream twice', [one, two, last, head, one, two, last]],
  ])('%s: refused', async (_name, parts) => {
    for (const size of [undefined, 1000]) await expectRefused(joined(head, ...parts), size)
  })
})

describe('parts of two streams of one key and context', async () => {
  const other = partsOf(await sealed(keyring, payloadOf(2 * CHUNK + 100).fill(9), context))

  test('a chunk of the other: refused', async () => {
    for (let i = 0; i < 3; i++) expect(await expectRefused(joined(head, ...chunks.with(i, other.chunks[i]!)))).toBe('ERR_NOT_AUTHENTIC')
  })

  test('the head of the other: refused', async () => {
    expect(await codeOfOpening(joined(other.head, ...chunks))).toBe('ERR_NOT_AUTHENTIC')
  })

  test('a part of the head of the other: refused', async () => {
    const parts = [
      ['wrapped key', 26, 66],
      ['commitment', 66, 98],
      ['both', 26, 98],
      ['salt', 98, 122],
      ['commitment of the chunks', 122, 154],
      ['all of it', 98, 154],
    ] as const
    for (const [name, from, to] of parts) {
      const mixed = joined(head.subarray(0, from), other.head.subarray(from, to), head.subarray(to), ...chunks)
      expect(await codeOfOpening(mixed), name).toMatch(/^ERR_(KEY_COMMITMENT|NOT_AUTHENTIC)$/)
    }
  })
})

test('abuse 7: the wrapped key of another stream is a commitment error', async () => {
  const other = await sealed(keyring, payload, context)
  expect(await codeOfOpening(joined(stream.subarray(0, 26), other.subarray(26, 66), stream.subarray(66)))).toBe('ERR_KEY_COMMITMENT')
})

test('abuse 8: a stream put in the place of another is not authentic there', async () => {
  expect(await codeOfAsync(opened(keyring, stream, { file: 'b.bin' }))).toBe('ERR_NOT_AUTHENTIC')
})

test('abuse 10: a text, a record of another library and random bytes are not sealed', async () => {
  for (const text of ['plain text', '%PDF-1.7\n', 'age-encryption.org/v1\n'])
    expect(await codeOfOpening(new TextEncoder().encode(text.repeat(20)))).toBe('ERR_NOT_SEALED')
})

test('abuse 21: a head that names a key which is not held makes no call', async () => {
  const { id, keyId } = insecureWrapper('b')
  let calls = 0
  const call = (): Promise<never> => Promise.reject(new Error(String(calls++)))
  const held = createKeyring({ active: { id, keyId, wrap: call, unwrap: call } })
  expect(await codeOfAsync(opened(held, stream, context))).toBe('ERR_KEY_NOT_FOUND')
  expect(calls).toBe(0)
})

test('abuse 40: a source that never ends and never was a stream is refused after a few bytes', async () => {
  let given = 0
  const endless = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        given += 16
        controller.enqueue(new Uint8Array(16).fill(0x41))
      },
    },
    { highWaterMark: 0 },
  )
  expect(await codeOfAsync(new Response(endless.pipeThrough(openStream(keyring, context))).arrayBuffer())).toBe('ERR_NOT_SEALED')
  expect(given).toBeLessThanOrEqual(128)
})
