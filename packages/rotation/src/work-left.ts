import type { RotationStatus, StatusReport } from './status.ts'

/** One thing that is left to do, by what a status shows. */
export type WorkLeft =
  /** Cells that claim to be sealed and cannot be read: `verify` says which. */
  | { readonly kind: 'damaged'; readonly count: number }
  /** Records under a key that neither keyring nor ledger nor branch keys have; `unknown:` and 24 hex digits. */
  | { readonly kind: 'unknown-key'; readonly key: string }
  /** Rows of the table of branch keys that are none. */
  | { readonly kind: 'damaged-branch-keys'; readonly count: number }
  /** Branch keys that are not under the active key. */
  | { readonly kind: 'branch-keys'; readonly count: number }
  /** A rotation that was begun; `alive` where a run is at it. */
  | {
      readonly kind: 'unfinished'
      readonly target: string | null
      readonly startedAt: string | null
      readonly asked: 'pause' | 'cancel' | null
      readonly alive: boolean
    }
  /** Records that a run set aside, since they do not open. */
  | { readonly kind: 'quarantined'; readonly count: number }
  | { readonly kind: 'plaintext'; readonly count: number }
  /** Records under keys that seal no more. */
  | { readonly kind: 'older'; readonly count: number; readonly keys: readonly string[] }
  /** Records under an older branch key. */
  | { readonly kind: 'behind'; readonly count: number }
  /** The ledger's own key is under keys that seal no more: it keeps them in use. */
  | { readonly kind: 'ledger-key'; readonly keys: readonly string[] }
  /** Copies of replaced values in the free pages of a store. */
  | { readonly kind: 'scrub'; readonly store: string }

/**
 * What a status says is left to do, the most urgent first; empty where every record is where it should be.
 *
 * @example if (workLeft(await status({ stores, keyring, ledger })).length > 0) await rotate({ stores, keyring, ledger })
 */
export function workLeft({ keys, stores, branchKeys, rotation, ledgerKey, quarantined = [] }: StatusReport): readonly WorkLeft[] {
  const sum = (pick: (column: StatusReport['stores'][number]) => number): number => stores.reduce((total, column) => total + pick(column), 0)
  const older = keys.filter(({ state, records }) => state !== 'active' && records > 0)
  const counted: ReadonlyArray<WorkLeft & { readonly count: number }> = [
    { kind: 'quarantined', count: quarantined.reduce((total, { records }) => total + records, 0) },
    // where the encryption is being removed, plaintext is what is wanted
    { kind: 'plaintext', count: rotation?.mode === 'unseal' ? 0 : sum(({ plaintext }) => plaintext) },
    { kind: 'older', count: older.reduce((total, { records }) => total + records, 0), keys: older.map(({ id }) => id) },
    { kind: 'behind', count: sum(({ behind = 0 }) => behind) },
  ]
  const damage: ReadonlyArray<WorkLeft & { readonly count: number }> = [
    { kind: 'damaged-branch-keys', count: branchKeys?.malformed ?? 0 },
    { kind: 'branch-keys', count: branchKeys?.pending ?? 0 },
  ]
  const ledgerKeys = ledgerKey?.keys.filter((id) => keys.some((key) => key.id === id && key.state !== 'active')) ?? []
  const damaged = sum(({ malformed = 0 }) => malformed)
  return [
    ...(damaged > 0 ? [{ kind: 'damaged', count: damaged } as const] : []),
    ...unknownKeys(stores, keys).map((key) => ({ kind: 'unknown-key', key }) as const),
    ...damage.filter(({ count }) => count > 0),
    ...(rotation?.state === 'unfinished' ? [unfinished(rotation)] : []),
    ...counted.filter(({ count }) => count > 0),
    ...(ledgerKeys.length > 0 ? [{ kind: 'ledger-key', keys: ledgerKeys } as const] : []),
    ...(rotation?.scrubPending ?? []).map((store) => ({ kind: 'scrub', store }) as const),
  ]
}

function unfinished({ target, startedAt, asked, run }: RotationStatus): WorkLeft {
  return { kind: 'unfinished', target, startedAt, asked, alive: run?.alive === true }
}

function unknownKeys(stores: StatusReport['stores'], keys: StatusReport['keys']): string[] {
  return [...new Set(stores.flatMap(({ byKey }) => Object.keys(byKey)).filter((id) => !keys.some((key) => key.id === id)))]
}
