/** The text form of an envelope, for columns of text. */
import { decodeBase64url, encodeBase64url } from '#backend'
import { KeyfoldError } from './errors.ts'
import { malformed, overLimit, unsupportedVersion } from './format-errors.ts'
import { ANY_TEXT_PREFIX, isSealed, LIMITS, TEXT_PREFIX, VERSION, VERSION_AT } from './format.ts'

/**
 * The text form for text columns: `kf1.` and the envelope in base64url without padding. Does not look into the envelope.
 *
 * @throws KeyfoldError ERR_LIMIT for an envelope of over 256 MiB
 */
export function toText(envelope: Uint8Array): string {
  if (envelope.length > LIMITS.textBytes) throw overLimit('bytes for the text form', envelope.length, LIMITS.textBytes)
  return TEXT_PREFIX + encodeBase64url(envelope)
}

/**
 * The envelope in its bytes, from either form. Strict base64url: no padding, no white space, no stray bits.
 *
 * @throws KeyfoldError ERR_NOT_SEALED, ERR_ENVELOPE_VERSION, ERR_ENVELOPE_MALFORMED, ERR_LIMIT
 */
export function toBytes(envelope: Uint8Array | string): Uint8Array {
  if (envelope instanceof Uint8Array) return envelope
  if (typeof envelope !== 'string')
    throw new KeyfoldError('ERR_ARGUMENT', `an envelope is a Uint8Array or its text form, not ${typeof envelope}`)
  const version = ANY_TEXT_PREFIX.exec(envelope)?.[1]
  if (version === undefined) throw new KeyfoldError('ERR_NOT_SEALED', 'the text does not begin as an envelope does')
  if (version !== '1') throw unsupportedVersion(Number(version), VERSION)
  const length = Math.floor(((envelope.length - TEXT_PREFIX.length) * 3) / 4)
  if (length > LIMITS.textBytes) throw overLimit('bytes in its text form', length, LIMITS.textBytes)
  const bytes = decodeBase64url(envelope.slice(TEXT_PREFIX.length))
  if (bytes === undefined) throw malformed('its text is not strict base64url')
  // Otherwise a text could claim one version in its prefix and another in its bytes.
  if (isSealed(bytes) && bytes[VERSION_AT] !== VERSION) throw malformed('its text and its bytes name different versions')
  return bytes
}
