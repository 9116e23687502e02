/** What several keys that were tried in turn said, as one error. */
import { KeyfoldError } from './errors.ts'

export interface Failure {
  /** The key's, for people. */
  readonly name: string
  readonly error: KeyfoldError
}

/**
 * What may pass by itself comes first, then what the key service or its administrators decide: so that nobody takes a record for lost, or altered,
 * while its key is out of reach.
 */
const PRECEDENCE = [
  'ERR_KEY_UNAVAILABLE',
  'ERR_KEY_THROTTLED',
  'ERR_KEY_DENIED',
  'ERR_KEY_DISABLED',
  'ERR_KEY_PENDING_DELETION',
  'ERR_KEY_SERVICE_RESPONSE',
  'ERR_KEY_MISSING',
  'ERR_BRANCH_KEY_LOCKED',
  'ERR_SYNC_UNSUPPORTED',
]

/**
 * One error of several: its code is the first that may pass by itself, else that of the first; all are listed, in the message by their codes and
 * in the cause whole.
 *
 * @param failures at least one
 * @param fact what the keys together did not do, such as `opens the record`
 */
export function inOne(failures: readonly Failure[], fact: string): KeyfoldError {
  const first = PRECEDENCE.map((code) => failures.find(({ error }) => error.code === code)).find(Boolean) ?? failures[0]!
  if (failures.length === 1) return first.error
  const list = failures.map(({ name, error }) => `${name}: ${error.code}`).join(', ')
  return new KeyfoldError(first.error.code, `none of the ${failures.length} keys at hand ${fact} (${list})`, {
    hint: first.error.hint,
    cause: new AggregateError(failures.map(({ error }) => error)),
  })
}
