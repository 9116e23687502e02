import { CONTEXT_LIMITS } from '@keyfold/core'
import { keepsType } from './affinity.ts'
import { sqliteError } from './errors.ts'
import type { KeyLayout } from './key-layout.ts'

/** One value of an id: a safe integer or a bigint is INTEGER, a string TEXT, bytes BLOB. */
export type IdValue = number | bigint | string | Uint8Array
/** What identifies a row: one value, or an array of them for an id of several columns. */
export type RowId = IdValue | readonly IdValue[]
/** A value of an id as SQLite stores it: INTEGER, TEXT, BLOB. */
export type IdPart = bigint | string | Buffer

const MAX_INTEGER = 0x7fff_ffff_ffff_ffffn
/** What JavaScript's decoders put in place of bytes that are not UTF-8. */
const REPLACEMENT = '\uFFFD'

/**
 * The id that a caller names, with the types that SQLite would store. What the columns would store as another type is refused: 42 is not '42'.
 *
 * @throws KeyfoldError ERR_TABLE_ID_VALUE
 */
export function parseRowId(id: RowId, key: KeyLayout): IdPart[] {
  const values: readonly unknown[] = Array.isArray(id) ? id : [id]
  if (values.length !== key.columns.length) {
    throw invalid(`the id has ${values.length} values, it takes ${key.columns.length}: ${key.columns.map(({ name }) => name).join(', ')}`)
  }
  return key.columns.map(({ name, affinity }, i) => {
    const part = toPart(values[i], name)
    if (key.rowid && typeof part !== 'bigint') throw invalid(`${name} holds integers, the id has ${describe(part)}`)
    if (!keepsType(affinity, part)) throw invalid(`${name} has ${affinity} affinity and would not store ${describe(part)} as such`)
    return part
  })
}

function toPart(value: unknown, name: string): IdPart {
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) throw invalid(`${name} is a number that is no safe integer`)
    return BigInt(value)
  }
  if (typeof value === 'bigint') {
    if (value > MAX_INTEGER || value < -MAX_INTEGER - 1n) throw invalid(`${name} is an integer of more than 64 bits`)
    return value
  }
  if (typeof value === 'string') {
    if (!value.isWellFormed()) throw invalid(`${name} has a lone surrogate, which UTF-8 cannot hold`)
    return value
  }
  if (value instanceof Uint8Array) return Buffer.from(value)
  throw invalid(`${name} is ${value === null ? 'null' : `a value of type ${typeof value}`}`)
}

/**
 * A value of an id as a query gave it.
 *
 * @param type what `typeof()` said
 * @param value TEXT as its bytes: better-sqlite3 would replace what is not UTF-8, and two ids would become one
 * @throws KeyfoldError ERR_TABLE_ID_VALUE
 */
export function storedPart(type: unknown, value: unknown, name: string): IdPart {
  if (type === 'integer') return value as bigint
  if (type === 'blob') return value as Buffer
  if (type === 'text') {
    const bytes = value as Buffer
    const text = bytes.toString('utf8')
    if (text.includes(REPLACEMENT) && !Buffer.from(text).equals(bytes)) throw invalid(`a row's ${name} is text that is not valid UTF-8`)
    return text
  }
  throw invalid(`a row's ${name} is ${type === 'real' ? 'REAL' : 'NULL'}`)
}

/** SQLite's name for the type of an id's value. */
export function typeName(part: IdPart): 'integer' | 'text' | 'blob' {
  return typeof part === 'bigint' ? 'integer' : typeof part === 'string' ? 'text' : 'blob'
}

/** The id in the encryption context, with its types: `integer:42`; for several columns the JSON of an array of such texts. */
export function contextId(parts: readonly IdPart[]): string {
  const text = parts.length === 1 ? partText(parts[0]!) : encodePosition(parts)
  // A UTF-16 unit is at most three bytes of UTF-8: short ids need no counting.
  if (text.length * 3 > CONTEXT_LIMITS.valueBytes && Buffer.byteLength(text) > CONTEXT_LIMITS.valueBytes) {
    throw invalid(`the id has ${Buffer.byteLength(text)} bytes as an encryption context, at most ${CONTEXT_LIMITS.valueBytes} are allowed`)
  }
  return text
}

/** A row's place in the order of the key, as text. */
export function encodePosition(parts: readonly IdPart[]): string {
  return parts.length === 1 ? positionOf(partText(parts[0]!), 1) : JSON.stringify(parts.map(partText))
}

/** The position of a row whose id in the context is `contextId`'s. */
export function positionOf(id: string, columns: number): string {
  if (columns > 1) return id
  // Digits need no escaping.
  return id.startsWith('integer:') ? `["${id}"]` : JSON.stringify([id])
}

/** What `encodePosition` made; ERR_TABLE_ID_VALUE for anything else. */
export function decodePosition(position: string, key: KeyLayout): IdPart[] {
  const rowid = key.rowid ? shortRowid(position) : undefined
  if (rowid !== undefined) return [rowid]
  let texts: unknown
  try {
    texts = JSON.parse(position)
  } catch {
    throw invalid('a position is not what a read gave')
  }
  if (!Array.isArray(texts) || texts.length !== key.columns.length) throw invalid('a position is not what a read of this table gave')
  return texts.map(parsePart)
}

const SHORT_ROWID = /^-?[1-9]\d{0,14}$/

/** A rowid of at most 15 digits, which needs no parser; undefined for anything else. */
function shortRowid(position: string): bigint | undefined {
  if (!position.startsWith('["integer:') || !position.endsWith('"]')) return undefined
  const digits = position.slice('["integer:'.length, -2)
  return SHORT_ROWID.test(digits) ? BigInt(digits) : undefined
}

function partText(part: IdPart): string {
  return typeof part === 'bigint' ? `integer:${part}` : typeof part === 'string' ? `text:${part}` : `blob:${part.toString('hex')}`
}

function parsePart(text: unknown): IdPart {
  const [, integer, string, hex] =
    (typeof text === 'string' && /^(?:integer:(-?\d{1,19})|text:([^]*)|blob:((?:[\da-f]{2})*))$/.exec(text)) || []
  if (integer !== undefined && integer === BigInt.asIntN(64, BigInt(integer)).toString()) return BigInt(integer)
  if (string?.isWellFormed() === true) return string
  if (hex !== undefined) return Buffer.from(hex, 'hex')
  throw invalid('a position is not what a read gave')
}

function describe(part: IdPart): string {
  return { integer: 'an integer', text: 'text', blob: 'a blob' }[typeName(part)]
}

function invalid(fact: string): Error {
  return sqliteError('ERR_TABLE_ID_VALUE', fact)
}
