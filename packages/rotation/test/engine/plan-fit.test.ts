/** Why a plan no longer fits, told by what changed since, and how far things may move before it does not. */
import type { Keyring } from '@keyfold/core'
import { createKeyring, isKeyfoldError } from '@keyfold/core'
import { insecureRawKey } from '@keyfold/core/raw-key'
import { expect, test } from 'vitest'
import { plan } from '../../src/index.ts'
import type { Plan } from '../../src/index.ts'
import { hexOf } from '../../src/key-names.ts'
import { MasterKeys } from '../../src/master-keys.ts'
import type { Circumstances } from '../../src/plan-fit.ts'
import { checkFit } from '../../src/plan-fit.ts'
import { MemoryStore } from './memory-store.ts'

const MINUTE = 60_000
const key = (name: string, first = 0) => insecureRawKey(name, Uint8Array.from({ length: 32 }, (_, i) => name.charCodeAt(0) + first + i))
const ring = (active: string, ...older: string[]): Keyring => createKeyring({ active: key(active), decryptOnly: older.map(key) })
const stores = [new MemoryStore('a.db', ['email', 'phone']), new MemoryStore('b.db', ['email'])]
const config = { ledger: './l.db' }

type Change = Partial<Omit<Circumstances, 'keys' | 'counts'>> & {
  readonly keyring?: Keyring
  readonly plaintext?: number
  readonly under?: Readonly<Record<string, number>>
}

/** The fact for which a plan is refused under changed circumstances; undefined where it fits. */
async function misfit(change: Change, edits: (made: Plan) => Partial<Plan> = () => ({})): Promise<string | undefined> {
  const fresh = await plan({ stores, keyring: ring('b', 'a'), config })
  const made = { ...fresh, ...edits(fresh) }
  const { plaintext = 0, under = {}, keyring = ring('b', 'a'), ...others } = change
  const byKey = new Map(Object.entries(under).map(([name, cells]) => [hexOf(key(name).keyId), cells]))
  const sealed = [...byKey.values()].reduce((sum, cells) => sum + cells, 0)
  const count = { store: 'a.db', table: 'customers', column: 'email', total: plaintext + sealed, null: 0, plaintext, malformed: 0, byKey }
  try {
    checkFit(made, { stores, config, keys: new MasterKeys(keyring), counts: [count], now: new Date(made.createdAt), ...others })
    return undefined
  } catch (error) {
    if (isKeyfoldError(error, 'ERR_PLAN_STALE')) return error.message.replace('the plan no longer fits: ', '')
    if (isKeyfoldError(error, 'ERR_PLAN_EXPIRED')) return error.message
    throw error
  }
}

test('it fits where nothing changed', async () => {
  expect(await misfit({})).toBeUndefined()
  expect(await misfit({ stores: stores.toReversed() })).toBeUndefined()
})

test('it expires to the millisecond, and ten minutes ahead of this clock it is still believed', async () => {
  const { createdAt, expiresAt } = await plan({ stores, keyring: ring('b', 'a'), config, expiresInDays: 1 })
  const at = async (time: string, off: number): Promise<string | undefined> =>
    misfit({ now: new Date(Date.parse(time) + off) }, () => ({ createdAt, expiresAt }))
  expect(await at(expiresAt, -1)).toBeUndefined()
  expect(await at(expiresAt, 0)).toBe(`the plan expired at ${expiresAt}`)
  expect(await at(createdAt, -10 * MINUTE)).toBeUndefined()
  expect(await at(createdAt, -10 * MINUTE - 1)).toBe(
    `it is of ${createdAt}, and the clock has not come there yet: whether it expired nobody can tell`,
  )
})

test('a plain rotation is not what a compromise takes; that of a compromise covers a rotation', async () => {
  const harsh = 'it re-encrypts after a compromise, and a plain rotation was asked for'
  expect(await misfit({ reason: 'rotation' }, () => ({ reason: 'compromise' }))).toBe(harsh)
  expect(await misfit({}, () => ({ reason: 'compromise' }))).toBeUndefined()
  expect(await misfit({ reason: 'compromise' }, () => ({ reason: 'compromise' }))).toBeUndefined()
  expect(await misfit({ reason: 'rotation' })).toBeUndefined()
})

test('another configuration, or none where there was one', async () => {
  const other = 'the configuration is not the one that it was made from'
  expect(await misfit({ config: { ledger: './other.db' } })).toBe(other)
  expect(await misfit({ config: null })).toBe(other)
  expect(await misfit({}, ({ binds }) => ({ binds: { ...binds, config: null } }))).toBe(other)
})

const KEYS: ReadonlyArray<readonly [name: string, keyring: Keyring, named: string]> = [
  ['a key more', ring('b', 'a', 'c'), 'c'],
  ['a key less', ring('b'), 'a'],
  ['another active key', ring('c', 'a'), 'b, c'],
  ['the roles swapped', ring('a', 'b'), 'b, a'],
  ['other bytes under the same name', createKeyring({ active: key('b'), decryptOnly: [key('a', 100)] }), 'a'],
]

test.each(KEYS)('other keys, by their names: %s', async (_, keyring, named) => {
  expect(await misfit({ keyring })).toBe(`the keys are not those that it was made with: ${named.replaceAll(/\w/g, 'raw-key:$&')}`)
})

test.each([
  ['a store less', stores.slice(1)],
  ['a column less', [new MemoryStore('a.db', ['email']), stores[1]!]],
  ['a column more', [...stores, new MemoryStore('c.db', ['email'])]],
  ['another column', [new MemoryStore('a.db', ['email', 'mobile']), stores[1]!]],
  ['the same column in another store', [stores[0]!, new MemoryStore('c.db', ['email'])]],
])('other columns: %s', async (_, others) => {
  expect(await misfit({ stores: others })).toBe('the stores have other columns than it counted')
})

test('records under keys that it did not count, by name where the keyring has one; under the active key there may be new ones', async () => {
  expect(await misfit({ under: { b: 5 } })).toBeUndefined()
  expect(await misfit({ under: { a: 1 } })).toBe('there are records under a key that it did not count: raw-key:a')
  const stranger = `unknown:${hexOf(key('x').keyId)}`
  const both = await misfit({ under: { a: 1, x: 1 } })
  expect(both?.replace('there are records under a key that it did not count: ', '').split(', ').sort()).toEqual(['raw-key:a', stranger])
})

const amounts = (seal: number, rewrap: number) => ({ binds }: Plan): Partial<Plan> => ({
  binds: { ...binds, seen: [hexOf(key('a').keyId)] },
  totals: { seal, rewrap, reencrypt: 0, blocked: 0 },
})

test('a thousand records more are the application’s share, or a tenth', async () => {
  expect(await misfit({ plaintext: 1000 })).toBeUndefined()
  expect(await misfit({ plaintext: 1001 })).toBe('there are 1001 records to seal, and it counted 0')
  expect(await misfit({ plaintext: 22_000 }, amounts(20_000, 0))).toBeUndefined()
  expect(await misfit({ plaintext: 22_001 }, amounts(20_000, 0))).toBe('there are 22001 records to seal, and it counted 20000')
  expect(await misfit({ under: { a: 1050 } }, amounts(0, 50))).toBeUndefined()
  expect(await misfit({ under: { a: 1051 } }, amounts(0, 50))).toBe('there are 1051 records to seal or move, and it counted 50')
  expect(await misfit({ plaintext: 700, under: { a: 400 } }, amounts(0, 0))).toBe('there are 1100 records to seal or move, and it counted 0')
  // fewer are left of a plan whose run was cut
  expect(await misfit({}, amounts(20_000, 50))).toBeUndefined()
})
