import type { Command } from 'commander'
import { addKeychainEscrow } from './keychain-escrow.ts'
import { addKeychainMigrate } from './keychain-migrate.ts'
import { addKeychainRestore } from './keychain-restore.ts'

/** `keychain`: what only keys of the operating system's keychain need. */
export function addKeychain(program: Command): void {
  const keychain = program.command('keychain').description('escrow, restore and migrate keys of the OS keychain').helpCommand(false)
  addKeychainEscrow(keychain)
  addKeychainRestore(keychain)
  addKeychainMigrate(keychain)
}
