import { createCipheriv } from 'node:crypto'
import type { InvalidCase, ValidCase } from './case.ts'
import { hex, insecureKey, unhex } from './case.ts'

type Edit = (bytes: Uint8Array) => Uint8Array

const set =
  (at: number, ...values: number[]): Edit =>
  (bytes) => {
    const out = Uint8Array.from(bytes)
    out.set(values, at)
    return out
  }
const flip =
  (at: number): Edit =>
  (bytes) =>
    set(at < 0 ? bytes.length + at : at, bytes.at(at)! ^ 1)(bytes)
const cut =
  (length: number): Edit =>
  (bytes) =>
    bytes.slice(0, length)
const append =
  (...values: number[]): Edit =>
  (bytes) =>
    Uint8Array.from([...bytes, ...values])
const insert =
  (at: number, ...values: number[]): Edit =>
  (bytes) =>
    Uint8Array.from([...bytes.slice(0, at), ...values, ...bytes.slice(at)])

// Where the fields of a one-entry envelope of a local key stand, by the table in docs/format.md.
const KEY_ID = 6
const MATERIAL_ID = 18
const WRAPPED_LENGTH = 24
const WRAPPED = 26
const COMMITMENT = 66
const LENGTH = 98
const CIPHERTEXT = 102

export function invalidCases(valid: readonly ValidCase[]): InvalidCase[] {
  const find = (name: string): ValidCase => {
    const found = valid.find((one) => one.name === name)
    if (found === undefined) throw new Error(`no valid case is named ${name}`)
    return found
  }
  const one = find('one local key')
  const two = find('two local keys')
  const empty = find('empty payload, empty context')
  const bytes = (name: string, error: string, edit: Edit, base = one): InvalidCase => ({
    name,
    keks: base.keks,
    context: base.context,
    envelope: hex(edit(unhex(base.envelope))),
    error,
  })
  const text = (name: string, error: string, value: string): InvalidCase => ({
    name,
    keks: one.keks,
    context: one.context,
    text: value,
    error,
  })
  const wrongContext = (name: string, context: InvalidCase['context']): InvalidCase => ({
    name,
    keks: one.keks,
    context,
    envelope: one.envelope,
    error: 'ERR_NOT_AUTHENTIC',
  })
  const wrappedOf = (base: ValidCase): Uint8Array => unhex(base.envelope).slice(WRAPPED, COMMITMENT)
  const bodyOf = (base: ValidCase): Uint8Array => unhex(base.envelope).slice(COMMITMENT)

  return [
    bytes('nothing', 'ERR_NOT_SEALED', cut(0)),
    bytes('magic alone', 'ERR_NOT_SEALED', cut(2)),
    bytes('plaintext', 'ERR_NOT_SEALED', () => new TextEncoder().encode('078-05-1120')),
    bytes('plaintext that begins with KF', 'ERR_NOT_SEALED', () => new TextEncoder().encode('KFC menu')),
    bytes('another magic', 'ERR_NOT_SEALED', flip(0)),
    bytes('version 0', 'ERR_NOT_SEALED', set(2, 0)),
    bytes('version 2', 'ERR_ENVELOPE_VERSION', set(2, 2)),
    bytes('version 31, cut behind it', 'ERR_ENVELOPE_VERSION', (all) => cut(3)(set(2, 31)(all))),
    bytes('cut behind the version', 'ERR_ENVELOPE_MALFORMED', cut(3)),
    bytes('suite 0', 'ERR_ENVELOPE_SUITE', set(3, 0)),
    bytes('suite 2', 'ERR_ENVELOPE_SUITE', set(3, 2)),
    bytes('flag 1', 'ERR_ENVELOPE_FLAGS', set(4, 1)),
    bytes('flag 128', 'ERR_ENVELOPE_FLAGS', set(4, 128)),
    bytes('count 0', 'ERR_ENVELOPE_MALFORMED', set(5, 0)),
    bytes('count 0 in an envelope without entries', 'ERR_ENVELOPE_MALFORMED', (all) =>
      Uint8Array.from([...set(5, 0)(all).slice(0, 6), ...bodyOf(one)]),
    ),
    bytes('count 17', 'ERR_LIMIT', set(5, 17)),
    bytes('count 2 with one entry', 'ERR_LIMIT', set(5, 2)),
    bytes('count 1 with two entries', 'ERR_LIMIT', set(5, 1), two),
    bytes('cut within the slots', 'ERR_ENVELOPE_MALFORMED', cut(20)),
    bytes('cut before the wrapped key', 'ERR_ENVELOPE_MALFORMED', cut(25)),
    bytes('cut within the wrapped key', 'ERR_ENVELOPE_MALFORMED', cut(60)),
    bytes('wrapped key of 0 bytes', 'ERR_ENVELOPE_MALFORMED', (all) =>
      Uint8Array.from([...set(WRAPPED_LENGTH, 0, 0)(all).slice(0, WRAPPED), ...bodyOf(one)]),
    ),
    bytes('wrapped key of 6145 bytes', 'ERR_LIMIT', set(WRAPPED_LENGTH, 0x18, 0x01)),
    bytes('wrapped key of 65535 bytes', 'ERR_LIMIT', set(WRAPPED_LENGTH, 0xff, 0xff)),
    bytes('one key twice', 'ERR_ENVELOPE_MALFORMED', (all) => set(KEY_ID + 18, ...all.slice(KEY_ID, KEY_ID + 12))(all), two),
    bytes('cut within the commitment', 'ERR_ENVELOPE_MALFORMED', cut(80)),
    bytes('cut within the length', 'ERR_ENVELOPE_MALFORMED', cut(100)),
    bytes('cut within the ciphertext', 'ERR_ENVELOPE_MALFORMED', cut(CIPHERTEXT + 3)),
    bytes('cut by one byte', 'ERR_ENVELOPE_MALFORMED', (all) => all.slice(0, -1)),
    bytes('tag of 12 bytes', 'ERR_ENVELOPE_MALFORMED', (all) => all.slice(0, -4)),
    bytes('tag of 12 bytes, length to fit', 'ERR_NOT_AUTHENTIC', (all) => set(LENGTH, 0, 0, 0, 7)(all).slice(0, -4)),
    bytes('one byte trails', 'ERR_ENVELOPE_MALFORMED', append(0)),
    bytes('one byte trails, length to fit', 'ERR_NOT_AUTHENTIC', (all) => append(0)(set(LENGTH, 0, 0, 0, 12)(all))),
    bytes('length of 0xffffffff', 'ERR_LIMIT', set(LENGTH, 0xff, 0xff, 0xff, 0xff)),
    bytes('length of 2^30 + 1', 'ERR_LIMIT', set(LENGTH, 0x40, 0, 0, 1)),
    bytes('length of 2^30', 'ERR_ENVELOPE_MALFORMED', set(LENGTH, 0x40, 0, 0, 0)),
    { ...bytes('a key that the reader does not hold', 'ERR_KEY_NOT_FOUND', append()), keks: [hex(insecureKey('KEK 9'))] },
    { ...bytes('a reader without keys', 'ERR_KEY_NOT_FOUND', append()), keks: [] },
    bytes('a bit of the key id', 'ERR_KEY_NOT_FOUND', flip(KEY_ID)),
    bytes('a bit of the material id', 'ERR_NOT_AUTHENTIC', flip(MATERIAL_ID + 5)),
    bytes('a bit of the wrapped key', 'ERR_NOT_AUTHENTIC', flip(WRAPPED)),
    bytes('wrapped key of 41 bytes', 'ERR_NOT_AUTHENTIC', (all) => insert(WRAPPED, 0)(set(WRAPPED_LENGTH, 0, 41)(all))),
    bytes('the wrapped key of another record', 'ERR_KEY_COMMITMENT', set(WRAPPED, ...wrappedOf(empty))),
    bytes(
      'the wrapped key of the other entry',
      'ERR_NOT_AUTHENTIC',
      (all) => set(44, ...all.slice(86, 126))(set(86, ...all.slice(44, 84))(all)),
      two,
    ),
    bytes('a data key of 31 bytes in 40', 'ERR_NOT_AUTHENTIC', set(WRAPPED, ...shortWrap(one))),
    bytes('an exchanged entry, then an altered one', 'ERR_KEY_COMMITMENT', (all) => flip(86)(set(44, ...wrappedOf(empty))(all)), two),
    bytes('a bit of the commitment', 'ERR_KEY_COMMITMENT', flip(COMMITMENT)),
    bytes('the last bit of the commitment', 'ERR_KEY_COMMITMENT', flip(LENGTH - 1)),
    bytes('a bit of the ciphertext', 'ERR_NOT_AUTHENTIC', flip(CIPHERTEXT)),
    bytes('a bit of the tag', 'ERR_NOT_AUTHENTIC', flip(-1)),
    bytes('the body of another record', 'ERR_KEY_COMMITMENT', (all) => Uint8Array.from([...all.slice(0, COMMITMENT), ...bodyOf(empty)])),
    wrongContext('another row', [
      ['table', 'users'],
      ['column', 'ssn'],
      ['id', '43'],
    ]),
    wrongContext('another column', [
      ['table', 'users'],
      ['column', 'dob'],
      ['id', '42'],
    ]),
    wrongContext('a pair more', [...one.context, ['tenant', '']]),
    wrongContext('no context', []),
    text('text: plaintext', 'ERR_NOT_SEALED', '078-05-1120'),
    text('text: no version', 'ERR_NOT_SEALED', 'kf.S0YB'),
    text('text: version 0', 'ERR_NOT_SEALED', one.text.replace('kf1.', 'kf0.')),
    text('text: version 100', 'ERR_NOT_SEALED', one.text.replace('kf1.', 'kf100.')),
    text('text: version 2', 'ERR_ENVELOPE_VERSION', one.text.replace('kf1.', 'kf2.')),
    text('text: version 1, bytes of version 2', 'ERR_ENVELOPE_MALFORMED', one.text.replace('S0YB', 'S0YC')),
    text('text: another magic', 'ERR_NOT_SEALED', one.text.replace('S0YB', 'T0YB')),
    text('text: version in other digits', 'ERR_NOT_SEALED', one.text.replace('kf1.', 'kf\u0661.')),
    text('text: version with a leading zero', 'ERR_NOT_SEALED', one.text.replace('kf1.', 'kf01.')),
    text('text: version 2 of what is no base64url', 'ERR_ENVELOPE_VERSION', 'kf2.***'),
    text('text: version 1, bytes that are no envelope', 'ERR_NOT_SEALED', 'kf1.S0Yg'),
    text('text: upper case prefix', 'ERR_NOT_SEALED', one.text.replace('kf1.', 'KF1.')),
    text('text: nothing behind the prefix', 'ERR_NOT_SEALED', 'kf1.'),
    text('text: padding', 'ERR_ENVELOPE_MALFORMED', `${one.text}=`),
    text('text: white space before', 'ERR_NOT_SEALED', ` ${one.text}`),
    text('text: line end behind', 'ERR_ENVELOPE_MALFORMED', `${one.text}\n`),
    text('text: white space within', 'ERR_ENVELOPE_MALFORMED', `${one.text.slice(0, 40)} ${one.text.slice(40)}`),
    text('text: the other alphabet', 'ERR_ENVELOPE_MALFORMED', `${one.text.slice(0, -1)}+`),
    text('text: one character of four', 'ERR_ENVELOPE_MALFORMED', `${two.text}A`),
    text('text: stray bits in the last character', 'ERR_ENVELOPE_MALFORMED', withStrayBits(empty.text)),
    text('text: cut by a character', 'ERR_ENVELOPE_MALFORMED', one.text.slice(0, -1)),
  ]
}

/** A wrap whose padding says 31 bytes, which no writer makes. */
function shortWrap({ keks: [kek], dek }: ValidCase): Uint8Array {
  const cipher = createCipheriv('id-aes256-wrap-pad', unhex(kek!), Buffer.from('a65959a6', 'hex'))
  return Uint8Array.from(cipher.update(unhex(dek).subarray(0, 31)))
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** The same bytes in another text, as a lenient decoder would read it. */
function withStrayBits(text: string): string {
  const last = ALPHABET.indexOf(text.at(-1)!)
  return text.slice(0, -1) + ALPHABET[last + 1]!
}
