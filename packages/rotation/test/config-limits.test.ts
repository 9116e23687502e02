/** Every bound of a config, on both sides of it, and what is said of a value beyond. */
import { isKeyfoldError } from '@keyfold/core'
import { expect, test } from 'vitest'
import { parseConfig } from '../src/parse-config.ts'

type Fields = Record<string, unknown>

const table: Fields = { table: 'customers', id: 'id', columns: ['email'] }
const withTable = (change: Fields): Fields => ({ stores: [{ type: 'sqlite', path: 'a.db', tables: [{ ...table, ...change }] }] })
const withStore = (change: Fields): Fields => ({ stores: [{ type: 'sqlite', path: 'a.db', tables: [table], ...change }] })
const withKeys = (change: Fields): Fields => ({ keyring: { active: 'key-file:a.key', ...change } })
const withBranchKeys = (change: Fields): Fields => ({ branchKeys: { type: 'sqlite', path: 'keys.db', partition: 'all', ...change } })
const many = (count: number, of: (i: number) => unknown): unknown[] => Array.from({ length: count }, (_, i) => of(i))
const column = (i: number): string => `c${i}`

/** Undefined where the config is taken. */
function refusal(change: Fields): string | undefined {
  try {
    parseConfig({ ...withKeys({}), ...withTable({}), ...change }, 'c')
    return undefined
  } catch (error) {
    if (isKeyfoldError(error, 'ERR_CONFIG_INVALID')) return error.message.split('\n').slice(1).map((line) => line.trim()).join('; ')
    throw error
  }
}

const TAKEN: ReadonlyArray<readonly [name: string, config: Fields]> = [
  ['the longest text', { ledger: 'l'.repeat(4096) }],
  ['64 older keys', withKeys({ decryptOnly: many(64, (i) => `key-file:${i}.key`) })],
  ['a key of another scheme', withKeys({ active: 'aws-kms:arn:aws:kms:eu-central-1:111122223333:key/x' })],
  ['an id of 16 columns', withTable({ id: many(16, column) })],
  ['2000 columns', withTable({ columns: many(2000, column) })],
  ['32 regions', { awsKms: { regions: many(32, (i) => `r${i}`) } }],
  ['64 pairs in clear', { awsKms: { clearContext: many(64, (i) => `n${i}`) } }],
  ['TLS 1.2', { awsKms: { minTls: '1.2' } }],
  ['TLS 1.3, one endpoint', { awsKms: { minTls: '1.3', endpoint: 'https://kms.example', reEncrypt: false } }],
  ['endpoints by region', { awsKms: { endpoint: { 'eu-central-1': 'https://kms.example' } } }],
  ['the longest partition', withBranchKeys({ partition: 'p'.repeat(255) })],
  ['partitions by id', withBranchKeys({ partition: { by: 'id' }, ttlMs: 1000 })],
  ['the longest time to live', withBranchKeys({ ttlMs: 86_400_000 })],
  ['the least of a policy', { policy: { cryptoperiodDays: 1, coolOffDays: 0, rollbackDays: 0, approvals: 0 } }],
  ['the most of a policy', { policy: { cryptoperiodDays: 36_500, coolOffDays: 3650, rollbackDays: 3650, approvals: 16 } }],
]

test.each(TAKEN)('taken: %s', (_, config) => {
  expect(refusal(config)).toBeUndefined()
})

const endpoint = 'awsKms.endpoint: an endpoint is a URL, or { "region": "URL" }'
const partition = 'branchKeys.partition: a partition is one name, or { "by": "table" }, { "by": "column" } or { "by": "id" }'
const columns = 'stores[0].tables[0].columns: columns are a list of up to 2000 names, or { "sealed name": "column" } where one was renamed'
const id = 'stores[0].tables[0].id: an id is the name of a column, or a list of up to 16'
const tableName = 'stores[0].tables[0].table: a table is its name, or { "sealed name": "table" } where it was renamed'
const keyUri = 'a key is written scheme:place, such as key-file:./keys/2026q4.key'

const REFUSED: ReadonlyArray<readonly [text: string, config: Fields]> = [
  ['ledger: has at most 4096 characters', { ledger: 'l'.repeat(4097) }],
  ['ledger: must not be empty', { ledger: '' }],
  ['ledger: must not hold a zero byte', { ledger: 'a\0b' }],
  ['keyring.decryptOnly: has at most 64 keys', withKeys({ decryptOnly: many(65, (i) => `key-file:${i}.key`) })],
  [`keyring.active: ${keyUri}`, withKeys({ active: './2026q4.key' })],
  [`keyring.active: ${keyUri}`, withKeys({ active: 'key-file:' })],
  [`keyring.active: ${keyUri}`, withKeys({ active: 'Key-file:a.key' })],
  [`keyring.active: ${keyUri}`, withKeys({ active: ' key-file:a.key' })],
  [`keyring.active: ${keyUri}`, withKeys({ active: '1key:a.key' })],
  [`keyring.decryptOnly[1]: ${keyUri}`, withKeys({ decryptOnly: ['key-file:b.key', 'b'] })],
  [id, withTable({ id: [] })],
  [id, withTable({ id: many(17, column) })],
  [tableName, withTable({ table: {} })],
  [tableName, withTable({ table: { a: 'b', c: 'd' } })],
  [columns, withTable({ columns: [] })],
  [columns, withTable({ columns: {} })],
  [columns, withTable({ columns: many(2001, column) })],
  ['stores: names at least one store', { stores: [] }],
  ['stores: has at most 100 stores', { stores: many(101, (i) => ({ type: 'sqlite', path: `${i}.db`, tables: [table] })) }],
  ['stores[0].tables: names at least one table', withStore({ tables: [] })],
  ['stores[0].tables: has at most 1000 tables', withStore({ tables: many(1001, (i) => ({ ...table, table: `t${i}` })) })],
  [endpoint, { awsKms: { endpoint: 7 } }],
  ['awsKms.regions: names at least one region', { awsKms: { regions: [] } }],
  ['awsKms.regions: has at most 32 regions', { awsKms: { regions: many(33, (i) => `r${i}`) } }],
  ['awsKms.clearContext: has at most 64 names', { awsKms: { clearContext: many(65, (i) => `n${i}`) } }],
  ['awsKms.minTls: is "1.2" or "1.3"', { awsKms: { minTls: '1.1' } }],
  ['awsKms.reEncrypt: is true or false', { awsKms: { reEncrypt: 'yes' } }],
  ['branchKeys.type: the only type of store for branch keys is "sqlite"', withBranchKeys({ type: 'file' })],
  ['branchKeys.partition: has at most 255 characters', withBranchKeys({ partition: 'p'.repeat(256) })],
  [partition, withBranchKeys({ partition: { by: 'tenant' } })],
  ['branchKeys.ttlMs: is at least 1000', withBranchKeys({ ttlMs: 999 })],
  ['branchKeys.ttlMs: is at most 86400000', withBranchKeys({ ttlMs: 86_400_001 })],
  ['branchKeys.ttlMs: a whole number from 1000 to 86400000', withBranchKeys({ ttlMs: 1000.5 })],
  ['policy.cryptoperiodDays: is at most 36500', { policy: { cryptoperiodDays: 36_501 } }],
  ['policy.cryptoperiodDays: a whole number from 1 to 36500', { policy: { cryptoperiodDays: '90' } }],
  ['policy.coolOffDays: is at least 0', { policy: { coolOffDays: -1 } }],
  ['policy.coolOffDays: is at most 3650', { policy: { coolOffDays: 3651 } }],
  ['policy.rollbackDays: is at most 3650', { policy: { rollbackDays: 3651 } }],
  ['policy.approvals: is at most 16', { policy: { approvals: 17 } }],
]

test.each(REFUSED)('refused: %s', (text, config) => {
  expect(refusal(config)).toBe(text)
})
