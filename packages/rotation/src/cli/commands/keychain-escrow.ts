import { insecureReadKeychainKey, keychainId, localKeyId } from '@keyfold/core/keychain'
import type { Command } from 'commander'
import { hexOf } from '../../key-names.ts'
import type { Call } from '../command.ts'
import { callOf, finish } from '../command.ts'
import type { EscrowFlags } from '../escrow-options.ts'
import {
  addEscrowOptions,
  confirmEscrow,
  escrowOf,
  escrowText,
  knownKeyIds,
  refuseOther,
  refuseUnconfirmable,
} from '../escrow-options.ts'
import { writeEscrow } from '../escrow.ts'
import type { ExitCode } from '../exit-codes.ts'
import { EXIT } from '../exit-codes.ts'
import { loadConfig } from '../load-config.ts'

/** `keychain escrow`: makes an escrow of a key that is in the keychain already, because an application made it or it was migrated. */
export function addKeychainEscrow(keychain: Command): void {
  const command = keychain
    .command('escrow')
    .description('make an escrow of a key that is in the keychain already')
    .argument('<key>', 'keychain:service/account')
  addEscrowOptions(command).action((uri: string, flags: EscrowFlags, self: Command) => finish(escrowKey(uri, flags, callOf(self))))
}

async function escrowKey(uri: string, flags: EscrowFlags, { output, config }: Call): Promise<ExitCode> {
  const id = keychainId(uri)
  refuseUnconfirmable(flags)
  const loaded = await loadConfig(config)
  const kek = await insecureReadKeychainKey(uri)
  try {
    const keyId = hexOf(localKeyId(kek))
    refuseOther(id, keyId, await knownKeyIds(id, loaded))
    const escrow = await escrowOf(id, flags, loaded)
    await writeEscrow(escrow, kek)
    const confirmed = await confirmEscrow(escrow, keyId, flags, loaded)
    output.result('escrow_created', confirmed, () => escrowText(confirmed))
  } finally {
    kek.fill(0)
  }
  return EXIT.done
}
