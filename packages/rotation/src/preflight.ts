import type { RecordStore } from '@keyfold/core'
import { KeyfoldError } from '@keyfold/core'
import { rotationError } from './errors.ts'

/**
 * Looks at the stores before anything is written.
 *
 * @throws KeyfoldError ERR_STORE_UNSUITED with everything that stands against sealing, ERR_ARGUMENT for two stores of one name
 */
export async function checkStores(stores: readonly RecordStore[]): Promise<void> {
  const names = stores.map(({ name }) => name)
  if (new Set(names).size < names.length) throw new KeyfoldError('ERR_ARGUMENT', 'two stores have the same name')
  const facts: string[] = []
  for (const store of stores) {
    for (const { table, column, problem, hint } of await store.check()) facts.push(`\n  ${store.name} ${table}.${column}: ${problem}. ${hint}`)
  }
  if (facts.length === 0) return
  const many = facts.length === 1 ? 'one thing stands' : `${facts.length} things stand`
  throw rotationError('ERR_STORE_UNSUITED', `${many} against sealing:${facts.join('')}`)
}
