import * as backend from '#backend'
import { toHex } from '../bytes.ts'
import { KeyfoldError } from '../errors.ts'
import { localKeyId } from '../local-wrap.ts'

/**
 * The text of an entry, version 1: `keyfold-kek-v1:KEY_ID:KEY`, where KEY is the 32 bytes of the KEK as 43 characters of base64url, and KEY_ID
 * are the 24 hex digits that the KEK gives itself, so that whatever changed a character is noticed. One text for one key.
 */
const PREFIX = 'keyfold-kek-v1:'
const SHAPE = /^keyfold-kek-v1:([0-9a-f]{24}):([\w-]{43})$/

/** Writes the entry of a KEK of 32 bytes. */
export function encodeEntry(kek: Uint8Array): string {
  return `${PREFIX}${toHex(localKeyId(kek))}:${backend.encodeBase64url(kek)}`
}

/**
 * Reads the KEK, 32 bytes, out of an entry; the caller wipes it. The text itself cannot be wiped.
 *
 * @param id of the key, for the error's text alone
 * @throws KeyfoldError ERR_KEYCHAIN_ENTRY_INVALID
 */
export function parseEntry(text: string, id: string): Uint8Array {
  const parts = SHAPE.exec(text)
  if (parts === null) throw invalid(id, text.startsWith('keyfold-kek-v') ? shapeFault(text) : 'is no key of Keyfold')
  const kek = backend.decodeBase64url(parts[2]!)
  if (kek === undefined || toHex(localKeyId(kek)) !== parts[1]) throw invalid(id, 'was altered: key and key id do not belong together')
  return kek
}

function shapeFault(text: string): string {
  return text.startsWith(PREFIX) ? 'has the wrong length or characters that no key has' : 'is of a version that this release does not know'
}

function invalid(id: string, fact: string): KeyfoldError {
  return new KeyfoldError('ERR_KEYCHAIN_ENTRY_INVALID', `the entry of ${id} ${fact}`)
}
