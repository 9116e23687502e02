import { createKeyring, isKeyfoldError } from '@keyfold/core'
import type { KeyState, KeyWrapper } from '@keyfold/core'
import type { Command } from 'commander'
import { findLedger, listKeys } from '../../index.ts'
import type { KeyListing, Ledger, LedgerEscrow, LedgerKey } from '../../index.ts'
import { stateOf } from '../../status.ts'
import { hexOf } from '../../key-names.ts'
import type { Call } from '../command.ts'
import { callOf, finish } from '../command.ts'
import type { ExitCode } from '../exit-codes.ts'
import { EXIT } from '../exit-codes.ts'
import type { NamedKey } from '../keys.ts'
import { namedKeys } from '../keys.ts'
import { loadConfig } from '../load-config.ts'
import type { Output } from '../output.ts'
import { ledgerKeys } from '../session.ts'
import { unverifiedNote } from '../status-text.ts'
import { table } from '../table.ts'
import { historyText } from './keys-change.ts'

interface KeyRow {
  readonly id: string
  readonly state: KeyState
  /** As envelopes name it, 24 hex digits; null where the key cannot be opened. */
  readonly keyId: string | null
  readonly key: string | null
  /** The code of the error that opening the key ended with. */
  readonly problem: string | null
}

/** `keys list`: the keys of config and ledger, whether or not they can be opened. Opens no store. */
export function addKeysList(keys: Command): void {
  keys
    .command('list')
    .description('show the keys of the config and of the ledger')
    .option('--history', 'and every change of a state: when, by whom and why; --json has it always')
    .action(({ history }: { history?: true }, command: Command) => finish(list(history === true, callOf(command))))
}

const OUT_OF_SERVICE: ReadonlySet<KeyState> = new Set<KeyState>(['disabled', 'destroyed'])

async function list(history: boolean, { output, config }: Call): Promise<ExitCode> {
  const loaded = await loadConfig(config)
  const named = namedKeys(loaded)
  const ledger = await findLedger(loaded.path(loaded.config.ledger))
  try {
    return await listIn(named, ledger, history, output)
  } finally {
    ledger?.close()
  }
}

async function listIn(named: readonly NamedKey[], ledger: Ledger | undefined, history: boolean, output: Output): Promise<ExitCode> {
  const registered = ledgerKeys(ledger)
  const escrows = ledger?.escrows.all() ?? []
  const opened: KeyWrapper[] = []
  const rows: KeyRow[] = []
  for (const key of named) rows.push(await configured(key, registered, opened))
  rows.push(...registered.filter(({ id }) => !named.some((key) => key.id === id)).map(former))
  const { ledgerKey, history: changes } = await listingOf(ledger, opened)
  const keys = rows.map((row) => ({ ...row, escrows: escrowsOf(row, escrows), history: changes.filter(({ id }) => id === row.id) }))
  output.result('keys', { keys, ledgerKey }, () => [text(rows), ...(history ? [historyText(changes)] : [])].join('\n\n'))
  const notes = rows.flatMap((row) => notesOn(row, escrows))
  notes.push(...unverifiedNote(ledgerKey))
  if (notes.length > 0) output.message(`\n${notes.join('\n')}`)
  return rows.some(({ problem }) => problem !== null) ? EXIT.keyDenied : EXIT.done
}

/** With those of the config's keys that could be opened. */
async function listingOf(ledger: Ledger | undefined, [active, ...others]: readonly KeyWrapper[]): Promise<Pick<KeyListing, 'ledgerKey' | 'history'>> {
  if (ledger === undefined) return { ledgerKey: null, history: [] }
  return listKeys({ ledger, keyring: active && createKeyring({ active, decryptOnly: others }) })
}

function notesOn(row: KeyRow, escrows: readonly LedgerEscrow[]): string[] {
  const { id, key, problem } = row
  if (problem !== null) return [`${id} cannot be used: ${problem}`]
  if (key?.startsWith('keychain:') !== true || escrowsOf(row, escrows).length > 0) return []
  return [`${id} has no escrow that was confirmed: kms-rotate keychain escrow ${key} --escrow-to FILE makes one`]
}

/** Where copies of a key are, as they were confirmed; not of another key under the same name. */
function escrowsOf({ id, keyId }: KeyRow, escrows: readonly LedgerEscrow[]): LedgerEscrow[] {
  return escrows.filter((escrow) => escrow.id === id && (keyId === null || escrow.keyId === keyId))
}

async function configured({ id, uri, role, open }: NamedKey, registered: readonly LedgerKey[], opened: KeyWrapper[]): Promise<KeyRow> {
  const known = registered.find((key) => key.id === id)
  const state = stateOf(role === 'active', known?.state)
  try {
    const wrapper = await open()
    const keyId = hexOf(wrapper.keyId)
    if (!opened.some((other) => hexOf(other.keyId) === keyId)) opened.push(wrapper)
    const problem = known === undefined || known.keyId === keyId ? null : 'ERR_KEY_MISMATCH'
    return { id, state, keyId, key: uri, problem }
  } catch (error) {
    if (!isKeyfoldError(error)) throw error
    // The file of a key that is out of service may well be gone.
    return { id, state, keyId: known?.keyId ?? null, key: uri, problem: OUT_OF_SERVICE.has(state) ? null : error.code }
  }
}

function former({ id, state, keyId }: LedgerKey): KeyRow {
  return { id, state, keyId, key: null, problem: null }
}

function text(rows: readonly KeyRow[]): string {
  return table(
    ['KEY', 'STATE', 'IN ENVELOPES AS', 'CONFIG'],
    rows.map(({ id, state, keyId, key }) => [id, state, keyId ?? '(cannot be opened)', key ?? '(not in the config)']),
  )
}
