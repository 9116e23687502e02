/** What is said of bytes that are no envelope of this release: numbers alone, never the bytes. */
import { KeyfoldError } from './errors.ts'

export function unsupportedVersion(found: number, known: number): KeyfoldError {
  return new KeyfoldError('ERR_ENVELOPE_VERSION', `the envelope is of version ${found}, this release reads version ${known}`)
}

export function malformed(fact: string): KeyfoldError {
  return new KeyfoldError('ERR_ENVELOPE_MALFORMED', `the envelope cannot be read: ${fact}`)
}

export function overLimit(what: string, found: number, limit: number): KeyfoldError {
  return new KeyfoldError('ERR_LIMIT', `the envelope has ${found} ${what}, at most ${limit} are allowed`)
}
