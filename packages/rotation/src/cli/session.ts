import type { Keyring, RecordStore } from '@keyfold/core'
import { rotationError } from '../errors.ts'
import { keyRoles } from '../key-names.ts'
import type { KeyChange } from '../ledger/key-changes.ts'
import { findLedger, openLedger } from '../ledger/open.ts'
import type { Ledger, LedgerKey } from '../ledger/types.ts'
import type { GivenKeys } from '../keys-of.ts'
import { openBranchKeys } from './branch-keys.ts'
import type { OpenedBranchKeys } from './branch-keys.ts'
import { namedKeys, openKeyring } from './keys.ts'
import type { NamedKey } from './keys.ts'
import type { LoadedConfig } from './load-config.ts'
import { loadConfig } from './load-config.ts'
import { closeStores, openStores } from './stores.ts'
import type { StoreAccess } from './stores.ts'
import { usageError } from './usage.ts'

/** What a command works with: everything that the config names, open. */
export interface Session extends LoadedConfig {
  readonly named: readonly NamedKey[]
  /** The keyring, or the branch keys under it where the config has them. */
  readonly keyring: GivenKeys
  readonly branchKeys: OpenedBranchKeys | undefined
  readonly stores: readonly RecordStore[]
  /** Undefined where none was made yet. */
  readonly ledger: Ledger | undefined
}

export interface SessionOptions extends StoreAccess {
  readonly config: string | undefined
  /** Whether the ledger is written though the stores are only read; by default it is written where they are. */
  readonly writesLedger?: boolean
  /** How often a key wrapper of AWS KMS tries a call; as the SDK has it where it is left out. */
  readonly kmsAttempts?: number
}

/** The states in which a key opens nothing more. */
const OUT_OF_SERVICE: ReadonlySet<string> = new Set(['disabled', 'destroyed'])

/**
 * Opens config, ledger, keys and stores in that order, hands them to `work`, and closes them however it ends. Creates nothing: where no ledger
 * is, `ledger` is undefined.
 */
export async function withSession<T>(options: SessionOptions, work: (session: Session) => Promise<T>): Promise<T> {
  const loaded = await loadConfig(options.config)
  const named = namedKeys(loaded, options.kmsAttempts)
  const ledger = await existingLedger(loaded, options.writesLedger ?? !options.readonly)
  let stores: RecordStore[] = []
  let branchKeys: OpenedBranchKeys | undefined
  try {
    const keyring = await openKeyring(named, disabledKeys(ledger))
    ledger?.keys.check(keyRoles(keyring))
    stores = await openStores(loaded, options)
    branchKeys = await openBranchKeys(loaded, keyring, options)
    return await work({ ...loaded, named, keyring: branchKeys?.keys ?? keyring, branchKeys, stores, ledger })
  } finally {
    await closeStores(stores)
    branchKeys?.store.close()
    ledger?.close()
  }
}

/** A ledger that is to be written is brought to the newest version; none is made. */
async function existingLedger({ config, path }: LoadedConfig, writes: boolean): Promise<Ledger | undefined> {
  const found = await findLedger(path(config.ledger))
  if (found === undefined || !writes) return found
  found.close()
  return openLedger(path(config.ledger))
}

/** What a command works with that changes the states of keys and looks at no record. */
export interface KeySession extends LoadedConfig {
  readonly keyring: Keyring
  readonly ledger: Ledger
}

/** As `withSession`, without stores. A ledger is needed: before the first run no key has a state. */
export async function withLedger<T>(config: string | undefined, work: (session: KeySession) => Promise<T>): Promise<T> {
  const loaded = await loadConfig(config)
  const ledger = await existingLedger(loaded, true)
  if (ledger === undefined) throw usageError('there is no ledger yet', 'kms-rotate run makes it, with the states of the keys. Nothing was done.')
  try {
    return await work({ ...loaded, ledger, keyring: await openKeyring(namedKeys(loaded), disabledKeys(ledger)) })
  } finally {
    ledger.close()
  }
}

/** Ids of the keys that the ledger has taken out of service. ERR_LEDGER_ALTERED */
function disabledKeys(ledger: Ledger | undefined): ReadonlySet<string> {
  const out = ledgerKeys(ledger).filter(({ state }) => OUT_OF_SERVICE.has(state))
  assertRecorded(out, ledger?.keys.changes() ?? [])
  return new Set(out.map(({ id }) => id))
}

/** The MAC needs the active key, which is not opened where its row says that it is out of service: what can be told without a key is told first. */
function assertRecorded(keys: readonly LedgerKey[], changes: readonly KeyChange[]): void {
  for (const { id, state } of keys) {
    const last = changes.findLast((change) => change.id === id)
    if (last !== undefined && last.state !== state)
      throw rotationError('ERR_LEDGER_ALTERED', `a key is ${state} by its row, and by its history it is not`)
  }
}

/** The keys that the ledger knows; none where there is no ledger. */
export function ledgerKeys(ledger: Ledger | undefined): readonly LedgerKey[] {
  return ledger?.keys.all() ?? []
}
