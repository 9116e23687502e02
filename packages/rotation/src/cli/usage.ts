import { KeyfoldError } from '@keyfold/core'
import { looksSecret } from '../secret-shape.ts'

/** An error in how the command was called: exit code 64, and nothing was written. */
export function usageError(fact: string, hint: string): KeyfoldError {
  return new KeyfoldError('ERR_USAGE', fact, { hint })
}

/** 32 bytes as base64url without padding: no slash, so that no path is meant, and all three kinds of characters, so that no name is. */
const UNPADDED = /^(?=.*[a-z])(?=.*[A-Z])(?=.*\d)[A-Za-z0-9_-]{43}$/

/**
 * Refuses arguments that hold a key: 64 hex digits, or 32 bytes as base64. Other users of the machine can read a process's arguments, and the
 * shell keeps them, so the key must be taken for disclosed. The error says where, not what.
 *
 * @throws KeyfoldError ERR_SECRET_IN_ARGUMENTS
 */
export function refuseSecrets(args: readonly string[]): void {
  const place = args.findIndex((argument) => looksSecret(argument) || UNPADDED.test(argument))
  if (place === -1) return
  throw new KeyfoldError('ERR_SECRET_IN_ARGUMENTS', `argument ${place + 1} looks like a key`, {
    hint: 'Keys come from files, never from the command line: other users and the shell history see it. If it is a real key, replace that key.',
  })
}
