import { listBranchKeys } from '@keyfold/core'
import type { BranchKeyReceipt } from '@keyfold/core'
import type { Command } from 'commander'
import { inspectStates } from '../../inspect-states.ts'
import { hexOf, keyNames } from '../../key-names.ts'
import { suggestion } from '../../nearest.ts'
import type { OpenedBranchKeys } from '../branch-keys.ts'
import type { Call } from '../command.ts'
import { callOf, finish } from '../command.ts'
import type { ExitCode } from '../exit-codes.ts'
import { EXIT } from '../exit-codes.ts'
import { ledgerKeys, withSession } from '../session.ts'
import type { Session } from '../session.ts'
import { plural, table } from '../table.ts'
import { usageError } from '../usage.ts'

/** The branch keys of a config: look at them, make a new version of one, destroy one. */
export function addKeysBranch(keys: Command): void {
  keys
    .command('list-branches')
    .description('show the branch keys, and which key of the keyring wraps each')
    .action((_: object, command: Command) => finish(list(callOf(command))))
  keys
    .command('rotate-branch')
    .description('make a new version of a branch key; kms-rotate run then moves its records')
    .argument('<partition>', 'what the branch key is for, such as the name of a table')
    .action((partition: string, _: object, command: Command) => finish(rotate(partition, callOf(command))))
  keys
    .command('destroy-branch')
    .description('destroy a branch key for good: nobody reads its records any more (crypto-shredding)')
    .argument('<partition>', 'what the branch key is for')
    .option('--confirm <partition>', 'the same once more: there is no way back')
    .action((partition: string, { confirm }: { confirm?: string }, command: Command) => finish(destroy(partition, confirm, callOf(command))))
}

/** So many lines are for people; `--json` has all of them. */
const SHOWN = 1000

async function list({ output, config }: Call): Promise<ExitCode> {
  const rows: string[][] = []
  let total = 0
  await withSession({ config, readonly: true }, async (session) => {
    const { keys, store } = await branchKeysOf(session)
    const nameOf = keyNames(keys.keyring, ledgerKeys(session.ledger))
    for await (const { masterKeyIds, createdAt, ...key } of listBranchKeys(store)) {
      const [created, under] = [timeOf(createdAt), masterKeyIds.map(nameOf)]
      total++
      if (output.json) output.event('branch_key', { ...key, createdAt: created, keys: under })
      else if (total <= SHOWN) rows.push([key.partition, `v${key.version}`, key.state, created ?? '-', key.keyId, under.join(', ') || '-'])
    }
  })
  output.result('branch_keys', { total }, () => table(['PARTITION', 'VERSION', 'STATE', 'CREATED', 'IN ENVELOPES AS', 'UNDER'], rows))
  if (total > SHOWN) output.message(`\nand ${plural(total - SHOWN, 'more branch key')}: --json lists all of them`)
  return EXIT.done
}

/** Null for a row that somebody edited: not every number is a time. */
function timeOf(milliseconds: number): string | null {
  return Number.isNaN(new Date(milliseconds).getTime()) ? null : new Date(milliseconds).toISOString()
}

async function rotate(partition: string, { output, config }: Call): Promise<ExitCode> {
  const made = await withSession({ config, readonly: false }, async (session) => {
    const { keys } = await existing(session, partition)
    return keys.rotate(partition)
  })
  const keyId = hexOf(made.keyId)
  output.result('branch_key_rotated', { partition, version: made.version, keyId }, () =>
    table(['PARTITION', 'VERSION', 'IN ENVELOPES AS'], [[partition, `v${made.version}`, keyId]]),
  )
  output.message('\nit seals from now on; other processes follow when the keys that they have at hand expire.')
  output.message('next: kms-rotate run moves the records')
  return EXIT.done
}

async function destroy(partition: string, confirm: string | undefined, { output, config }: Call): Promise<ExitCode> {
  if (confirm !== partition)
    throw usageError('destroying a branch key has to be confirmed', 'Nothing was done. Give the partition once more: --confirm PARTITION.')
  const { receipt, masters, remains } = await withSession({ config, readonly: false }, (session) => destroyIn(session, partition))
  output.result('branch_key_destroyed', { ...receipt, remains }, () => receiptText(receipt, masters))
  if (remains.length > 0) output.message(`\nthe database may still hold what was destroyed:\n${remains.join('\n')}\nthen run the same command again`)
  return remains.length > 0 ? EXIT.pending : EXIT.done
}

interface Destroyed {
  readonly receipt: BranchKeyReceipt
  /** The names of the master keys that wrapped it. */
  readonly masters: readonly string[]
  readonly remains: readonly string[]
}

async function destroyIn(session: Session, partition: string): Promise<Destroyed> {
  const { keys, store } = await existing(session, partition)
  const receipt = await keys.destroy(partition)
  const nameOf = keyNames(keys.keyring, ledgerKeys(session.ledger))
  return { receipt, masters: receipt.masterKeyIds.map(nameOf), remains: store.scrub() }
}

function receiptText({ partition, keyIds, destroyedAt, cachesExpireAt, conditions }: BranchKeyReceipt, masters: readonly string[]): string {
  const facts = table(
    ['WHAT', 'VALUE'],
    [
      ['partition', partition],
      ...keyIds.map((keyId) => ['destroyed branch key', keyId]),
      ...masters.map((key) => ['was under', key]),
      ['destroyed at', destroyedAt],
      ['caches expire at', cachesExpireAt],
    ],
  )
  return `${facts}\n\nnobody can read its records once both hold:\n${conditions.map((condition) => `- ${condition}`).join('\n')}`
}

/** The ledger said which keys are loaded: edited, it ends the command here. */
async function branchKeysOf({ branchKeys, ledger }: Session): Promise<OpenedBranchKeys> {
  if (branchKeys === undefined) throw usageError('the config has no branchKeys', 'docs/cli.md says how they are configured.')
  await inspectStates(ledger, branchKeys.keys.keyring)
  return branchKeys
}

/** A mistyped partition must not make a key of its own. */
async function existing(session: Session, partition: string): Promise<OpenedBranchKeys> {
  const opened = await branchKeysOf(session)
  if (opened.store.versions(partition).length > 0) return opened
  const names = new Set<string>()
  for await (const key of listBranchKeys(opened.store)) if (names.size < SHOWN) names.add(key.partition)
  const near = partition.length > 255 ? '' : suggestion(partition, [...names])
  throw usageError(`there is no branch key of this partition${near}`, 'kms-rotate keys list-branches shows them. Nothing was done.')
}
