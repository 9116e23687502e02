/** The cases of vectors/stream-v1.json. */
import { insecureKey, hex, localEntry, opaqueEntry } from './case.ts'
import type { InvalidStreamCase, Part, StreamCase } from './stream-case.ts'
import { streamCase } from './stream-case.ts'

const CHUNK = 16_384
const SEALED_CHUNK = CHUNK + 16
// Where the fields of a head with one local key stand, by the table in docs/format.md.
const WRAPPED = 26
const COMMITMENT = 66
const SALT = 98
const CHUNK_COMMITMENT = 122
const HEAD = 154

const first = insecureKey('KEK 1')
const second = insecureKey('KEK 2')
const context = [
  ['table', 'files'],
  ['column', 'content'],
  ['id', '42'],
] as const

const one = (name: string, payloadBytes: number) => streamCase({ name, keks: [first], context, payloadBytes })

export interface StreamVectors {
  valid: StreamCase[]
  invalid: InvalidStreamCase[]
}

export function streamVectors(): StreamVectors {
  const made = [
    one('empty payload', 0),
    one('11 bytes', 11),
    one('11 bytes again, under the same key and context', 11),
    one('one byte less than a chunk', CHUNK - 1),
    one('a chunk', CHUNK),
    one('one byte more than a chunk', CHUNK + 1),
    one('two chunks', 2 * CHUNK),
    one('two chunks and 100 bytes', 2 * CHUNK + 100),
    one('two chunks and 100 bytes again, under the same key and context', 2 * CHUNK + 100),
    one('the number of a chunk takes two bytes', 257 * CHUNK + 1),
    streamCase({ name: 'no context', keks: [first], context: [], payloadBytes: 11 }),
    streamCase({
      name: 'two local keys, the reader holds the second',
      keks: [second],
      context,
      payloadBytes: 11,
      entries: (dek) => [localEntry(first, dek), localEntry(second, dek)],
    }),
    streamCase({
      name: 'a wrap of 184 bytes by a key service, then a local key',
      keks: [first],
      context,
      payloadBytes: CHUNK,
      entries: (dek) => [opaqueEntry('service', 184), localEntry(first, dek)],
    }),
    streamCase({
      name: 'the first entry holds the data key of another stream, the second opens',
      keks: [first, second],
      context,
      payloadBytes: 11,
      entries: (dek) => [localEntry(first, insecureKey('another DEK')), localEntry(second, dek)],
    }),
  ]
  return { valid: made.map((each) => each.one), invalid: invalidCases(new Map(made.map((each) => [each.one.name, each.stream]))) }
}

function invalidCases(streams: ReadonlyMap<string, Uint8Array>): InvalidStreamCase[] {
  const long = 'two chunks and 100 bytes'
  const other = 'two chunks and 100 bytes again, under the same key and context'
  const even = 'a chunk'
  const short = '11 bytes'
  const piece = (of: string, from: number, to = streams.get(of)!.length): Part => ({ of, from, to })
  const head = piece(long, 0, HEAD)
  const chunk = (index: number, of = long): Part => {
    const at = HEAD + index * SEALED_CHUNK
    return piece(of, at, Math.min(at + SEALED_CHUNK, streams.get(of)!.length))
  }
  const keks = [hex(first)]
  const bad = (name: string, error: string, parts: Part[], givenBytes = 0): InvalidStreamCase => ({
    name, keks, context, parts, error, givenBytes,
  })
  const set = (at: number, ...values: number[]): Part[] => [
    piece(short, 0, at), { hex: hex(Uint8Array.from(values)) }, piece(short, at + values.length),
  ]
  const flip = (at: number, of = short): Part[] => {
    const { length } = streams.get(of)!
    const place = at < 0 ? length + at : at
    return [piece(of, 0, place), { hex: hex(Uint8Array.of(streams.get(of)![place]! ^ 1)) }, piece(of, place + 1)]
  }
  const zeros = (length: number): Part => ({ hex: '00'.repeat(length) })

  return [
    bad('nothing', 'ERR_NOT_SEALED', []),
    bad('plaintext', 'ERR_NOT_SEALED', [{ hex: hex(new TextEncoder().encode('plaintext')) }]),
    bad('version 2', 'ERR_ENVELOPE_VERSION', set(2, 2)),
    bad('a record (suite 1)', 'ERR_ENVELOPE_SUITE', set(3, 1)),
    bad('suite 3', 'ERR_ENVELOPE_SUITE', set(3, 3)),
    bad('flag 1', 'ERR_ENVELOPE_FLAGS', set(4, 1)),
    bad('count 0', 'ERR_ENVELOPE_MALFORMED', set(5, 0)),
    bad('count 17', 'ERR_LIMIT', set(5, 17)),
    bad('wrapped key of 6145 bytes', 'ERR_LIMIT', set(24, 0x18, 0x01)),
    bad('wrapped key of 65535 bytes, cut behind its length', 'ERR_LIMIT', [piece(short, 0, 24), { hex: 'ffff' }]),
    bad('cut within the slots', 'ERR_ENVELOPE_MALFORMED', [piece(short, 0, 20)]),
    bad('cut within the wrapped key', 'ERR_ENVELOPE_MALFORMED', [piece(short, 0, 60)]),
    bad('cut within the commitment', 'ERR_ENVELOPE_MALFORMED', [piece(short, 0, SALT - 1)]),
    bad('cut within the salt', 'ERR_ENVELOPE_MALFORMED', [piece(short, 0, CHUNK_COMMITMENT - 1)]),
    bad('cut within the commitment of the chunks', 'ERR_ENVELOPE_MALFORMED', [piece(short, 0, HEAD - 1)]),
    bad('cut behind the head', 'ERR_ENVELOPE_MALFORMED', [head]),
    bad('cut within the only tag', 'ERR_ENVELOPE_MALFORMED', [piece(short, 0, HEAD + 15)]),
    bad('cut to an empty last chunk', 'ERR_NOT_AUTHENTIC', [piece(short, 0, HEAD + 16)]),
    bad('cut by one byte', 'ERR_NOT_AUTHENTIC', [piece(short, 0, HEAD + 26)]),
    bad('cut behind the first chunk', 'ERR_ENVELOPE_MALFORMED', [head, chunk(0)], CHUNK),
    bad('cut behind the second chunk', 'ERR_ENVELOPE_MALFORMED', [head, chunk(0), chunk(1)], 2 * CHUNK),
    bad('cut within the second chunk', 'ERR_NOT_AUTHENTIC', [head, chunk(0), piece(long, HEAD + SEALED_CHUNK, HEAD + 2 * SEALED_CHUNK - 1)], CHUNK),
    bad('cut within the last tag', 'ERR_NOT_AUTHENTIC', [piece(long, 0, streams.get(long)!.length - 1)], 2 * CHUNK),
    bad('the empty last chunk missing', 'ERR_ENVELOPE_MALFORMED', [piece(even, 0, HEAD + SEALED_CHUNK)], CHUNK),
    bad('one byte trails', 'ERR_NOT_AUTHENTIC', [piece(long, 0), zeros(1)], 2 * CHUNK),
    bad('a chunk of zeros trails', 'ERR_NOT_AUTHENTIC', [piece(long, 0), zeros(SEALED_CHUNK)], 2 * CHUNK),
    bad('the last chunk twice', 'ERR_NOT_AUTHENTIC', [piece(long, 0), chunk(2)], 2 * CHUNK),
    bad('the whole stream twice', 'ERR_NOT_AUTHENTIC', [piece(short, 0), piece(short, 0)]),
    bad('two chunks in another order', 'ERR_NOT_AUTHENTIC', [head, chunk(1), chunk(0), chunk(2)]),
    bad('the first chunk twice', 'ERR_NOT_AUTHENTIC', [head, chunk(0), chunk(0), chunk(1), chunk(2)], CHUNK),
    bad('the first chunk missing', 'ERR_NOT_AUTHENTIC', [head, chunk(1), chunk(2)]),
    bad('the second chunk missing', 'ERR_NOT_AUTHENTIC', [head, chunk(0), chunk(2)], CHUNK),
    bad('a chunk of another stream', 'ERR_NOT_AUTHENTIC', [head, chunk(0), chunk(1, other), chunk(2)], CHUNK),
    bad('the last chunk of another stream', 'ERR_NOT_AUTHENTIC', [head, chunk(0), chunk(1), chunk(2, other)], 2 * CHUNK),
    bad('the head of another stream', 'ERR_NOT_AUTHENTIC', [piece(other, 0, HEAD), chunk(0), chunk(1), chunk(2)]),
    bad('salt and commitment of the chunks of another stream', 'ERR_NOT_AUTHENTIC', [
      piece(long, 0, SALT), piece(other, SALT, HEAD), piece(long, HEAD),
    ]),
    bad('the wrapped key of another stream', 'ERR_KEY_COMMITMENT', [
      piece(long, 0, WRAPPED), piece(other, WRAPPED, COMMITMENT), piece(long, COMMITMENT),
    ]),
    { ...bad('a key that the reader does not hold', 'ERR_KEY_NOT_FOUND', [piece(short, 0)]), keks: [hex(insecureKey('KEK 9'))] },
    bad('a bit of the key id', 'ERR_KEY_NOT_FOUND', flip(6)),
    bad('a bit of the wrapped key', 'ERR_NOT_AUTHENTIC', flip(WRAPPED)),
    bad('a bit of the commitment', 'ERR_KEY_COMMITMENT', flip(COMMITMENT)),
    bad('a bit of the salt', 'ERR_NOT_AUTHENTIC', flip(SALT)),
    bad('a bit of the commitment of the chunks', 'ERR_NOT_AUTHENTIC', flip(CHUNK_COMMITMENT)),
    bad('a bit of the first chunk', 'ERR_NOT_AUTHENTIC', flip(HEAD, long)),
    bad('a bit of the second chunk', 'ERR_NOT_AUTHENTIC', flip(HEAD + SEALED_CHUNK, long), CHUNK),
    bad('a bit of the first tag', 'ERR_NOT_AUTHENTIC', flip(HEAD + SEALED_CHUNK - 1, long)),
    bad('a bit of the last tag', 'ERR_NOT_AUTHENTIC', flip(-1, long), 2 * CHUNK),
    { ...bad('another context', 'ERR_NOT_AUTHENTIC', [piece(long, 0)]), context: [['table', 'files'], ['column', 'content'], ['id', '43']] },
    { ...bad('no context', 'ERR_NOT_AUTHENTIC', [piece(long, 0)]), context: [] },
  ]
}
