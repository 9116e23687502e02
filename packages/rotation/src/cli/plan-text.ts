import type { Plan } from '../index.ts'
import { duration } from './progress.ts'
import type { Cell } from './table.ts'
import { count, plural, table } from './table.ts'

/** A plan for people: what is to be done in each column, and what it costs. */
export function planText(plan: Plan): string {
  const columns = table(
    ['STORE', 'COLUMN', 'SEAL', 'REWRAP', 'RE-ENCRYPT', 'BLOCKED'],
    plan.columns.map(({ store, table: name, column, seal, rewrap, reencrypt, blocked }) => [
      store,
      `${name}.${column}`,
      seal,
      rewrap,
      reencrypt,
      blocked,
    ]),
  )
  return [columns, table(['WHAT', 'VALUE'], facts(plan)), ...unregisteredText(plan)].join('\n\n')
}

function unregisteredText({ unregistered }: Plan): string[] {
  if (unregistered.length === 0) return []
  const rows = unregistered.map(({ store, table: name, column, records }): Cell[] => [store, `${name}.${column}`, records])
  return [table(['NOT IN THE CONFIG', 'COLUMN', 'SEALED VALUES'], rows)]
}

/** What a run of the plan does not reach, and where nobody looked for that. Empty where there is nothing to say. */
export function planWarnings({ unregistered, scan }: Plan): string[] {
  const values = unregistered.reduce((sum, { records }) => sum + records, 0)
  return [
    ...(values > 0
      ? [
          `WARNING: ${plural(values, 'sealed value')} in ${plural(unregistered.length, 'column')} that the config does not name.`,
          'A run does not move them, no census counts them, and without the old key they cannot be opened.',
          'Add the columns to "stores" before a key is retired.',
        ]
      : []),
    ...(scan.gaps.length > 0 ? [`not searched for sealed values outside of the config: ${scan.gaps.map(gapText).join('; ')}`] : []),
  ]
}

function gapText({ store, table: name, column, values, reason }: Plan['scan']['gaps'][number]): string {
  const place = [name, column].filter((part) => part !== null).join('.')
  const what = values === null ? '' : `${plural(values, 'value')} of `
  return `${what}${store}${place === '' ? '' : ` ${place}`} (${reason})`
}

function facts(plan: Plan): [string, string][] {
  const { reason, totals, branchKeys, keyCalls, remoteKeyCalls, cost, estimate, sizeChangeBytes, scan, expiresAt } = plan
  const calls = Object.entries(keyCalls).filter(([, number]) => number > 0)
  return [
    ['reason', reason],
    ...(branchKeys === undefined ? [] : branchKeyFacts(branchKeys)),
    ...(totals.destroyed === undefined || totals.destroyed === 0 ? [] : [['destroyed records', count(totals.destroyed)] as [string, string]]),
    ...calls.map(([id, number]): [string, string] => [`calls of ${id}`, count(number)]),
    ['calls of key services', count(remoteKeyCalls)],
    ...(cost.microUsd > 0 ? [['cost', costText(cost)] satisfies [string, string]] : []),
    ['time', `about ${duration(estimate.milliseconds / 1000)}`],
    ['growth', plural(sizeChangeBytes, 'byte')],
    ['searched', `${plural(scan.rows, 'row')} for sealed values that the config does not name`],
    ['valid until', expiresAt],
  ]
}

/** To the hundredth of a cent, rounded up: a small plan is cheap, not free. */
function costText({ microUsd, basis }: Plan['cost']): string {
  return `about $${(Math.ceil(microUsd / 100) / 10_000).toFixed(4)}, at the ${basis}`
}

function branchKeyFacts({ rewrap, renew, blocked }: NonNullable<Plan['branchKeys']>): [string, string][] {
  const kinds: [string, number][] = [['to rewrap', rewrap], ['to replace', renew], ['damaged', blocked]]
  return kinds.flatMap(([what, number], i): [string, string][] => (i === 0 || number > 0 ? [[`branch keys ${what}`, count(number)]] : []))
}
