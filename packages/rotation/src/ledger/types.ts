import type { ColumnRef, KeyState } from '@keyfold/core'
import type { KeyCause, KeyChange, Who } from './key-changes.ts'

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

export interface NamedKey {
  readonly id: string
  /** 24 hex digits. */
  readonly keyId: string
}

/** The keys that a configuration hands over. */
export interface KeyRoles {
  readonly active: NamedKey
  /** Those that seal beside the active one. */
  readonly recovery?: readonly NamedKey[]
  readonly decryptOnly: readonly NamedKey[]
}

/** The key under which the states of keys are authenticated, sealed, and the MAC over them. */
export interface LedgerSeal {
  /** The ledger's own name: what its key is sealed to. */
  readonly ledger: string
  /** Pairs of the context that the sealing keys asked for beside. */
  readonly names: readonly string[]
  /** An envelope of 32 bytes. */
  readonly sealed: Uint8Array
  /** Tells this key from another one that a compromise run put in its place; 16 bytes. */
  readonly check: Uint8Array
  /** 32 bytes. */
  readonly mac: Uint8Array
}

/** A ledger key as it is made: what else belongs to it, the book adds. */
export type MadeSeal = Omit<LedgerSeal, 'check' | 'mac'>

/** A rotation that was begun. */
export interface LedgerRotation {
  readonly id: number
  readonly reason: Reason
  readonly mode: Mode
  /** The key that records move to; for `unseal` the active one. */
  readonly target: string
  readonly startedAt: string
  readonly updatedAt: string
}

/** One column of one store. */
export interface ColumnPlace extends ColumnRef {
  readonly store: string
}

/** What a rotation does: moves records to the active key, moves them back to the one before, or removes the encryption. */
export type Mode = 'move' | 'rollback' | 'unseal'

/** What somebody asked of the rotation under way, from another terminal. */
export type Wish = 'pause' | 'cancel'

/** How far a rotation came in one column, its shard. It may lag behind the rows, never lead. */
export interface Checkpoint {
  /** The last record that was dealt with in the pass under way; undefined at a pass's beginning. */
  readonly position: string | undefined
  /** Whether one pass over the whole column is complete. */
  readonly swept: boolean
  readonly sealed: number
  readonly rewrapped: number
  readonly reencrypted: number
  readonly unsealed: number
}

/**
 * What a ledger remembers of keys. What is read here is only what stands in the file: `KeyStates` is what opens the ledger's key and knows whether it
 * is authentic. All that changes a state takes that key, checks the MAC before, and makes it anew after, in one transaction.
 */
export interface KeyBook {
  all(): readonly LedgerKey[]
  /** Every change of a state, the oldest first. */
  changes(): readonly KeyChange[]
  /** Undefined before the first run, and in a ledger of an older release. */
  seal(): LedgerSeal | undefined
  /** The receipt of a destroyed key (24 hex digits), canonical JSON. */
  receipt(keyId: string): string | undefined
  /** Refuses a key whose name or content is registered otherwise, and a sealing key that is out of service. Changes nothing. */
  check(roles: KeyRoles): void
  /** Puts the ledger's key into a ledger that has none; false, and nothing changed, where another process was first. */
  install(key: Uint8Array, made: MadeSeal): boolean
  /** Throws ERR_LEDGER_ALTERED where a row is not what was written, ERR_LEDGER_BUSY where another process has replaced this key. */
  verify(key: Uint8Array): void
  /** Changes states in one transaction: all of it, or nothing where `work` throws. */
  change<T>(key: Uint8Array, work: (draft: KeyDraft) => T): T
  /** Throws what such a change would throw, and undoes it; takes no key, since nothing is kept. */
  rehearse(work: (draft: KeyDraft) => void): void
  /** Puts the same key under other keys, if it is still sealed as `was`. */
  reseal(was: Uint8Array, now: Pick<LedgerSeal, 'names' | 'sealed'>): boolean
  /** Another key in place of this one. */
  renew(key: Uint8Array, next: Uint8Array, now: Pick<LedgerSeal, 'names' | 'sealed'>): void
}

/** The changes of one transaction. */
export interface KeyDraft {
  /** Of all changes of the draft, ISO 8601; never before an earlier one of the ledger, whatever the clock says. */
  readonly now: string
  /** Throws ERR_CLOCK where the clock is behind what the ledger has seen. */
  assertClock(): void
  keys(): readonly LedgerKey[]
  /** The changes of one key, the oldest first. */
  past(id: string): readonly KeyChange[]
  add(key: NamedKey, state: KeyState, who: Who): void
  /** Throws ERR_KEY_STATE where the change is not legal. */
  move(id: string, state: KeyState, cause: KeyCause, who: Who): void
  /** Whether a rotation to this key was one after a compromise. */
  rotatedAfterCompromise(target: string): boolean
  putReceipt(keyId: string, document: string): void
}

export interface BeginOptions {
  readonly mode?: Mode
  /** What it is run with, whole; kept in the ledger. */
  readonly plan?: { readonly sha256: string; readonly document: string } | undefined
  /** Key ids (24 hex digits) of branch keys that a compromise exposes: remembered for good, with the beginning itself. */
  readonly exposed?: readonly string[]
}

export interface RotationBook {
  /** The rotation that was begun and not finished, if there is one. */
  unfinished(): LedgerRotation | undefined
  /** Begins a rotation; one that is unfinished is superseded. */
  begin(reason: Reason, target: string, options?: BeginOptions): LedgerRotation
  /** Key ids of all branch keys that were ever exposed. */
  exposed(): ReadonlySet<string>
  finish(id: number, outcome: string): void
  /** What is asked of the rotation; undefined where nothing is. */
  wish(id: number): Wish | undefined
  /** Asks for it, or for nothing any more. */
  ask(id: number, wish: Wish | undefined): void
  checkpoint(id: number, place: ColumnPlace): Checkpoint
  save(id: number, place: ColumnPlace, checkpoint: Checkpoint): void
  /** What a rotation did so far, over all its columns and runs. */
  totals(id: number): Pick<Checkpoint, 'sealed' | 'rewrapped' | 'reencrypted' | 'unsealed'>
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

/** Who holds the lease of a ledger. */
export interface LeaseHolder {
  /** The name of its machine. */
  readonly machine: string
  readonly pid: number
  /** ISO 8601, by the clock of the holder. */
  readonly acquiredAt: string
  readonly renewedAt: string
  /** Whether it is taken for alive: it did not end on this machine, and has shown a sign of life in the last two minutes where it runs elsewhere. */
  readonly alive: boolean
}

/** The lease of a ledger: one run at a time. */
export interface LeaseBook {
  /**
   * Takes it, and renews it from then on. One of a process that ended on this machine is taken over at once, any other after two minutes without
   * a sign of life.
   *
   * @throws KeyfoldError ERR_LEASE_HELD
   */
  acquire(): void
  /** @throws KeyfoldError ERR_LEASE_LOST where it was taken and another holder has it now */
  check(): void
  /** The fencing token: higher for each new holder; undefined where this ledger object does not hold the lease. */
  token(): number | undefined
  /** Undefined where it was given back. */
  holder(): LeaseHolder | undefined
  /** Gives it back; nothing where it is not held. */
  release(): void
}

/** A record that was set aside, without anything of its content or its id. */
export interface QuarantinedRecord extends ColumnPlace {
  /** Its pseudonym: `rec:` and 16 hex digits. */
  readonly record: string
  /** Why: the code of the error. */
  readonly code: string
  /** When it was first set aside, ISO 8601. */
  readonly since: string
}

/** The records that were set aside and are not repaired. */
export interface QuarantineBook {
  /** Forgets those of a column: a pass over it begins, and finds those that are left. */
  clear(place: ColumnPlace): void
  add(rotation: number, place: ColumnPlace, records: ReadonlyArray<{ readonly record: string; readonly code: string }>): void
  /** By column and code. */
  count(): ReadonlyArray<ColumnPlace & { readonly code: string; readonly records: number }>
  list(limit: number): readonly QuarantinedRecord[]
}

/** Something that happened. */
export interface LedgerEvent {
  readonly id: number
  /** ISO 8601. */
  readonly at: string
  readonly by: string
  /** `rotation-begun`, `rotation-finished`, `pause-asked` … */
  readonly kind: string
  readonly rotation: number | null
  /** Counts, ids of keys and names of columns; nothing of a record. */
  readonly detail: Readonly<Record<string, string | number | boolean | null>>
}

/** What happened, appended and never changed. */
export interface EventBook {
  /** @param options.by the operating system's user where it is left out */
  add(kind: string, options?: { rotation?: number; by?: string; detail?: LedgerEvent['detail'] }): void
  /** The newest first. */
  latest(limit: number): readonly LedgerEvent[]
}

/** The durable record of rotations. Made by `openLedger`. */
export interface Ledger {
  readonly escrows: EscrowBook
  readonly events: EventBook
  readonly leases: LeaseBook
  readonly quarantine: QuarantineBook
  readonly keys: KeyBook
  readonly rotations: RotationBook
  readonly scrubs: ScrubBook
  /** 32 random bytes, made with the ledger: the key of the pseudonyms in reports. */
  readonly pseudonymKey: Uint8Array
  close(): void
}
