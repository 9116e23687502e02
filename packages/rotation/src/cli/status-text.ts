import type { LedgerKeyStatus, StatusReport, StatusWarning, WorkLeft } from '../index.ts'
import { workLeft } from '../index.ts'
import { plural, table } from './table.ts'

/** A status for people, as tables. */
export function statusText(report: StatusReport): string {
  return [keysText(report), ...branchKeysText(report), storesText(report)].join('\n\n')
}

/** That nobody knows whether the states of keys are what was written; empty where it is known, or where there is nothing to know. */
export function unverifiedNote(ledgerKey: LedgerKeyStatus | null): string[] {
  if (ledgerKey === null || ledgerKey.verified) return []
  return [`the states of keys are as the ledger has them, not verified: its own key could not be opened (${ledgerKey.problem})`]
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
export function nextSteps(report: StatusReport): string[] {
  return workLeft(report).map((left) => stepText(left, report.branchKeys !== undefined))
}

function unfinishedText({ target, startedAt, asked, alive }: WorkLeft & { kind: 'unfinished' }): string {
  const begun = `a rotation to ${target}, begun ${startedAt}`
  if (asked === 'pause') return `${begun}, is paused: kms-rotate resume lets it go on`
  return alive ? `${begun}, is under way` : `${begun}, is unfinished: kms-rotate run goes on`
}

function stepText(left: WorkLeft, branched: boolean): string {
  switch (left.kind) {
    case 'damaged':
      return `${plural(left.count, 'cell')} cannot be read as sealed: kms-rotate verify --full says which`
    case 'unknown-key':
      return branched
        ? `records under ${left.key}, a key that neither config nor branch keys have: restore the table of branch keys, or add the key to decryptOnly`
        : `records under ${left.key}, a key that the config does not have: add it to keyring.decryptOnly`
    case 'damaged-branch-keys':
      return `${plural(left.count, 'branch key')} damaged: restore the table of branch keys from a backup`
    case 'branch-keys':
      return `${plural(left.count, 'branch key')} not under the active key: kms-rotate run puts them there`
    case 'unfinished':
      return unfinishedText(left)
    case 'quarantined':
      return `${plural(left.count, 'record')} set aside, since they do not open: kms-rotate verify --full says which`
    case 'plaintext':
      return `${plural(left.count, 'cell')} in plaintext: kms-rotate run seals them`
    case 'older':
      return `${plural(left.count, 'record')} under ${left.keys.join(', ')}: kms-rotate run moves them to the active key`
    case 'behind':
      return `${plural(left.count, 'record')} not under the newest branch key yet: kms-rotate run moves them`
    case 'ledger-key':
      return `the ledger's own key is under ${left.keys.join(', ')}: kms-rotate run moves it`
    case 'scrub':
      return `${left.store} may still hold copies of replaced values: kms-rotate run removes them`
  }
}

/** What is to be known of the time of keys, one line each. */
export function warningsText({ warnings = [] }: StatusReport): string[] {
  return warnings.map((warning) => WARNINGS[warning.code](warning))
}

const WARNINGS: Readonly<Record<StatusWarning['code'], (warning: StatusWarning) => string>> = {
  overdue: ({ key, due, days }) =>
    `WARNING: ${key} is overdue since ${day(due)} (${plural(days ?? 0, 'day')}): make the next key active, then kms-rotate run`,
  'due-soon': ({ key, due, days }) => `warning: ${key} is due on ${day(due)}, in ${plural(days ?? 0, 'day')}: make the next key ready`,
  'start-unknown': ({ key }) =>
    `warning: nothing says since when ${key} is the active key, so it is not known when it is due: kms-rotate run records it`,
  'clock-behind': ({ days }) =>
    `warning: the ledger is of a later time than the clock of this machine (by ${span(days)}): set the clock`,
}

function span(days: number | null): string {
  return days === 0 ? 'less than a day' : plural(days ?? 0, 'day')
}

function day(time: string | null): string {
  return time?.slice(0, 10) ?? '-'
}
