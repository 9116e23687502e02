import { inspect, isKeyfoldError, isSealed } from '@keyfold/core'
import type { Affinity } from './affinity.ts'
import type { Cell } from './cell.ts'
import { decodeText } from './cell.ts'
import { sqliteError } from './errors.ts'
import type { JsonValue } from './json-value.ts'
import { isPlainObject, jsonProblem } from './json-value.ts'
import { RawText } from './raw-text.ts'

/**
 * What a sealed column takes and gives. Bytes come back as a Buffer; an INTEGER comes back as a number where that is exact, else as a bigint
 * (always as a bigint with `safeIntegers`); objects and arrays are JSON.
 */
export type SealedValue = JsonValue | bigint | Date | Uint8Array | RawText

const MAX_INTEGER = 0x7fff_ffff_ffff_ffffn

/**
 * The cell of a value that a caller gave.
 *
 * @param affinity of the column: a whole number is INTEGER, but REAL in a REAL column, as SQLite has it
 * @throws KeyfoldError ERR_TABLE_VALUE for what would not come back as it is
 */
export function toCell(value: unknown, affinity: Affinity, column: string): Cell | null {
  if (value === null) return null
  switch (typeof value) {
    case 'string':
      refuseEnvelope(value, column)
      return { type: 'text', value: Buffer.from(wellFormed(value, column)) }
    case 'number':
      return numberCell(value, affinity, column)
    case 'bigint':
      return { type: 'integer', value: inRange(value, column) }
    case 'boolean':
      return { type: 'boolean', value }
    case 'object':
      return objectCell(value, column)
    case 'undefined':
      throw invalid(column, 'undefined; pass null to store NULL, or leave the column out')
    default:
      throw invalid(column, `a ${typeof value}`)
  }
}

/** What somebody has sealed already is not sealed again: `get` would then give an envelope instead of a value. */
function refuseEnvelope(value: string | Uint8Array, column: string): void {
  if (!isSealed(value)) return
  try {
    inspect(value)
  } catch (error) {
    if (isKeyfoldError(error)) return
    throw error
  }
  throw invalid(column, 'sealed already; give the plaintext')
}

function numberCell(value: number, affinity: Affinity, column: string): Cell {
  if (Number.isNaN(value)) throw invalid(column, 'NaN, which SQLite would store as NULL')
  const whole = Number.isSafeInteger(value) && !Object.is(value, -0) && affinity !== 'REAL'
  return whole ? { type: 'integer', value: BigInt(value) } : { type: 'real', value }
}

function objectCell(value: object, column: string): Cell {
  if (value instanceof Uint8Array) {
    refuseEnvelope(value, column)
    return { type: 'blob', value }
  }
  if (value instanceof RawText) return { type: 'text', value: value.bytes }
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) throw invalid(column, 'an invalid Date')
    return { type: 'date', value: value.getTime() }
  }
  if (!Array.isArray(value) && !isPlainObject(value)) throw invalid(column, 'an object of a class, which would not come back as it is')
  const problem = jsonProblem(value)
  if (problem !== undefined) throw invalid(column, `an object that ${problem}`)
  return { type: 'json', value: JSON.stringify(value) }
}

/** The value of an opened cell. */
export function fromCell(cell: Cell, safeIntegers: boolean): SealedValue {
  switch (cell.type) {
    case 'integer':
      return fromInteger(cell.value, safeIntegers)
    case 'text':
      return decodeText(cell.value) ?? new RawText(cell.value)
    case 'blob':
      return Buffer.from(cell.value.buffer, cell.value.byteOffset, cell.value.length)
    case 'json':
      return parseJson(cell.value)
    case 'date':
      return new Date(cell.value)
    case 'real':
    case 'boolean':
      return cell.value
  }
}

/**
 * The parameter that puts an opened cell back into a column, and the SQL around it: what `readCell` read before it was sealed comes back as it
 * was. What SQLite has no type for becomes what applications commonly use: JSON its text, a date ISO 8601 in UTC, a boolean 0 or 1.
 */
export function toPlaintextSql(cell: Cell): { readonly sql: string; readonly parameter: unknown } {
  switch (cell.type) {
    case 'integer':
      return { sql: '?', parameter: cell.value }
    case 'real':
      return { sql: 'CAST(? AS REAL)', parameter: cell.value }
    case 'text':
      return { sql: 'CAST(? AS TEXT)', parameter: Buffer.from(cell.value) }
    case 'blob':
      return { sql: '?', parameter: Buffer.from(cell.value) }
    case 'json':
      return { sql: '?', parameter: cell.value }
    case 'date':
      return { sql: '?', parameter: new Date(cell.value).toISOString() }
    case 'boolean':
      return { sql: '?', parameter: cell.value ? 1n : 0n }
  }
}

/** An integer of SQLite: a number where that is exact, unless bigints are wanted. */
export function fromInteger(value: bigint, safeIntegers: boolean): number | bigint {
  const number = Number(value)
  return !safeIntegers && Number.isSafeInteger(number) ? number : value
}

function parseJson(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue
  } catch {
    throw sqliteError('ERR_TABLE_TYPE', 'the opened value is tagged as JSON and is none')
  }
}

/**
 * The parameter for a column that is not sealed.
 *
 * @throws KeyfoldError ERR_TABLE_VALUE for what better-sqlite3 refuses, or would change silently
 */
export function toPlainParameter(value: unknown, column: string): unknown {
  if (value === null || typeof value === 'number') return value
  if (typeof value === 'string') return wellFormed(value, column)
  if (typeof value === 'bigint') return inRange(value, column)
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.length)
  throw sqliteError('ERR_TABLE_VALUE', `column ${column} is not sealed and takes text, numbers, bigints, bytes and null alone`, {
    hint: 'Convert the value first, as for better-sqlite3: a date or an object to text, a boolean to 0 or 1.',
  })
}

function wellFormed(text: string, column: string): string {
  if (!text.isWellFormed()) throw invalid(column, 'text with a lone surrogate, which UTF-8 cannot hold')
  return text
}

function inRange(value: bigint, column: string): bigint {
  if (value > MAX_INTEGER || value < -MAX_INTEGER - 1n) throw invalid(column, 'an integer of more than 64 bits')
  return value
}

function invalid(column: string, fact: string): Error {
  return sqliteError('ERR_TABLE_VALUE', `the value for column ${column} is ${fact}`)
}
