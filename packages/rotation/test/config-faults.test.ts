/** How the faults of a config are told: how many, in what order, by which path, and what of the file is never quoted. */
import { isKeyfoldError } from '@keyfold/core'
import { expect, test } from 'vitest'
import { parseConfig, parseConfigFile } from '../src/parse-config.ts'

type Fields = Readonly<Record<string, unknown>>

const table = { table: 'customers', id: 'id', columns: ['email'] }
const good = { keyring: { active: 'key-file:a.key' }, stores: [{ type: 'sqlite', path: 'a.db', tables: [table] }] }
const withTables = (...tables: readonly Fields[]): Fields => ({ ...good, stores: [{ type: 'sqlite', path: 'a.db', tables }] })

function refusal(value: unknown): { readonly message: string; readonly hint: string } {
  try {
    parseConfig(value, 'c.json')
  } catch (error) {
    if (isKeyfoldError(error, 'ERR_CONFIG_INVALID')) return { message: error.message, hint: error.hint }
    throw error
  }
  return { message: '', hint: '' }
}

const facts = (value: unknown): string[] => refusal(value).message.split('\n  ').slice(1)

test('the file is named, then each fault in a line of its own, and what to do', () => {
  expect(refusal({ ...good, keyring: {}, ledger: 7 })).toEqual({
    message: 'c.json is wrong:\n  ledger: must be a text\n  keyring.active: is missing',
    hint: 'Correct the file; docs/cli.md describes every field. Nothing was done.',
  })
})

test('of more than ten faults ten are listed, and the others counted', () => {
  const wrong = (count: number): Fields => ({ ...good, keyring: { active: 'key-file:a.key', decryptOnly: Array.from({ length: count }, () => 7) } })
  const line = (i: number): string => `keyring.decryptOnly[${i}]: must be a text`
  const ten = Array.from({ length: 10 }, (_, i) => line(i))
  expect(facts(wrong(10))).toEqual(ten)
  expect(facts(wrong(11))).toEqual([...ten, 'and 1 more'])
  expect(facts(wrong(14))).toEqual([...ten, 'and 4 more'])
})

test('a name that is unknown comes before what else is wrong, wherever it stands', () => {
  const tables = [{ ...table, table: 7, colums: [] }]
  expect(facts({ ...good, ledger: 7, stores: [{ type: 'sqlite', path: 'a.db', tables }], polcy: {} })).toEqual([
    'stores[0].tables[0]: "colums" is unknown; did you mean "columns"?',
    'top level: "polcy" is unknown; did you mean "policy"?',
    'ledger: must be a text',
    'stores[0].tables[0].table: a table is its name, or { "sealed name": "table" } where it was renamed',
  ])
})

const NOUNS: ReadonlyArray<readonly [config: unknown, text: string]> = [
  [7, 'top level: must be an object'],
  [[], 'top level: must be an object'],
  [null, 'top level: must be an object'],
  [undefined, 'top level: is missing'],
  [{ ...good, stores: {} }, 'stores: must be a list'],
  [{ ...good, stores: [7] }, 'stores[0]: must be an object'],
  [{ ...good, keyring: [] }, 'keyring: must be an object'],
  [{ ...good, keyring: { active: null } }, 'keyring.active: must be a text'],
]

test.each(NOUNS)('%j', (config, text) => {
  expect(facts(config)).toEqual([text])
})

test('a column that stands twice is told by its place, whatever it is called', () => {
  const twice = { ...table, columns: { a: 'email', b: 'phone', c: 'EMAIL', d: 'phone' } }
  expect(facts(withTables(table, { ...twice, table: 'orders' }))).toEqual([
    'stores[0].tables[1].columns: the 3. column stands twice',
    'stores[0].tables[1].columns: the 4. column stands twice',
  ])
})

test('one physical column under names that differ is refused, and one name for columns of two tables is not', () => {
  expect(facts(withTables(table, { ...table, table: 'orders' }))).toEqual([])
})

const SHORT = 'x'.repeat(64)
const LONG = 'x'.repeat(65)
const HEX = 'ab'.repeat(32)
const BASE64 = `${'A'.repeat(43)}=`

test('an unknown name is quoted where it is short and no key', () => {
  expect(facts({ ...good, [SHORT]: 1 })).toEqual([`top level: "${SHORT}" is unknown`])
  for (const name of [LONG, HEX, BASE64, `key:${HEX}`, `--key=${BASE64}`]) {
    expect(facts({ ...good, [name]: 1 })).toEqual(['top level: a field is unknown'])
  }
  expect(facts({ ...good, 'a"\n': 1 })).toEqual(['top level: "a\\"\\n" is unknown'])
})

const MISTYPED: ReadonlyArray<readonly [config: Fields, text: string]> = [
  [{ keyring: { ...good.keyring, decryptonly: [] } }, 'keyring: "decryptonly" is unknown; did you mean "decryptOnly"?'],
  [{ awsKms: { regoins: ['a'] } }, 'awsKms: "regoins" is unknown; did you mean "regions"?'],
  [{ branchKeys: { type: 'sqlite', path: 'k.db', partition: 'all', ttlM: 1 } }, 'branchKeys: "ttlM" is unknown; did you mean "ttlMs"?'],
  [{ policy: { coolOffDay: 1 } }, 'policy: "coolOffDay" is unknown; did you mean "coolOffDays"?'],
  [{ stores: [{ ...good.stores[0], tipe: 1 }] }, 'stores[0]: "tipe" is unknown; did you mean "type"?'],
  [{ somethingElse: 1 }, 'top level: "somethingElse" is unknown'],
]

test.each(MISTYPED)('the fields of each place are those that are suggested: %#', (change, text) => {
  expect(facts({ ...good, ...change })).toEqual([text])
})

test('a path shows the user’s own names where they are short and no keys', () => {
  const path = (name: string): string => facts(withTables({ ...table, columns: { [name]: 7 } }))[0]!
  const clear = { awsKms: { endpoint: { [SHORT]: 7 } } }
  expect(path(SHORT)).toMatch(/^stores\[0\]\.tables\[0\]\.columns/)
  for (const name of [LONG, HEX, BASE64]) expect(path(name)).not.toContain(name)
  for (const name of [LONG, HEX, BASE64]) expect(facts({ ...good, awsKms: { endpoint: { [name]: 7 } } }).join()).not.toContain(name)
  expect(facts({ ...good, ...clear })).toHaveLength(1)
})

test('names that only hold what looks like a key are quoted', () => {
  for (const name of [`a${HEX}b`, HEX.slice(1), `${HEX.slice(1)}g`, 'A'.repeat(43)].filter(({ length }) => length <= 64)) {
    expect(facts({ ...good, [name]: 1 })[0]).toContain(`"${name}"`)
  }
})

test('a file that is no JSON is named with what is wrong, and the same hint', () => {
  expect(() => parseConfigFile(Buffer.from('{'), 'c.json')).toThrow(
    expect.objectContaining({
      code: 'ERR_CONFIG_INVALID',
      message: 'c.json cannot be read: line 1, column 2: a name in double quotes belongs here',
      hint: 'Correct the file; docs/cli.md describes every field. Nothing was done.',
    }),
  )
})
