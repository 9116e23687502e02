import type { Command } from 'commander'
import { addKeysBranch } from './keys-branch.ts'
import { addKeysChange } from './keys-change.ts'
import { addKeysCreate } from './keys-create.ts'
import { addKeysDestroy } from './keys-destroy.ts'
import { addKeysList } from './keys-list.ts'

/** `keys`: make keys, look at them, and take them out of the world. */
export function addKeys(program: Command): void {
  const keys = program.command('keys').description('make, list and destroy keys').helpCommand(false)
  addKeysCreate(keys)
  addKeysList(keys)
  addKeysChange(keys)
  addKeysDestroy(keys)
  addKeysBranch(keys)
}
