import type { StatusReport, StatusWarning } from '../index.ts'
import { plural, table } from './table.ts'

/** A status for people, as tables. */
export function statusText(report: StatusReport): string {
  return [keysText(report), ...branchKeysText(report), storesText(report)].join('\n\n')
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
export function nextSteps({ keys, stores, branchKeys, rotation }: StatusReport): string[] {
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

/** What is to be known of the time of keys, one line each. */
export function warningsText({ warnings = [] }: StatusReport): string[] {
  return warnings.map((warning) => WARNINGS[warning.code](warning))
}

const WARNINGS: Readonly<Record<StatusWarning['code'], (warning: StatusWarning) => string>> = {
  overdue: ({ key, due, days }) => `WARNING: ${key} is overdue since ${day(due)} (${plural(days ?? 0, 'day')}): make the next key active, then kms-rotate run`,
  'due-soon': ({ key, due, days }) => `warning: ${key} is due on ${day(due)}, in ${plural(days ?? 0, 'day')}: make the next key ready`,
  'start-unknown': ({ key }) => `warning: nothing says since when ${key} is the active key, so it is not known when it is due: kms-rotate run records it`,
  'clock-behind': ({ days }) =>
    `warning: the ledger is of a later time than the clock of this machine (by ${days === 0 ? 'less than a day' : plural(days ?? 0, 'day')}): set the clock`,
}

function day(time: string | null): string {
  return time?.slice(0, 10) ?? '-'
}
