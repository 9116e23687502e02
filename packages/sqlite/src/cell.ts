/** The plaintext of a sealed cell: a byte that names the type, then the value. docs/sqlite.md has the table; a tag once given never changes. */
import { sqliteError } from './errors.ts'

/** A value with the type that it comes back with. */
export type Cell =
  | { readonly type: 'integer'; readonly value: bigint }
  | { readonly type: 'real'; readonly value: number }
  /** The bytes as SQLite stores them, which need not be UTF-8. */
  | { readonly type: 'text'; readonly value: Uint8Array }
  | { readonly type: 'blob'; readonly value: Uint8Array }
  | { readonly type: 'json'; readonly value: string }
  /** Milliseconds since 1970 UTC. */
  | { readonly type: 'date'; readonly value: number }
  | { readonly type: 'boolean'; readonly value: boolean }

const TAGS = { integer: 1, real: 2, text: 3, blob: 4, json: 5, date: 6, boolean: 7 } as const satisfies Record<Cell['type'], number>
const TYPES = new Map(Object.entries(TAGS).map(([type, tag]) => [tag as number, type as Cell['type']]))

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Encodes a value. Numbers have one width each, so that a length tells nothing of them. */
export function encodeCell(cell: Cell): Uint8Array {
  switch (cell.type) {
    case 'integer':
      return eight(TAGS.integer, (view) => view.setBigInt64(1, cell.value))
    case 'real':
      return eight(TAGS.real, (view) => view.setFloat64(1, cell.value))
    case 'date':
      return eight(TAGS.date, (view) => view.setBigInt64(1, BigInt(cell.value)))
    case 'boolean':
      return new Uint8Array([TAGS.boolean, cell.value ? 1 : 0])
    case 'json':
      return tagged(TAGS.json, Buffer.from(cell.value))
    case 'text':
    case 'blob':
      return tagged(TAGS[cell.type], cell.value)
  }
}

/**
 * Decodes what `encodeCell` made, and nothing else.
 *
 * @throws KeyfoldError ERR_TABLE_TYPE
 */
export function decodeCell(bytes: Uint8Array): Cell {
  const type = TYPES.get(bytes[0] ?? 0)
  if (type === undefined) throw invalid(bytes.length === 0 ? 'it is empty' : `its type tag is ${bytes[0]}`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  switch (type) {
    case 'integer':
      return { type, value: checkLength(view, 9).getBigInt64(1) }
    case 'real':
      return { type, value: number(checkLength(view, 9).getFloat64(1)) }
    case 'date':
      return { type, value: number(new Date(Number(checkLength(view, 9).getBigInt64(1))).getTime()) }
    case 'boolean':
      if (checkLength(view, 2).getUint8(1) > 1) throw invalid('it is no boolean')
      return { type, value: view.getUint8(1) === 1 }
    case 'json':
      return { type, value: decodeText(bytes.subarray(1)) ?? refuseText() }
    case 'text':
    case 'blob':
      return { type, value: bytes.subarray(1) }
  }
}

/** Text of UTF-8 bytes, undefined where they are none. */
export function decodeText(bytes: Uint8Array): string | undefined {
  try {
    return strictUtf8.decode(bytes)
  } catch {
    return undefined
  }
}

function eight(tag: number, write: (view: DataView) => void): Uint8Array {
  const bytes = new Uint8Array(9)
  bytes[0] = tag
  write(new DataView(bytes.buffer))
  return bytes
}

function tagged(tag: number, value: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(1 + value.length)
  bytes[0] = tag
  bytes.set(value, 1)
  return bytes
}

function checkLength(view: DataView, length: number): DataView {
  if (view.byteLength !== length) throw invalid(`it has ${view.byteLength} bytes, its type has ${length}`)
  return view
}

/** NaN has many encodings, and a date beyond what Date holds has none. */
function number(value: number): number {
  if (Number.isNaN(value)) throw invalid('it is no number or date')
  return value
}

function refuseText(): never {
  throw invalid('its text is not UTF-8')
}

function invalid(fact: string): Error {
  return sqliteError('ERR_TABLE_TYPE', `the opened value is no cell of a sealed table: ${fact}`)
}
