import type { Command } from 'commander'
import { compromiseKey, enableKey } from '../../index.ts'
import type { ChangeKeyOptions, KeyChange } from '../../index.ts'
import { asKeyId } from '../aws-kms-keys.ts'
import type { Call } from '../command.ts'
import { addByOption, callOf, finish } from '../command.ts'
import type { ExitCode } from '../exit-codes.ts'
import { EXIT } from '../exit-codes.ts'
import { withLedger } from '../session.ts'
import { table } from '../table.ts'

interface Flags {
  readonly reason: string
  readonly by?: string
}

type Change = (options: ChangeKeyOptions) => Promise<KeyChange>

/** What a person decides about a key: that somebody else knows it, or that a disabled one is needed after all. */
export function addKeysChange(keys: Command): void {
  add(keys, 'compromise', 'record that a key is known to somebody else: it seals nothing more, and never becomes active again', compromiseKey, [
    'next: make another key active, then kms-rotate run --reason compromise; docs/rotation.md has the runbook',
  ])
  add(keys, 'enable', 'take a retired key back as long as it is not destroyed: it opens again', enableKey, [
    'the commands use it again where the config lists it in keyring.decryptOnly',
  ])
}

function add(keys: Command, name: string, description: string, change: Change, notes: readonly string[]): void {
  const command = keys
    .command(name)
    .description(description)
    .argument('<key>', 'the id of the key, such as key-file:2026q3')
    .requiredOption('--reason <text>', 'why, in one line, for the history in the ledger')
  addByOption(command).action((key: string, flags: Flags, self: Command) => finish(perform(change, key, flags, notes, callOf(self))))
}

async function perform(change: Change, named: string, { reason, by }: Flags, notes: readonly string[], { output, config }: Call): Promise<ExitCode> {
  const made = await withLedger(config, ({ keyring, ledger }) =>
    change({ keyring, ledger, key: asKeyId(named), reason, ...(by !== undefined && { by }) }),
  )
  output.result('key_changed', made, () => historyText([made]))
  output.message(`\n${notes.join('\n')}`)
  return EXIT.done
}

/** Changes of states for people. */
export function historyText(changes: readonly KeyChange[]): string {
  const rows = changes.map(({ at, id, was, state, by, reason }) => [at, id, was ?? '-', state, by ?? '(an older release)', reason])
  return table(['AT', 'KEY', 'WAS', 'IS', 'BY', 'WHY'], rows)
}
