/** The envelope, format v1 (docs/format.md). With format-body.ts the only file that knows an offset, but for what SQL is told (sql-offsets.ts). */
import type { Allocate } from './bytes.ts'
import { equalBytes, ownBytes, readUint16, writeUint16 } from './bytes.ts'
import { KeyfoldError } from './errors.ts'
import type { Body } from './format-body.ts'
import { bodyLength, checkBody, COMMITMENT_LENGTH, encodeBody, parseBody } from './format-body.ts'
import { malformed, overLimit, unsupportedVersion } from './format-errors.ts'
import { LIMITS } from './format-limits.ts'

export type { Body } from './format-body.ts'
export { COMMITMENT_LENGTH } from './format-body.ts'
export { LIMITS } from './format-limits.ts'

export const VERSION = 1
/** Suite 1: one AES-256-GCM message with a committed key. */
export const SUITE_AES_256_GCM = 1
/** Suite 2: a stream, c2sp.org/chunked-encryption behind the commitment. */
export const SUITE_STREAM = 2

/** No flag is known: the byte is zero. */
export const FLAGS = 0

export const KEY_ID_LENGTH = 12
export const MATERIAL_ID_LENGTH = 6

export const MAGIC = [0x4b, 0x46] as const // 'KF'
export const VERSION_AT = 2
const SUITE_AT = 3
const FLAGS_AT = 4
export const COUNT_AT = 5
export const SLOTS_AT = 6
const SLOT_LENGTH = KEY_ID_LENGTH + MATERIAL_ID_LENGTH
/** Everything up to the end of the commitment, with as many and as long entries as the limits allow. */
export const MAX_HEADER_LENGTH = SLOTS_AT + LIMITS.entries * (SLOT_LENGTH + 2 + LIMITS.wrappedBytes) + COMMITMENT_LENGTH
/** Version bytes stay below the printable characters, so that a text which begins with KF is never taken for an envelope. */
const VERSION_LIMIT = 0x20
export const TEXT_PREFIX = 'kf1.'
export const ANY_TEXT_PREFIX = /^kf([1-9]\d?)\./

/** One wrapped DEK: which key wrapped it, with which material, and the wrapped bytes. */
export interface Entry {
  readonly keyId: Uint8Array
  readonly materialId: Uint8Array
  readonly wrapped: Uint8Array
}

/** What every suite has: its number, the entries and the commitment. Enough to get at the data key. */
export interface Header {
  readonly suite: number
  readonly entries: readonly Entry[]
  readonly body: Pick<Body, 'commitment'>
}

export interface Envelope extends Header {
  readonly body: Body
}

/**
 * A class, not a literal, as all that is made for each record of a batch: V8 makes the objects of a literal in its old space once it found a batch of
 * them alive, and there they keep whatever they point to until its next full collection (docs/design/0013-throughput.md, "Where the time goes").
 */
class ParsedEnvelope implements Envelope {
  readonly suite = SUITE_AES_256_GCM
  readonly entries: readonly Entry[]
  readonly body: Body

  constructor(entries: readonly Entry[], body: Body) {
    this.entries = entries
    this.body = body
  }
}

/** An entry that was parsed, or that a key has just wrapped. */
export class WrappedEntry implements Entry {
  readonly keyId: Uint8Array
  readonly materialId: Uint8Array
  readonly wrapped: Uint8Array

  constructor(keyId: Uint8Array, materialId: Uint8Array, wrapped: Uint8Array) {
    this.keyId = keyId
    this.materialId = materialId
    this.wrapped = wrapped
  }
}

/** The five bytes that the body authenticates: magic, version, suite, flags. The count of entries is not among them, since a rewrap may change it. */
export function authenticatedHeader(suite: number): Uint8Array {
  return new Uint8Array([...MAGIC, VERSION, suite, FLAGS])
}

/** Encodes an envelope. Throws what `parse` would throw for the result, so that nothing is written that cannot be read. */
export function encode({ suite, entries, body }: Envelope, allocate = ownBytes): Uint8Array<ArrayBuffer> {
  const [out, end] = encodeEntries({ suite, entries }, bodyLength(body), allocate)
  encodeBody(body, out, end)
  return out
}

/** Encodes what a stream begins with: everything up to the end of the commitment. */
export function encodeHeader({ body, ...header }: Header): Uint8Array<ArrayBuffer> {
  const [out, end] = encodeEntries(header, COMMITMENT_LENGTH, ownBytes)
  out.set(body.commitment, end)
  return out
}

/** @returns the encoding with `room` bytes behind the entries, and where they begin */
function encodeEntries({ suite, entries }: Omit<Header, 'body'>, room: number, allocate: Allocate): [out: ReturnType<Allocate>, end: number] {
  checkEntries(entries)
  const out = allocate(entriesLength(entries) + room)
  out[0] = MAGIC[0]
  out[1] = MAGIC[1]
  out[VERSION_AT] = VERSION
  out[SUITE_AT] = suite
  out[FLAGS_AT] = FLAGS
  out[COUNT_AT] = entries.length
  let at = SLOTS_AT
  for (const { keyId, materialId } of entries) {
    out.set(keyId, at)
    out.set(materialId, at + KEY_ID_LENGTH)
    at += SLOT_LENGTH
  }
  for (const { wrapped } of entries) {
    writeUint16(out, at, wrapped.length)
    out.set(wrapped, at + 2)
    at += 2 + wrapped.length
  }
  return [out, at]
}

function entriesLength(entries: readonly Entry[]): number {
  let length = SLOTS_AT + entries.length * SLOT_LENGTH
  for (const { wrapped } of entries) length += 2 + wrapped.length
  return length
}

/**
 * Parses an envelope strictly: what is accepted encodes to the same bytes again. The parts are views of `bytes`, but for the key ids: envelopes in a
 * row may share these.
 *
 * @throws KeyfoldError ERR_NOT_SEALED, ERR_ENVELOPE_VERSION, ERR_ENVELOPE_SUITE, ERR_ENVELOPE_FLAGS, ERR_ENVELOPE_MALFORMED, ERR_LIMIT
 */
export function parse(bytes: Uint8Array): Envelope {
  checkStart(bytes, SUITE_AES_256_GCM)
  const { entries, end } = parseEntries(bytes)
  return new ParsedEnvelope(entries, parseBody(bytes, end))
}

/** The key ids of an envelope, which is checked as strictly as by `parse`: for those who look at many and take no further part of them. */
export function parseKeyIds(bytes: Uint8Array): Array<Pick<Entry, 'keyId'>> {
  checkStart(bytes, SUITE_AES_256_GCM)
  checkBody(bytes, endOfEntries(bytes))
  const ids: Array<Pick<Entry, 'keyId'>> = []
  for (let slot = SLOTS_AT; ids.length < bytes[COUNT_AT]!; slot += SLOT_LENGTH) ids.push({ keyId: keyIdAt(bytes, slot) })
  checkDistinct(ids)
  return ids
}

/**
 * Parses what a stream begins with, as strictly as `parse`; what stands behind it is not looked at.
 *
 * @returns the header, and its length in bytes
 * @throws KeyfoldError as `parse`
 */
export function parseStreamHeader(bytes: Uint8Array): { header: Header; length: number } {
  checkStart(bytes, SUITE_STREAM)
  const { entries, end } = parseEntries(bytes)
  const length = end + COMMITMENT_LENGTH
  if (bytes.length < length) throw malformed('it ends within its commitment')
  return { header: { suite: SUITE_STREAM, entries, body: { commitment: bytes.subarray(end, length) } }, length }
}

/**
 * How many bytes of a stream's beginning `parseStreamHeader` needs, as far as those that are there tell. Limits are checked as soon as their
 * fields are there, so that nobody has to be sent what will be refused.
 *
 * @throws KeyfoldError as `parse`, for what no further byte can mend
 */
export function streamHeaderNeeds(bytes: Uint8Array): number {
  if (bytes.length < SLOTS_AT) return SLOTS_AT
  checkStart(bytes, SUITE_STREAM)
  checkCount(bytes[COUNT_AT]!)
  let end = SLOTS_AT + bytes[COUNT_AT]! * SLOT_LENGTH
  for (let i = 0; i < bytes[COUNT_AT]!; i++) {
    if (bytes.length < end + 2) return end + 2
    checkWrappedLength(readUint16(bytes, end))
    end += 2 + readUint16(bytes, end)
  }
  return end + COMMITMENT_LENGTH
}

function checkStart(bytes: Uint8Array, suite: number): void {
  if (!isSealed(bytes)) throw new KeyfoldError('ERR_NOT_SEALED', 'the value does not begin as an envelope does')
  if (bytes[VERSION_AT] !== VERSION) throw unsupportedVersion(bytes[VERSION_AT]!, VERSION)
  if (bytes.length < SLOTS_AT) throw malformed('it ends within its header')
  if (bytes[SUITE_AT] !== suite) throw otherSuite(bytes[SUITE_AT]!)
  if (bytes[FLAGS_AT] !== FLAGS) throw new KeyfoldError('ERR_ENVELOPE_FLAGS', `the envelope has flags ${bytes[FLAGS_AT]}, none is known`)
}

function parseEntries(bytes: Uint8Array): { entries: Entry[]; end: number } {
  const end = endOfEntries(bytes)
  const count = bytes[COUNT_AT]!
  let at = SLOTS_AT + count * SLOT_LENGTH
  const entries = Array.of(entryAt(bytes, SLOTS_AT, at)) // as little a literal as the classes above
  for (let i = 1; i < count; i++) {
    at += 2 + entries[i - 1]!.wrapped.length
    entries.push(entryAt(bytes, SLOTS_AT + i * SLOT_LENGTH, at))
  }
  checkDistinct(entries)
  return { entries, end }
}

function entryAt(bytes: Uint8Array, slot: number, at: number): Entry {
  const materialId = bytes.subarray(slot + KEY_ID_LENGTH, slot + SLOT_LENGTH)
  return new WrappedEntry(keyIdAt(bytes, slot), materialId, bytes.subarray(at + 2, at + 2 + readUint16(bytes, at)))
}

/** Records in a row are mostly under one key: its id is copied once. */
function keyIdAt(bytes: Uint8Array, at: number): Uint8Array {
  for (let i = 0; i < KEY_ID_LENGTH; i++) {
    if (lastKeyId[i] !== bytes[at + i]) return (lastKeyId = Uint8Array.from(bytes.subarray(at, at + KEY_ID_LENGTH)))
  }
  return lastKeyId
}

let lastKeyId = new Uint8Array(KEY_ID_LENGTH)

/** Where the entries end, if they are all there. */
function endOfEntries(bytes: Uint8Array): number {
  const count = bytes[COUNT_AT]!
  checkCount(count)
  let at = SLOTS_AT + count * SLOT_LENGTH
  if (bytes.length < at) throw malformed('it ends within its key ids')
  for (let i = 0; i < count; i++) {
    if (bytes.length < at + 2) throw malformed('it ends within its wrapped keys')
    const length = readUint16(bytes, at)
    if (length === 0) throw malformed('a wrapped key is empty')
    checkWrappedLength(length)
    at += 2 + length
    if (bytes.length < at) throw malformed('it ends within its wrapped keys')
  }
  return at
}

function checkEntries(entries: readonly Entry[]): void {
  checkCount(entries.length)
  for (const { keyId, materialId, wrapped } of entries) {
    if (keyId.length !== KEY_ID_LENGTH || materialId.length !== MATERIAL_ID_LENGTH) throw malformed('a key id has the wrong length')
    if (wrapped.length === 0) throw malformed('a wrapped key is empty')
    checkWrappedLength(wrapped.length)
  }
  checkDistinct(entries)
}

function checkDistinct(entries: ReadonlyArray<Pick<Entry, 'keyId'>>): void {
  for (let i = 1; i < entries.length; i++) {
    for (let other = 0; other < i; other++) if (equalBytes(entries[other]!.keyId, entries[i]!.keyId)) throw malformed('it names a key twice')
  }
}

function checkCount(count: number): void {
  if (count === 0) throw malformed('it has no wrapped key')
  if (count > LIMITS.entries) throw overLimit('wrapped keys', count, LIMITS.entries)
}

function checkWrappedLength(length: number): void {
  if (length > LIMITS.wrappedBytes) throw overLimit('bytes of a wrapped key', length, LIMITS.wrappedBytes)
}

/** Whether a value claims to be an envelope of any version, in bytes or in text form. `parse` tells whether the claim holds. */
export function isSealed(value: unknown): value is Uint8Array | string {
  if (typeof value === 'string') return ANY_TEXT_PREFIX.test(value)
  if (!(value instanceof Uint8Array) || value.length <= VERSION_AT) return false
  return value[0] === MAGIC[0] && value[1] === MAGIC[1] && value[VERSION_AT]! > 0 && value[VERSION_AT]! < VERSION_LIMIT
}

function otherSuite(suite: number): KeyfoldError {
  if (suite === SUITE_STREAM)
    return new KeyfoldError('ERR_ENVELOPE_SUITE', 'the envelope is a stream (suite 2), not one record', {
      hint: 'Open it with openStream or openRange.',
    })
  if (suite === SUITE_AES_256_GCM)
    return new KeyfoldError('ERR_ENVELOPE_SUITE', 'the envelope is one record (suite 1), not a stream', { hint: 'Open it with open.' })
  return new KeyfoldError('ERR_ENVELOPE_SUITE', `the envelope is of suite ${suite}, which is unknown`)
}
