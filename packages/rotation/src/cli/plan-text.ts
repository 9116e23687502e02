import type { Plan } from '../index.ts'
import { duration } from './progress.ts'
import { count, plural, table } from './table.ts'

/** Records that a run of this plan would write. */
export function workIn({ totals }: Plan): number {
  return totals.seal + totals.rewrap + totals.reencrypt
}

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
  return `${columns}\n\n${table(['WHAT', 'VALUE'], facts(plan))}`
}

function facts({ reason, keyCalls, remoteKeyCalls, cost, estimate, sizeChangeBytes, expiresAt }: Plan): [string, string][] {
  const calls = Object.entries(keyCalls).filter(([, number]) => number > 0)
  return [
    ['reason', reason],
    ...calls.map(([id, number]): [string, string] => [`calls of ${id}`, count(number)]),
    ['calls of key services', count(remoteKeyCalls)],
    ...(cost.microUsd > 0 ? [['cost', costText(cost)] satisfies [string, string]] : []),
    ['time', `about ${duration(estimate.milliseconds / 1000)}`],
    ['growth', plural(sizeChangeBytes, 'byte')],
    ['valid until', expiresAt],
  ]
}

/** To the hundredth of a cent, rounded up: a small plan is cheap, not free. */
function costText({ microUsd, basis }: Plan['cost']): string {
  return `about $${(Math.ceil(microUsd / 100) / 10_000).toFixed(4)}, at the ${basis}`
}
