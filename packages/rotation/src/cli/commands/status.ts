import type { Command } from 'commander'
import { status as statusOf } from '../../index.ts'
import type { StatusReport } from '../../index.ts'
import type { Call } from '../command.ts'
import { callOf, finish } from '../command.ts'
import type { ExitCode } from '../exit-codes.ts'
import { EXIT } from '../exit-codes.ts'
import { withSession } from '../session.ts'
import { plural, table } from '../table.ts'

/** `status`: which key holds how many records, and what is left to do. Writes nothing, and needs no ledger. */
export function addStatus(program: Command): void {
  program
    .command('status')
    .description('count the records under each key; writes nothing')
    .option('--exit-code', 'end with 2 when there is work left, 5 when the active key is overdue')
    .action(({ exitCode }: { exitCode?: true }, command: Command) => finish(status(exitCode === true, callOf(command))))
}

async function status(asked: boolean, { output, config }: Call): Promise<ExitCode> {
  const document = await withSession({ config, readonly: true }, async ({ keyring, stores, ledger, config: { policy } }) =>
    statusOf({ keyring, stores, ledger, cryptoperiodDays: policy.cryptoperiodDays }),
  )
  const { schema: _, message_type: type, ...rest } = document
  output.result(type, rest, () => [keysText(document), ...branchKeysText(document), storesText(document)].join('\n\n'))
  const next = nextSteps(document)
  output.message(`\n${next.length === 0 ? 'nothing to do: every record is under the active key' : next.join('\n')}`)
  if (!asked) return EXIT.done
  return next.length > 0 ? EXIT.pending : overdue(document) ? EXIT.overdue : EXIT.done
}

function keysText({ keys }: StatusReport): string {
  return table(
    ['KEY', 'STATE', 'RECORDS', 'DUE'],
    keys.map(({ id, state, records, due }) => [id, state, records, due === null ? '-' : due.slice(0, 10)]),
  )
}

function storesText({ stores, keys }: StatusReport): string {
  const ids = new Set([...keys.map(({ id }) => id), ...stores.flatMap(({ byKey }) => Object.keys(byKey))])
  const used = [...ids].filter((id) => stores.some(({ byKey }) => (byKey[id] ?? 0) > 0))
  // only worth a column where there are some
  const shredded = stores.some(({ destroyed }) => destroyed !== undefined)
  return table(
    ['STORE', 'COLUMN', 'CELLS', 'NULL', 'PLAINTEXT', 'DAMAGED', ...(shredded ? ['DESTROYED'] : []), ...used],
    stores.map(({ store, table: name, column, total, null: empty, plaintext, malformed = 0, destroyed = 0, byKey }) => [
      store,
      `${name}.${column}`,
      total,
      empty,
      plaintext,
      malformed,
      ...(shredded ? [destroyed] : []),
      ...used.map((id) => byKey[id] ?? 0),
    ]),
  )
}

function branchKeysText({ branchKeys }: StatusReport): string[] {
  if (branchKeys === undefined) return []
  const { store, live, byKey, destroyed, malformed } = branchKeys
  const head = ['BRANCH KEYS', 'LIVE', 'DESTROYED', 'DAMAGED', ...Object.keys(byKey)]
  return [table(head, [[store, live, destroyed, malformed, ...Object.values(byKey)]])]
}

/** In plain words, the most urgent first. Empty where nothing is left to do. */
function nextSteps({ keys, stores, branchKeys, rotation }: StatusReport): string[] {
  const damaged = stores.reduce((sum, { malformed = 0 }) => sum + malformed, 0)
  const plaintext = stores.reduce((sum, column) => sum + column.plaintext, 0)
  const older = keys.filter(({ state, records }) => state !== 'active' && records > 0)
  const behind = stores.reduce((sum, column) => sum + (column.behind ?? 0), 0)
  const records = older.reduce((sum, key) => sum + key.records, 0)
  return [
    ...(damaged > 0 ? [`${plural(damaged, 'cell')} cannot be read as sealed: kms-rotate verify --full says which`] : []),
    ...unknownKeys(stores, keys, branchKeys !== undefined),
    ...branchKeySteps(branchKeys),
    ...(rotation?.state === 'unfinished'
      ? [`a rotation to ${rotation.target} is unfinished, begun ${rotation.startedAt}: kms-rotate run goes on`]
      : []),
    ...(plaintext > 0 ? [`${plural(plaintext, 'cell')} in plaintext: kms-rotate run seals them`] : []),
    ...(records > 0
      ? [`${plural(records, 'record')} under ${older.map(({ id }) => id).join(', ')}: kms-rotate run moves them to the active key`]
      : []),
    ...(behind > 0 ? [`${plural(behind, 'record')} not under the newest branch key yet: kms-rotate run moves them`] : []),
    ...(rotation?.scrubPending ?? []).map((store) => `${store} may still hold copies of replaced values: kms-rotate run removes them`),
  ]
}

function branchKeySteps(branchKeys: StatusReport['branchKeys']): string[] {
  if (branchKeys === undefined) return []
  const { malformed, pending } = branchKeys
  return [
    ...(malformed > 0 ? [`${plural(malformed, 'branch key')} damaged: restore the table of branch keys from a backup`] : []),
    ...(pending > 0 ? [`${plural(pending, 'branch key')} not under the active key: kms-rotate run puts them there`] : []),
  ]
}

/** Records under a key that neither config nor ledger names, nor the store of branch keys: nobody here can open them. */
function unknownKeys(stores: StatusReport['stores'], keys: StatusReport['keys'], branched: boolean): string[] {
  const unknown = new Set(stores.flatMap(({ byKey }) => Object.keys(byKey)).filter((id) => !keys.some((key) => key.id === id)))
  return [...unknown].map((id) =>
    branched
      ? `records under ${id}, a key that neither config nor branch keys have: restore the table of branch keys, or add the key to decryptOnly`
      : `records under ${id}, a key that the config does not have: add it to keyring.decryptOnly`,
  )
}

function overdue({ keys }: StatusReport): boolean {
  return keys.some(({ state, due }) => state === 'active' && due !== null && Date.parse(due) < Date.now())
}
