/** What the errors of streams say: a fact in words, which support and logs live by, and nothing of a key or a payload. */
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import type { RangeSource } from '../src/index.ts'
import { openRange, openSync, sealStream, sealSync } from '../src/index.ts'
import { chunkLayout, chunkSealer } from '../src/stream-chunks.ts'
import { openingCipher, sealingCipher } from '../src/stream-cipher.ts'
import { parseStreamHead } from '../src/stream-head.ts'
import { insecureKey, insecureKeyring } from './keys.ts'
import { opened, payloadOf, sealed } from './streams.ts'
import { hex } from './vectors.ts'

const keyring = insecureKeyring('a')
const stream = await sealed(keyring, payloadOf(9))
const record = sealSync(keyring, payloadOf(100), {})
const key = insecureKey('chunks')
const none = new Uint8Array()
const cipher = sealingCipher(key, none)
const wiped = sealingCipher(key, none)
wiped.wipe()

test.each<[string, () => unknown, string]>([
  ['a key of another length', () => sealingCipher(new Uint8Array(16), none), 'the key of a stream has 32 bytes, got 16'],
  ['another context', () => openingCipher(key, cipher.prefix, key), 'the stream is not authentic in this context'],
  ['a chunk too many', () => cipher.seal(2 ** 38, none, new Uint8Array(16)), 'a stream has at most 274877906944 chunks'],
  ['a length over the limit', () => chunkLayout(Number.MAX_SAFE_INTEGER), 'a stream has at most 274877906944 chunks'],
  ['a length without a last chunk', () => chunkLayout(3 * 16_400), 'the stream is cut: it ends behind 3 full chunks, without a last one'],
  ['a chunk that was altered', () => cipher.open(7, new Uint8Array(20), new Uint8Array(4)), 'chunk 7 of the stream is not authentic'],
  ['a cipher that was wiped, sealing', () => wiped.seal(0, none, new Uint8Array(16)), 'the key of this stream is wiped'],
  ['a cipher that was wiped, opening', () => wiped.open(0, new Uint8Array(16), none), 'the key of this stream is wiped'],
  ['a cut head', () => parseStreamHead(stream.subarray(0, 153)), 'the envelope cannot be read: it ends before its first chunk'],
  ['a cut header', () => parseStreamHead(stream.subarray(0, 97)), 'the envelope cannot be read: it ends within its commitment'],
  ['a record as a stream', () => parseStreamHead(record), 'the envelope is one record (suite 1), not a stream'],
  ['a stream as a record', () => openSync(keyring, stream, {}), 'the envelope is a stream (suite 2), not one record'],
  ['an unknown suite, as a stream', () => parseStreamHead(stream.with(3, 9)), 'the envelope is of suite 9, which is unknown'],
  ['an unknown suite, as a record', () => openSync(keyring, stream.with(3, 9), {}), 'the envelope is of suite 9, which is unknown'],
])('%s', (_name, call, message) => {
  expect(call).toThrow(expect.objectContaining({ message, hint: expect.stringMatching(/\w+ \w+/) as string }))
})

test('a cut, an altered chunk: discard what was read', async () => {
  for (const bytes of [stream.subarray(0, 154), stream.subarray(0, 171)])
    await expect(opened(keyring, bytes)).rejects.toMatchObject({ hint: expect.stringMatching(/^(The stream was altered|Discard)/) as string })
})

describe('openRange', () => {
  const whole: RangeSource = { size: stream.length, read: (offset, length) => stream.subarray(offset, offset + length) }
  const short: RangeSource = { size: stream.length, read: (offset, length) => stream.subarray(offset, offset + length - 1) }
  const texts: RangeSource = { size: 9, read: () => 'text' as unknown as Uint8Array }
  const broken: RangeSource = { size: 9, read: () => Promise.reject(new Error('disk')) }
  const empty = {} as RangeSource
  const huge: RangeSource = { size: 2 ** 40, read: (_offset, length) => Uint8Array.from([...stream, ...new Uint8Array(length - stream.length)]) }

  test.each<[string, RangeSource, number, number, string]>([
    ['no source', empty, 0, 1, 'a source has a size in bytes and a function read(offset, length)'],
    ['no range', whole, 2, 1, 'a range goes from a whole number of bytes to one that is not smaller'],
    ['fewer bytes', short, 0, 1, 'the source gave 178 bytes where 179 were asked for'],
    ['no bytes', texts, 0, 1, 'the source gave string instead of a Uint8Array'],
    ['a failing source', broken, 0, 1, 'the source could not be read (9 bytes from 0)'],
    ['too much', huge, 0, 2 ** 30 + 1, 'the range has 1073741825 bytes, at most 1073741824 are allowed'],
  ])('%s', async (_name, source, start, end, message) => {
    await expect(openRange(keyring, source, {}, start, end)).rejects.toMatchObject({ message, hint: expect.stringMatching(/\w+ \w+/) as string })
  })
})

test('abuse 13: a stream at work, and what it is made of, print without key or payload', async () => {
  const text = 'the payload that must not show'
  const transform = sealStream(keyring, { file: 'a' })
  const [writer, reader] = [transform.writable.getWriter(), transform.readable.getReader()]
  await Promise.all([writer.write(new TextEncoder().encode(text)), reader.read()])
  const machine = chunkSealer(cipher)
  machine.push(new TextEncoder().encode(text))
  const printed = [transform, writer, reader, cipher, machine].flatMap((value) => [
    inspect(value, { depth: Infinity, showHidden: true }),
    JSON.stringify(value),
  ])
  const keys = [key, insecureKey('a')].flatMap((bytes) => [hex(bytes).slice(0, 16), bytes.subarray(0, 6).join(', ')])
  for (const secret of ['the payload', ...keys]) expect(printed.join().replaceAll(/\s+/g, ' ')).not.toContain(secret)
  await reader.cancel()
})
