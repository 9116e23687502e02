import type { ColumnRef, KeyState } from '@keyfold/core'

/** Why records are moved: `rotation` rewraps, `compromise` re-encrypts. */
export type Reason = 'rotation' | 'compromise'

/** A key as the ledger knows it. */
export interface LedgerKey {
  /** `scheme:name` */
  readonly id: string
  /** 24 hex digits, as in envelopes. */
  readonly keyId: string
  readonly state: KeyState
  /** Since when it is in this state, ISO 8601. */
  readonly since: string
  readonly reason: string
}

/** A copy of a key away from the machine that uses it, and that somebody vouched for it. */
export interface LedgerEscrow {
  /** Of the key: `keychain:payroll/2026q4`. */
  readonly id: string
  /** 24 hex digits, as in envelopes. */
  readonly keyId: string
  /** The file, an absolute path. */
  readonly place: string
  /** The id of the key that the copy is wrapped under; null for a key file. */
  readonly wrappedUnder: string | null
  /** When it was confirmed, ISO 8601. */
  readonly confirmedAt: string
  /** By an answer on a terminal, or by the flag of the command. */
  readonly confirmedBy: 'prompt' | 'flag'
}

/** The keys that a configuration hands over. */
export interface KeyRoles {
  readonly active: { readonly id: string; readonly keyId: string }
  readonly decryptOnly: ReadonlyArray<{ readonly id: string; readonly keyId: string }>
}

/** A rotation that was begun. */
export interface LedgerRotation {
  readonly id: number
  readonly reason: Reason
  /** The key that records move to. */
  readonly target: string
  readonly startedAt: string
  readonly updatedAt: string
}

/** One column of one store. */
export interface ColumnPlace extends ColumnRef {
  readonly store: string
}

/** How far a rotation came in one column. It may lag behind the rows, never lead. */
export interface Checkpoint {
  /** The last record that was dealt with in the pass under way; undefined at a pass's beginning. */
  readonly position: string | undefined
  /** Whether one pass over the whole column is complete. */
  readonly swept: boolean
  readonly sealed: number
  readonly rewrapped: number
  readonly reencrypted: number
}

/** What a plan or a rotation remembers of keys. */
export interface KeyBook {
  all(): readonly LedgerKey[]
  /** Refuses a key whose name or content is registered otherwise, and an active key that is disabled. Changes nothing. */
  check(roles: KeyRoles): void
  /** Records the keys of a configuration with their states. */
  register(roles: KeyRoles): void
  setState(id: string, state: KeyState, reason: string): void
}

export interface RotationBook {
  /** The rotation that was begun and not finished, if there is one. */
  unfinished(): LedgerRotation | undefined
  /** @param exposed key ids (24 hex digits) of branch keys that a compromise exposes: remembered for good, with the beginning itself */
  begin(reason: Reason, target: string, plan: string | undefined, exposed?: readonly string[]): LedgerRotation
  /** Key ids of all branch keys that were ever exposed. */
  exposed(): ReadonlySet<string>
  finish(id: number, outcome: string): void
  checkpoint(id: number, place: ColumnPlace): Checkpoint
  save(id: number, place: ColumnPlace, checkpoint: Checkpoint): void
  /** What a rotation did so far, over all its columns and runs. */
  totals(id: number): { readonly sealed: number; readonly rewrapped: number; readonly reencrypted: number }
}

/** Stores in which replaced plaintext, or envelopes of a compromised key, may still lie in free pages. */
export interface ScrubBook {
  pending(): readonly string[]
  /** Called before the first cell is replaced, so that a kill leaves the note. */
  require(store: string): void
  done(store: string): void
}

/** The escrows that were confirmed. */
export interface EscrowBook {
  all(): readonly LedgerEscrow[]
  /** Records a confirmation, as of now; a second one of the same copy replaces the first. */
  confirm(escrow: Omit<LedgerEscrow, 'confirmedAt'>): void
}

/** The durable record of rotations. Made by `openLedger`. */
export interface Ledger {
  readonly escrows: EscrowBook
  readonly keys: KeyBook
  readonly rotations: RotationBook
  readonly scrubs: ScrubBook
  /** 32 random bytes, made with the ledger: the key of the pseudonyms in reports. */
  readonly pseudonymKey: Uint8Array
  close(): void
}
