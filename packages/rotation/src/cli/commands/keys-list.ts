import { isKeyfoldError } from '@keyfold/core'
import type { Command } from 'commander'
import type { LedgerEscrow, LedgerKey } from '../../ledger/types.ts'
import { hexOf } from '../../key-names.ts'
import type { Call } from '../command.ts'
import { callOf, finish } from '../command.ts'
import type { ExitCode } from '../exit-codes.ts'
import { EXIT } from '../exit-codes.ts'
import type { NamedKey } from '../keys.ts'
import { namedKeys } from '../keys.ts'
import { loadConfig } from '../load-config.ts'
import { findLedger } from '../../ledger/open.ts'
import { ledgerKeys } from '../session.ts'
import { table } from '../table.ts'

interface KeyRow {
  readonly id: string
  readonly state: string
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
    .action((_: object, command: Command) => finish(list(callOf(command))))
}

const OUT_OF_SERVICE = new Set(['disabled', 'destroyed'])

async function list({ output, config }: Call): Promise<ExitCode> {
  const loaded = await loadConfig(config)
  const named = namedKeys(loaded)
  const ledger = await findLedger(loaded.path(loaded.config.ledger))
  const registered = ledgerKeys(ledger)
  const escrows = ledger?.escrows.all() ?? []
  ledger?.close()
  const rows: KeyRow[] = []
  for (const key of named) rows.push(await configured(key, registered))
  rows.push(...registered.filter(({ id }) => !named.some((key) => key.id === id)).map(former))
  output.result('keys', { keys: rows.map((row) => ({ ...row, escrows: escrowsOf(row, escrows) })) }, () => text(rows))
  const notes = rows.flatMap((row) => notesOn(row, escrows))
  if (notes.length > 0) output.message(`\n${notes.join('\n')}`)
  return rows.some(({ problem }) => problem !== null) ? EXIT.keyDenied : EXIT.done
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

async function configured({ id, uri, role, open }: NamedKey, registered: readonly LedgerKey[]): Promise<KeyRow> {
  const known = registered.find((key) => key.id === id)
  // in service the config decides; the ledger decides when a key no longer is
  const state = known === undefined || known.state === 'active' || known.state === 'decrypt-only' ? role : known.state
  try {
    const keyId = hexOf((await open()).keyId)
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
