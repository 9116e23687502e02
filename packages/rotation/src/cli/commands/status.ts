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
  output.result(type, rest, () => [keysText(document), storesText(document)].join('\n\n'))
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
  return table(
    ['STORE', 'COLUMN', 'CELLS', 'NULL', 'PLAINTEXT', 'DAMAGED', ...used],
    stores.map(({ store, table: name, column, total, null: empty, plaintext, malformed = 0, byKey }) => [
      store,
      `${name}.${column}`,
      total,
      empty,
      plaintext,
      malformed,
      ...used.map((id) => byKey[id] ?? 0),
    ]),
  )
}

/** In plain words, the most urgent first. Empty where nothing is left to do. */
function nextSteps({ keys, stores, rotation }: StatusReport): string[] {
  const damaged = stores.reduce((sum, { malformed = 0 }) => sum + malformed, 0)
  const plaintext = stores.reduce((sum, column) => sum + column.plaintext, 0)
  const older = keys.filter(({ state, records }) => state !== 'active' && records > 0)
  const records = older.reduce((sum, key) => sum + key.records, 0)
  return [
    ...(damaged > 0 ? [`${plural(damaged, 'cell')} cannot be read as sealed: kms-rotate verify --full says which`] : []),
    ...unknownKeys(stores, keys),
    ...(rotation?.state === 'unfinished'
      ? [`a rotation to ${rotation.target} is unfinished, begun ${rotation.startedAt}: kms-rotate run goes on`]
      : []),
    ...(plaintext > 0 ? [`${plural(plaintext, 'cell')} in plaintext: kms-rotate run seals them`] : []),
    ...(records > 0
      ? [`${plural(records, 'record')} under ${older.map(({ id }) => id).join(', ')}: kms-rotate run moves them to the active key`]
      : []),
    ...(rotation?.scrubPending ?? []).map((store) => `${store} may still hold copies of replaced values: kms-rotate run removes them`),
  ]
}

/** Records under a key that neither config nor ledger names: nobody here can open them. */
function unknownKeys(stores: StatusReport['stores'], keys: StatusReport['keys']): string[] {
  const unknown = new Set(stores.flatMap(({ byKey }) => Object.keys(byKey)).filter((id) => !keys.some((key) => key.id === id)))
  return [...unknown].map((id) => `records under ${id}, a key that the config does not have: add it to keyring.decryptOnly`)
}

function overdue({ keys }: StatusReport): boolean {
  return keys.some(({ state, due }) => state === 'active' && due !== null && Date.parse(due) < Date.now())
}
