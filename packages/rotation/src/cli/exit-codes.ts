/** What the exit code of `kms-rotate` says. Stable: scripts branch on it. */
export const EXIT = {
  done: 0,
  error: 1,
  /** Work is left, and the command was asked whether there is some, or could not remove what replaced values left behind. */
  pending: 2,
  quarantined: 3,
  integrity: 4,
  overdue: 5,
  budget: 6,
  keyNeeded: 7,
  configMissing: 10,
  leaseHeld: 11,
  keyDenied: 12,
  keyUnavailable: 13,
  planRefused: 14,
  usage: 64,
  interrupted: 130,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** The codes of errors that end with something other than 1. Those of whole families stand in `FAMILIES`. */
const CODES: Readonly<Record<string, ExitCode>> = {
  ERR_USAGE: EXIT.usage,
  ERR_SECRET_IN_ARGUMENTS: EXIT.usage,
  ERR_ARGUMENT: EXIT.usage,
  ERR_KEY_SCHEME_UNKNOWN: EXIT.usage,
  ERR_KEY_UNKNOWN: EXIT.usage,
  ERR_KEY_ID_INVALID: EXIT.usage,
  ERR_FILE_MISSING: EXIT.usage,
  ERR_BRANCH_KEY_TABLE: EXIT.usage,
  ERR_BRANCH_KEY_STORE: EXIT.integrity,
  ERR_CONFIG_MISSING: EXIT.configMissing,
  ERR_CONFIG_INVALID: EXIT.usage,
  ERR_KEY_DENIED: EXIT.keyDenied,
  ERR_KEY_FILE_ACCESS: EXIT.keyDenied,
  ERR_KEY_FILE_MISSING: EXIT.keyDenied,
  ERR_KEY_FILE_FORMAT: EXIT.keyDenied,
  ERR_KEYCHAIN_LOCKED: EXIT.keyDenied,
  ERR_KEYCHAIN_ENTRY_MISSING: EXIT.keyDenied,
  ERR_KEYCHAIN_ENTRY_INVALID: EXIT.keyDenied,
  ERR_KEYCHAIN_UNAVAILABLE: EXIT.keyUnavailable,
  ERR_KEY_MISMATCH: EXIT.keyDenied,
  ERR_KEY_DISABLED: EXIT.keyDenied,
  ERR_KEY_PENDING_DELETION: EXIT.keyDenied,
  ERR_KEY_MISSING: EXIT.keyDenied,
  ERR_KEY_UNAVAILABLE: EXIT.keyUnavailable,
  ERR_KEY_THROTTLED: EXIT.keyUnavailable,
  ERR_KEY_SERVICE_RESPONSE: EXIT.keyUnavailable,
  ERR_POLICY_UNSUPPORTED: EXIT.planRefused,
  ERR_KEY_NEEDED: EXIT.keyNeeded,
  ERR_ROTATION_PAUSED: EXIT.budget,
  ERR_LEASE_HELD: EXIT.leaseHeld,
  ERR_LEASE_LOST: EXIT.leaseHeld,
  ERR_KEY_STATE: EXIT.keyDenied,
  ERR_LEDGER_KEY: EXIT.keyDenied,
  ERR_LEDGER_ALTERED: EXIT.integrity,
  ERR_COOL_OFF: EXIT.planRefused,
  ERR_ROLLBACK_REFUSED: EXIT.planRefused,
  ERR_INTERRUPTED: EXIT.interrupted,
}

/** A name in the config or the arguments that the database does not have: the operator's typo, found before anything is written. */
const FAMILIES: readonly (readonly [prefix: string, code: ExitCode])[] = [
  ['ERR_TABLE_', EXIT.usage],
  ['ERR_PLAN_', EXIT.planRefused],
  ['ERR_SQLITE_NOT_A_DATABASE', EXIT.usage],
  ['ERR_SQLITE_FILE_MISSING', EXIT.usage],
]

/** The exit code for an error's code. */
export function exitCodeOf(code: string): ExitCode {
  return CODES[code] ?? FAMILIES.find(([prefix]) => code.startsWith(prefix))?.[1] ?? EXIT.error
}
