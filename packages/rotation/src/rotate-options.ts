import type { RecordStore } from '@keyfold/core'
import type { Stop } from './between-batches.ts'
import type { Json } from './canonical-json.ts'
import type { NamedCensus } from './census.ts'
import type { FailureReport } from './failures.ts'
import type { LedgerOrigin } from './key-states.ts'
import type { GivenKeys } from './keys-of.ts'
import type { Ledger, Mode, Reason } from './ledger/types.ts'
import type { Plan } from './plan-file.ts'
import type { Upkeep } from './rotation-keys.ts'
import type { RunLimits } from './run-options.ts'
import type { Remains } from './scrub.ts'
import type { RotationProgress } from './tally.ts'

export interface RotateOptions extends RunLimits {
  readonly stores: readonly RecordStore[]
  /** The active key seals; records under the decrypt-only ones move to it. Or branch keys: then these move, and records only where they have to. */
  readonly keyring: GivenKeys
  /** From `openLedger`; as a function it is opened after everything was checked, so that bad input leaves no file behind. */
  readonly ledger: Ledger | (() => Promise<Ledger>)
  /** `compromise` gives every record a new data key; `rotation`, the default, wraps the data keys anew. */
  readonly reason?: Reason
  /**
   * `unseal` puts plaintext back in place of envelopes, to leave Keyfold: it takes a store that can, no plan and no other reason. What applications
   * seal meanwhile is found by later passes, so stop them from sealing first. `move` is the default.
   */
  readonly mode?: 'move' | 'unseal'
  /** Refused where it no longer fits. */
  readonly plan?: Plan
  /** What the plan was made with as `config`. */
  readonly config?: Json
  /**
   * Key services move data keys by themselves where they can (see `rewrap`): this process then sees none of those, and a record that does not open
   * is moved without being noticed; `verify` and `retire` notice. False by default; nothing to a compromise.
   */
  readonly within?: boolean
  /** `false` leaves replaced plaintext in free pages until a later run; the report says so. */
  readonly scrub?: boolean
  /** Who is said to have changed the states of keys; the operating system's user where it is left out. */
  readonly by?: string
  /** Ends the run after the batch under way, its checkpoint saved; the outcome is then `interrupted`. */
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: RotationProgress) => void
}

/**
 * `pending`: something else keeps writing plaintext or under an older key. `interrupted`, `cancelled`, `max-duration` and `max-errors` ended the run
 * before it was through. The first that applies, in this order from the end.
 */
export type RotationOutcome = 'done' | 'scrub-pending' | 'pending' | 'quarantined' | Stop

export interface RotationReport {
  readonly outcome: RotationOutcome
  readonly reason: Reason
  readonly mode: Mode
  /** The key that records were moved to. */
  readonly target: string
  /** `new`: no ledger was there, or an empty one, so that what an earlier one knew is not in it. */
  readonly ledger: LedgerOrigin
  /** Whether an earlier run of the same rotation had been cut. */
  readonly resumed: boolean
  readonly passes: number
  /** Cells that this run replaced. */
  readonly sealed: number
  readonly rewrapped: number
  readonly reencrypted: number
  readonly unsealed: number
  /** Cells that another writer changed at the same moment: its value won, and a later pass dealt with it. */
  readonly conflicts: number
  readonly pending: number
  readonly quarantined: FailureReport
  /** Only where the keys are branch keys. */
  readonly branchKeys?: BranchKeyReport
  readonly remains: readonly Remains[]
  readonly census: readonly NamedCensus[]
  readonly milliseconds: number
}

/** What a run did with branch keys, and with records under them. */
export interface BranchKeyReport {
  /** Put under the active master key. */
  readonly rewrapped: number
  /** New versions in place of exposed ones. */
  readonly renewed: number
  /** Still not under the active master key, though they could be: something else makes branch keys under an older one. */
  readonly pending: number
  /** Altered, or under a master key that is not held; by key id, 24 hex digits. */
  readonly failed: Upkeep['failed']
  /** Records that nothing opens any more, since their branch key was destroyed. No damage, and not in the way of anything. */
  readonly destroyedRecords: number
}

/** What records are moved by: a rotation, or a rollback. */
export interface MoveOptions extends Omit<RotateOptions, 'mode'> {
  readonly mode?: Mode
}
