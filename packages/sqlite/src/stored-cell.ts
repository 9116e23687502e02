import { isKeyfoldError, isSealed, SQL_OFFSETS, toBytes, toText } from '@keyfold/core'
import { encodeCell } from './cell.ts'
import { sqliteError } from './errors.ts'

/** What stands in a sealed column, sealed or not yet. */
export interface StoredCell {
  readonly sealed: boolean
  /** The envelope's bytes, or the encoding of the plaintext with its type. */
  readonly value: Uint8Array
}

/**
 * Reads a cell that is not NULL.
 *
 * @param type what `typeof()` said
 * @param value TEXT as its bytes
 */
export function readCell(type: unknown, value: unknown): StoredCell {
  switch (type) {
    case 'integer':
      return { sealed: false, value: encodeCell({ type, value: value as bigint }) }
    case 'real':
      return { sealed: false, value: encodeCell({ type, value: value as number }) }
    case 'text':
      return readText(value as Buffer)
    case 'blob':
      return isSealed(value)
        ? { sealed: true, value: value as Buffer }
        : { sealed: false, value: encodeCell({ type, value: value as Buffer }) }
    default:
      throw sqliteError('ERR_SQLITE_FAILED', `SQLite gave a cell of type ${String(type)}`)
  }
}

/** The beginning of an envelope, and no more. */
const UNREADABLE = SQL_OFFSETS.blob.prefix

/** How many characters tell whether a text claims to be sealed. */
const CLAIM_LENGTH = 8

function readText(bytes: Buffer): StoredCell {
  if (!isSealed(bytes.toString('latin1', 0, CLAIM_LENGTH))) return { sealed: false, value: encodeCell({ type: 'text', value: bytes }) }
  return { sealed: true, value: envelopeOf(bytes.toString('latin1')) }
}

/**
 * The envelope in its text form. A text that claims to be one and cannot be decoded gives the beginning of an envelope and no more: whoever
 * parses that is told that it is malformed, and nothing takes the cell for plaintext.
 */
function envelopeOf(text: string): Uint8Array {
  try {
    const envelope = toBytes(text)
    return isSealed(envelope) ? envelope : UNREADABLE
  } catch (error) {
    if (isKeyfoldError(error)) return UNREADABLE
    throw error
  }
}

/** Whether two cells hold the same. What cannot be read is equal to nothing, so that it is never replaced. */
export function sameCell(a: StoredCell, b: StoredCell): boolean {
  return a.sealed === b.sealed && Buffer.compare(a.value, b.value) === 0 && !isUnreadable(a)
}

/** An envelope as a parameter, in the form that the column stores. */
export function toParameter(envelope: Uint8Array, form: 'text' | 'blob'): Uint8Array | string {
  return form === 'text' ? toText(envelope) : envelope
}

/** Whether a cell claims to be sealed and has not even the header of an envelope. */
export function isUnreadable({ sealed, value }: StoredCell): boolean {
  return sealed && value.length <= UNREADABLE.length
}
