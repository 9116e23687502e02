import { isKeyfoldError } from '@keyfold/core'
import { describe, expect, test } from 'vitest'
import { defineConfig } from '../src/config.ts'
import { parseConfig, parseConfigFile } from '../src/parse-config.ts'

const table = { table: 'customers', id: 'customer_id', columns: ['email', 'phone'] }
const good = {
  ledger: './kms-rotate.ledger.db',
  keyring: { active: 'key-file:./keys/2026q4.key', decryptOnly: ['key-file:./keys/2026q3.key'] },
  stores: [{ type: 'sqlite', path: './app.db', tables: [table] }],
  policy: { cryptoperiodDays: 90 },
}
const SECRET = '9f2c'.repeat(16)

function read(json: string): { code: string; message: string; hint: string } {
  try {
    parseConfigFile(Buffer.from(json), 'c.json')
  } catch (error) {
    if (isKeyfoldError(error)) return { code: error.code, message: error.message, hint: error.hint }
    throw error
  }
  return { code: 'none', message: '', hint: '' }
}

const readObject = (value: object): ReturnType<typeof read> => read(JSON.stringify(value))

describe('a config', () => {
  test('of the architecture is read as it stands', () => {
    expect(parseConfigFile(Buffer.from(JSON.stringify(good)), 'c.json')).toEqual({
      ...good,
      policy: { cryptoperiodDays: 90, approvals: 0 },
    })
  })

  test('gets its defaults: a ledger beside it, no older keys, no policy', () => {
    const { stores } = good
    expect(parseConfig({ keyring: { active: 'key-file:a.key' }, stores }, 'c')).toMatchObject({
      ledger: './kms-rotate.ledger.db',
      keyring: { decryptOnly: [] },
      policy: { approvals: 0 },
    })
  })

  test('in TypeScript is typed and left as it is', () => {
    const config = defineConfig({
      ledger: 'l.db',
      keyring: { active: 'key-file:a.key' },
      stores: [{ type: 'sqlite', path: 'a.db', tables: [table] }],
    })
    expect(parseConfig(config, 'c').stores[0]!.path).toBe('a.db')
  })

  test('may name tables, ids and columns in their long forms', () => {
    const long = { table: { customers: 'kunden' }, id: ['a', 'b'], columns: { email: 'cust_email' } }
    expect(parseConfig({ ...good, stores: [{ type: 'sqlite', path: 'a.db', tables: [long] }] }, 'c').stores[0]!.tables[0]).toEqual(long)
  })
})

describe('a wrong config', () => {
  test.each([
    [{ ...good, keyrng: {} }, 'top level: "keyrng" is unknown; did you mean "keyring"?'],
    [{ ...good, policy: { aprovals: 2 } }, 'policy: "aprovals" is unknown; did you mean "approvals"?'],
    [
      { ...good, stores: [{ type: 'sqlite', path: 'a.db', tables: [{ ...table, colums: [] }] }] },
      'stores[0].tables[0]: "colums" is unknown; did you mean "columns"?',
    ],
    [{ stores: good.stores }, 'keyring: is missing'],
    [{ ...good, keyring: { active: 7 } }, 'keyring.active: must be a text'],
    [{ ...good, stores: [] }, 'stores: names at least one store'],
    [{ ...good, stores: [{ type: 'postgres', path: 'a', tables: [table] }] }, 'stores[0].type: the only type of store is "sqlite"'],
    [{ ...good, policy: { cryptoperiodDays: 0 } }, 'policy.cryptoperiodDays: is at least 1'],
  ])('names the field and what belongs there: %#', (config, fact) => {
    const { code, message } = readObject(config)
    expect(code).toBe('ERR_CONFIG_INVALID')
    expect(message).toContain(fact)
  })

  test('names every fault at once, the mistyped name before what is then missing', () => {
    const { message } = readObject({ keyrng: {}, stores: [] })
    expect(
      message
        .split('\n')
        .slice(1)
        .map((line) => line.trim()),
    ).toEqual(['top level: "keyrng" is unknown; did you mean "keyring"?', 'keyring: is missing', 'stores: names at least one store'])
  })

  test('names each table that stands twice, by its name or by that in the database, and each store', () => {
    const stores = [
      { type: 'sqlite', path: 'a.db', tables: [table, { ...table, table: 'CUSTOMERS' }, { ...table, table: { customers: 'kunden' } }] },
      { type: 'sqlite', path: 'b.db', tables: [{ ...table, table: { a: 'x' } }, { ...table, table: { b: 'X' } }] },
      { type: 'sqlite', path: 'a.db', tables: [{ ...table, table: 'orders' }] },
    ]
    const facts = readObject({ ...good, stores }).message.split('\n').slice(1).map((line) => line.trim())
    expect(facts).toEqual([
      'stores[2].path: names the same database as another store',
      'stores[0].tables[1].table: stands twice in this store',
      'stores[0].tables[2].table: stands twice in this store',
      'stores[1].tables[1].table: stands twice in this store',
    ])
  })

  test.each([
    ['a column twice', { ...table, columns: ['email', 'EMAIL'] }],
    ['a column twice by its name in the database', { ...table, columns: { a: 'email', b: 'email' } }],
  ])('is one that registers %s', (_, doubled) => {
    expect(readObject({ ...good, stores: [{ type: 'sqlite', path: 'a.db', tables: [doubled] }] }).code).toBe('ERR_CONFIG_INVALID')
  })

  test.each([
    { ...good, keyring: { active: SECRET } },
    { ...good, [SECRET]: 1 },
    { ...good, keyring: { active: 'key-file:a.key', [SECRET]: SECRET } },
    { ...good, stores: [{ type: SECRET, path: SECRET, tables: SECRET }] },
    { ...good, stores: [{ type: 'sqlite', path: 'a.db', tables: [{ ...table, columns: { [SECRET]: 7 } }] }] },
  ])('is never quoted where it may hold a secret: %#', (config) => {
    const { code, message, hint } = readObject(config)
    expect(code).toBe('ERR_CONFIG_INVALID')
    expect(message + hint).not.toContain(SECRET.slice(0, 12))
  })
})

describe('the JSON of a config', () => {
  test.each([
    ['{"ledger": "a", "ledger": "b"}', 'line 1, column 17: a key stands twice in one object'],
    ['{\n  "ledger": "a"\n  "stores": []\n}', 'line 3, column 3: a comma or a closing brace belongs here'],
    ['{"a": [1, 2,]}', 'line 1, column 13: a value belongs here'],
    ['{"a": tru}', 'line 1, column 7: a value belongs here'],
    ['{"a": 01}', 'line 1, column 7: a value belongs here'],
    ['{"a": "x', 'line 1, column 7: a text begins here and never ends'],
    ['{"a": "\\q"}', 'line 1, column 7: a text has a line break or an unknown escape'],
    ['{"__proto__": {}}', 'line 1, column 2: the key __proto__ is not allowed'],
    ['{} {}', 'line 1, column 4: something follows the end of the document'],
    ['', 'line 1, column 1: the document ends too early'],
    ['{ledger: "a"}', 'line 1, column 2: a name in double quotes belongs here'],
    ["{'ledger': \"a\"}", 'line 1, column 2: a name in double quotes belongs here'],
    ['{"a": 1e999}', 'line 1, column 7: a number is too large'],
    ['{"ledger" "a"}', 'line 1, column 11: a colon belongs here'],
    ['[1 2]', 'line 1, column 4: a comma or a closing bracket belongs here'],
  ])('is refused with line and column: %s', (json, fact) => {
    const { code, message } = read(json)
    expect(code).toBe('ERR_CONFIG_INVALID')
    expect(message).toBe(`c.json cannot be read: ${fact}`)
  })

  test('is refused where it is not UTF-8', () => {
    expect(() => parseConfigFile(Uint8Array.of(0x22, 0xff, 0x22), 'c.json')).toThrow('it is not UTF-8')
  })

  test.each([
    ['lists', '['.repeat(100_000)],
    ['objects', '{"a":'.repeat(100_000)],
    ['closed lists', '['.repeat(100_000) + ']'.repeat(100_000)],
  ])('abuse 40: %s that nest 100,000 deep are a limit error, not a crash', (_, json) => {
    expect(read(json).code).toBe('ERR_LIMIT')
  })

  test('abuse 40: more than 1 MiB is a limit error before it is parsed', () => {
    expect(read(`"${'a'.repeat(1024 * 1024)}"`).code).toBe('ERR_LIMIT')
  })
})
