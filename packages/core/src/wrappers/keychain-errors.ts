import type { CoreErrorCode } from '../errors.ts'
import { KeyfoldError } from '../errors.ts'

/** A failure of one of the two libraries, which say what happened in words alone. */
export class LibraryError extends Error {}

interface Meaning {
  readonly words: RegExp
  readonly code: CoreErrorCode
  readonly fact: string
}

/** Words of libsecret, keyring-core, and Apple's Security framework with its numbers; the first line that fits. */
const MEANINGS: readonly Meaning[] = [
  {
    words: /dismissed|cancel+ed|denied|passphrase you entered|-128\b|-25293\b/i,
    code: 'ERR_KEY_DENIED',
    fact: 'was refused by the keychain or by the person that it asked',
  },
  {
    words: /\blocked\b|interaction is not allowed|-25308\b/i,
    code: 'ERR_KEYCHAIN_LOCKED',
    fact: 'cannot be reached: the keychain is locked, and nobody can be asked to unlock it',
  },
  { words: /utf-?8/i, code: 'ERR_KEYCHAIN_ENTRY_INVALID', fact: 'is no key of Keyfold: its entry is not text' },
]

/** What a keychain's failure means, as an error of core; those that are one pass through. */
export function storeError(error: unknown, id: string): KeyfoldError {
  if (error instanceof KeyfoldError) return error
  if (!(error instanceof LibraryError)) return unavailable(id, error)
  const meaning = MEANINGS.find(({ words }) => words.test(error.message))
  return meaning === undefined ? unavailable(id, error) : new KeyfoldError(meaning.code, `${id} ${meaning.fact}`, { cause: traceOf(error) })
}

function unavailable(id: string, error: unknown): KeyfoldError {
  return new KeyfoldError('ERR_KEYCHAIN_UNAVAILABLE', `${id} cannot be reached: the keychain failed`, { cause: traceOf(error) })
}

/** A cause that is safe to print. A store of the user's own may quote what it was given: of its error the name goes further, and no more. */
function traceOf(error: unknown): Error {
  const trace = new Error(error instanceof LibraryError ? error.message.slice(0, 200) : error instanceof Error ? error.name : typeof error)
  delete trace.stack
  return trace
}
