/** One line of a branch key file, in both directions. A line is a JSON object; `sealed` stands at its end, so that its place in the file is known. */
import { decodeBase64url, encodeBase64url } from '#backend'
import { equalBytes, toHex } from './bytes.ts'
import { KEY_ID_LENGTH } from './format.ts'
import type { StoredBranchKey } from './types.ts'

/** What happened to a branch key. The lines of a key are numbered: a line counts if it has the next number, so that the first of two wins. */
export interface LogLine {
  /** 16 hex digits, random: by it a writer knows its own line again. */
  readonly id: string
  readonly keyId: Uint8Array
  /** 0 inserts; each replacement has one more. */
  readonly change: number
  /** Where it inserts. */
  readonly place: Pick<StoredBranchKey, 'partition' | 'version' | 'createdAt'> | null
  readonly sealed: Uint8Array | null
}

const FORMAT = 'keyfold branch key 1'
const HEX_ID = /^[0-9a-f]{16}$/
const HEX_KEY_ID = new RegExp(`^[0-9a-f]{${KEY_ID_LENGTH * 2}}$`)
const FIELDS = ['format', 'id', 'keyId', 'change', 'place', 'sealed']
const PLACE_FIELDS = ['partition', 'version', 'createdAt']

/** A line without its line end. */
export function encodeLine({ id, keyId, change, place, sealed }: LogLine): string {
  const { partition, version, createdAt } = place ?? {}
  const placed = place && { partition, version, createdAt }
  return JSON.stringify({ format: FORMAT, id, keyId: toHex(keyId), change, place: placed, sealed: sealed && encodeBase64url(sealed) })
}

/** Undefined for what `encodeLine` does not make: a line that a crash cut, or that somebody edited. */
export function decodeLine(text: string): LogLine | undefined {
  const line = parsed(text)
  if (!hasFields(line, FIELDS) || line['format'] !== FORMAT) return undefined
  const { id, keyId, change } = line
  if (typeof id !== 'string' || !HEX_ID.test(id) || typeof keyId !== 'string' || !HEX_KEY_ID.test(keyId)) return undefined
  if (!isCount(change)) return undefined
  const place = placeOf(line['place'])
  const sealed = sealedOf(line['sealed'])
  if (sealed === undefined || place === undefined || (place === null) !== change > 0) return undefined
  return { id, keyId: bytesOf(keyId), change, place, sealed }
}

/** Where the text of `sealed` stands in an encoded line, in bytes; undefined where it is null. */
export function sealedWithin(line: Uint8Array, { sealed }: LogLine): { readonly from: number; readonly length: number } | undefined {
  if (sealed === null) return undefined
  const length = Math.ceil((sealed.length * 4) / 3)
  return { from: line.length - 2 - length, length }
}

/** Whether what was sealed was overwritten. */
export function isBlank(sealed: Uint8Array): boolean {
  return equalBytes(sealed, new Uint8Array(sealed.length))
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Whether a value of JSON is an object of these fields, in their order: what is no object has none. */
function hasFields(value: unknown, fields: readonly string[]): value is Readonly<Record<string, unknown>> {
  return Object.keys(value ?? {}).join() === fields.join()
}

function placeOf(value: unknown): LogLine['place'] | undefined {
  if (value === null) return null
  if (!hasFields(value, PLACE_FIELDS)) return undefined
  const { partition, version, createdAt } = value
  return typeof partition === 'string' && isCount(version) && isCount(createdAt) ? { partition, version, createdAt } : undefined
}

function sealedOf(value: unknown): Uint8Array | null | undefined {
  return typeof value === 'string' ? decodeBase64url(value) : value === null ? null : undefined
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from({ length: hex.length / 2 }, (_, i) => Number.parseInt(hex.slice(i * 2, i * 2 + 2), 16))
}
