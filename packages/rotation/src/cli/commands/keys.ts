import type { Command } from 'commander'
import { addKeysBranch } from './keys-branch.ts'
import { addKeysCreate } from './keys-create.ts'
import { addKeysList } from './keys-list.ts'

/** `keys`: make keys and look at them. */
export function addKeys(program: Command): void {
  const keys = program.command('keys').description('make and list keys').helpCommand(false)
  addKeysCreate(keys)
  addKeysList(keys)
  addKeysBranch(keys)
}
