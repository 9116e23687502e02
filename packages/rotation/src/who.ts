import { userInfo } from 'node:os'
import { KeyfoldError } from '@keyfold/core'

const MAX_LENGTH = 200

/**
 * Who is said to have changed a state: the name that was given, else the name of the operating system's user.
 *
 * @throws KeyfoldError ERR_ARGUMENT for a name that is empty, too long, or not one line
 */
export function whoIs(by: string | undefined): string {
  return by === undefined ? osUser() : oneLine('by', by)
}

/** A text that goes into the ledger's history. ERR_ARGUMENT where it is empty, too long, or not one line. */
export function oneLine(name: string, text: string): string {
  // eslint's own rule on control characters speaks of regular expressions that hold some by mistake
  const control = Array.from(text).some((character) => character < ' ' || character === '\u007F')
  if (text.trim() !== '' && text.length <= MAX_LENGTH && !control && text.isWellFormed()) return text
  throw new KeyfoldError('ERR_ARGUMENT', `${name} is one line of 1 to ${MAX_LENGTH} characters`)
}

/** A process in a container may run under a number that has no name. */
function osUser(): string {
  try {
    return userInfo().username
  } catch {
    return `uid ${process.geteuid?.() ?? 'unknown'}`
  }
}
