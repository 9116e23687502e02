import { resolve } from 'node:path'
import { KeyfoldError } from '@keyfold/core'
import type { Command } from 'commander'
import type { Config } from '../config-schema.ts'
import { rotationError } from '../errors.ts'
import { findLedger, openLedger } from '../ledger/open.ts'
import type { LedgerEscrow } from '../ledger/types.ts'
import { ask, canAsk } from './ask.ts'
import type { Escrow } from './escrow.ts'
import { removeEscrow } from './escrow.ts'
import { keyAt } from './keys.ts'
import type { LoadedConfig } from './load-config.ts'
import { table } from './table.ts'
import { usageError } from './usage.ts'

export interface EscrowFlags {
  readonly escrowTo?: string
  readonly escrowUnder?: string
  readonly escrowConfirmed?: true
}

export function addEscrowOptions(command: Command): Command {
  return command
    .option('--escrow-to <file>', 'where a copy of the key goes that survives this machine; a key file, or with --escrow-under an envelope')
    .option('--escrow-under <key>', 'wrap the copy under this second key, such as key-file:./recovery.key')
    .option('--escrow-confirmed', 'you vouch that the copy survives this machine; without it you are asked, on a terminal')
}

/** Refuses a command line that leaves open what nobody is here to answer. ERR_USAGE; nothing was written by then. */
export function refuseUnconfirmable({ escrowTo, escrowConfirmed }: EscrowFlags): void {
  if (canAsk()) return
  if (escrowTo === undefined)
    throw usageError('a key in a keychain needs an escrow', 'Nothing was done. --escrow-to FILE: a copy of the key that survives this machine.')
  if (escrowConfirmed !== true)
    throw usageError('nobody is here to confirm the escrow', 'Nothing was done. Give --escrow-confirmed where it is certain that the copy survives.')
}

/**
 * The escrow that the flags ask for, not written yet. Asks for its place where they do not say it.
 *
 * @throws KeyfoldError ERR_USAGE, and what opening the second key ends with
 */
export async function escrowOf(id: string, { escrowTo, escrowUnder }: EscrowFlags, { config }: LoadedConfig): Promise<Escrow> {
  const file = escrowTo ?? (await ask(`A keychain is lost with its machine. A file for a copy of ${id}, on another disk: `))
  if (file === '') throw usageError('a key in a keychain needs an escrow', 'Nothing was done. Name a file on a disk that survives this machine.')
  return { id, file, under: escrowUnder === undefined ? undefined : await secondKey(escrowUnder, config) }
}

/**
 * The key that an escrow is wrapped under. One of the keychain would be lost together with what it is to bring back.
 *
 * @param config where there is one: how AWS KMS is reached
 */
export async function secondKey(uri: string, config: Pick<Config, 'awsKms'> | undefined): Promise<NonNullable<Escrow['under']>> {
  // an escrow has none of the pairs that records show the key service in clear
  const { clearContext: _, ...awsKms } = config?.awsKms ?? {}
  const key = keyAt(uri, { path: (path) => resolve(path), awsKms }, '--escrow-under')
  if (key.id.startsWith('keychain:'))
    throw usageError('an escrow under a key of the same keychain is lost with it', 'Name a key that is kept elsewhere: key-file:PATH.')
  return key.open()
}

/**
 * Has a person vouch for an escrow that was written, and records it in the ledger, which is made where there is none. Without either the escrow
 * is removed again.
 *
 * @param keyId 24 hex digits
 * @throws KeyfoldError ERR_ESCROW_UNCONFIRMED, ERR_LEDGER_…
 */
export async function confirmEscrow(escrow: Escrow, keyId: string, flags: EscrowFlags, loaded: LoadedConfig): Promise<LedgerEscrow> {
  try {
    const confirmedBy = flags.escrowConfirmed === true ? 'flag' : await vouched(escrow)
    return await record({ id: escrow.id, keyId, place: resolve(escrow.file), wrappedUnder: escrow.under?.id ?? null, confirmedBy }, loaded)
  } catch (error) {
    removeEscrow(escrow)
    throw error
  }
}

async function vouched({ file }: Escrow): Promise<'prompt'> {
  const answer = await ask(`${file} was written, and opens. Is there a copy of it that survives this machine? Type yes: `)
  if (answer === 'yes') return 'prompt'
  throw rotationError('ERR_ESCROW_UNCONFIRMED', 'the escrow was not confirmed, and is removed again')
}

async function record(escrow: Omit<LedgerEscrow, 'confirmedAt'>, { config, path }: LoadedConfig): Promise<LedgerEscrow> {
  const ledger = await openLedger(path(config.ledger))
  try {
    ledger.escrows.confirm(escrow)
    return ledger.escrows.all().find(({ keyId, place }) => keyId === escrow.keyId && place === escrow.place)!
  } finally {
    ledger.close()
  }
}

/** A confirmed escrow for people. */
export function escrowText({ id, keyId, place, wrappedUnder }: LedgerEscrow): string {
  return table(['KEY', 'IN ENVELOPES AS', 'WRAPPED UNDER', 'ESCROW'], [[id, keyId, wrappedUnder ?? '-', place]])
}

/** The ids in envelopes that keys of this name have had, as far as the ledger knows; 24 hex digits each. */
export async function knownKeyIds(id: string, loaded: LoadedConfig): Promise<readonly string[]> {
  const ledger = await findLedger(loaded.path(loaded.config.ledger))
  try {
    const known = ledger === undefined ? [] : [...ledger.keys.all(), ...ledger.escrows.all()]
    return [...new Set(known.filter((key) => key.id === id).map(({ keyId }) => keyId))]
  } finally {
    ledger?.close()
  }
}

/** Refuses a key that is not the one that its name stands for. ERR_KEY_MISMATCH */
export function refuseOther(id: string, keyId: string, known: readonly string[]): void {
  if (known.length === 0 || known.includes(keyId)) return
  throw new KeyfoldError('ERR_KEY_MISMATCH', `${keyId} is not the key that the ledger has under the name ${id}, which is ${known.join(' or ')}`, {
    hint: 'Nothing was done. Find the escrow, or the entry, of the key that the ledger knows.',
  })
}
