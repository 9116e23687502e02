import { isKeyfoldError } from '@keyfold/core'
import { importKeychainKey, keychainId, localKeyId } from '@keyfold/core/keychain'
import type { Command } from 'commander'
import { hexOf } from '../../key-names.ts'
import type { Call } from '../command.ts'
import { callOf, finish } from '../command.ts'
import { knownKeyIds, refuseOther, secondKey } from '../escrow-options.ts'
import { readEscrow } from '../escrow.ts'
import type { ExitCode } from '../exit-codes.ts'
import { EXIT } from '../exit-codes.ts'
import { isInKeychain } from '../in-keychain.ts'
import type { LoadedConfig } from '../load-config.ts'
import { loadConfig } from '../load-config.ts'
import { table } from '../table.ts'

interface Flags {
  readonly escrowFrom: string
  readonly escrowUnder?: string
}

/** `keychain restore`: puts a key back into a keychain from its escrow, on a new machine say. Never overwrites an entry. */
export function addKeychainRestore(parent: Command): void {
  parent
    .command('restore')
    .description('put a key back into the keychain from its escrow; an entry that is there is never overwritten')
    .argument('<key>', 'keychain:service/account, as it was called')
    .requiredOption('--escrow-from <file>', 'the escrow')
    .option('--escrow-under <key>', 'the second key that the escrow is wrapped under, such as key-file:./recovery.key')
    .action((uri: string, flags: Flags, command: Command) => finish(restore(uri, flags, callOf(command))))
}

async function restore(uri: string, { escrowFrom: file, escrowUnder }: Flags, { output, config }: Call): Promise<ExitCode> {
  const id = keychainId(uri)
  const loaded = await configIfAny(config)
  const known = loaded === undefined ? [] : await knownKeyIds(id, loaded)
  const kek = await readEscrow({ id, file, under: escrowUnder === undefined ? undefined : await secondKey(escrowUnder, loaded?.config) })
  try {
    const keyId = hexOf(localKeyId(kek))
    refuseOther(id, keyId, known)
    const outcome = (await isInKeychain(uri)) ? 'already-there' : 'restored'
    await importKeychainKey(uri, kek)
    output.result('key_restored', { id, keyId, outcome }, () => table(['KEY', 'IN ENVELOPES AS', 'OUTCOME'], [[id, keyId, outcome]]))
    if (known.length === 0)
      output.message(`\nno ledger here knows ${id}: that it is the right key shows when records open, with kms-rotate verify --full`)
  } finally {
    kek.fill(0)
  }
  return EXIT.done
}

/** After a loss there may be nothing but the escrow. */
async function configIfAny(config: string | undefined): Promise<LoadedConfig | undefined> {
  try {
    return await loadConfig(config)
  } catch (error) {
    if (config === undefined && isKeyfoldError(error, 'ERR_CONFIG_MISSING')) return undefined
    throw error
  }
}
