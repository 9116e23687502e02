/** The whole way on a database that others made: seal, rotate four times, verify, retire; nothing lost, nothing left in clear. */
import { copyFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createKeyring } from '@keyfold/core'
import { createKeyFile, keyFile } from '@keyfold/core/key-file'
import { sealedTable } from '@keyfold/sqlite'
import { corporaFolder, corpus, temporaryFolder } from '@keyfold/test-support'
import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { kmsRotate } from './cli/process.ts'

const CUSTOMER = { table: 'Customer', id: 'CustomerId', columns: ['FirstName', 'LastName', 'Address', 'Phone', 'Fax', 'Email'] }
const EMPLOYEE = { table: 'Employee', id: 'EmployeeId', columns: [...CUSTOMER.columns, 'BirthDate'] }
const TABLES = [CUSTOMER, EMPLOYEE]
const KEYS = ['k0', 'k1', 'k2', 'k3', 'k4']

type Row = Record<string, unknown>

/** Every cell of a table, with its type and its bytes. */
function cells(path: string, table: string): Row[] {
  const db = new Database(path, { readonly: true })
  const names = db.prepare('SELECT name FROM pragma_table_info(?)').pluck().all(table) as string[]
  const columns = names.map((name) => `typeof("${name}") || ':' || quote("${name}") AS "${name}"`)
  const rows = db.prepare(`SELECT ${columns.join(', ')} FROM "${table}" ORDER BY 1`).all() as Row[]
  db.close()
  return rows
}

function setUp(source: string): string {
  const folder = temporaryFolder()
  copyFileSync(source, join(folder, 'app.db'))
  for (const key of KEYS) createKeyFile(join(folder, `${key}.key`))
  return folder
}

function configure(folder: string, active: number): void {
  const uri = (key: string): string => `key-file:./${key}.key`
  const keyring = { active: uri(KEYS[active]!), decryptOnly: KEYS.slice(0, active).map(uri) }
  const stores = [{ type: 'sqlite', path: './app.db', tables: TABLES }]
  writeFileSync(join(folder, 'kms-rotate.config.json'), JSON.stringify({ ledger: './ledger.db', keyring, stores }))
}

async function done(folder: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await kmsRotate(folder, args)
  expect({ args, code, stderr: code === 0 ? '' : stderr }).toEqual({ args, code: 0, stderr: '' })
  return stdout
}

/** The bytes of the database and of whatever SQLite keeps beside it. */
function filesOf(folder: string): Buffer[] {
  return readdirSync(folder)
    .filter((name) => name.startsWith('app.db'))
    .map((name) => readFileSync(join(folder, name)))
}

/** What must not be found in clear: every value that is long enough not to be there by chance, and that no column left in clear holds as well. */
function secrets(path: string): string[] {
  const db = new Database(path, { readonly: true })
  const sealed = new Set<string>()
  for (const { table, columns } of TABLES) {
    for (const column of columns) {
      for (const value of db.prepare(`SELECT "${column}" FROM "${table}"`).pluck().all())
        if (typeof value === 'string' && value.length >= 8) sealed.add(value)
    }
  }
  const tables = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").pluck().all() as string[]
  const clear: string[] = []
  for (const table of tables) {
    const hidden = TABLES.find((one) => one.table === table)?.columns ?? []
    for (const row of db.prepare(`SELECT * FROM "${table}"`).all() as Row[]) {
      clear.push(
        ...Object.entries(row)
          .filter(([name]) => !hidden.includes(name))
          .map(([, value]) => String(value)),
      )
    }
  }
  db.close()
  const text = clear.join('\n')
  return [...sealed].filter((value) => !text.includes(value))
}

test('Chinook: seal, rotate four times, verify, retire: every value comes back with its type, and none is left in clear', async (context) => {
  const source = corpus(context, 'sqlite', 'Chinook_Sqlite.sqlite')
  const folder = setUp(source)
  const path = join(folder, 'app.db')
  const hidden = secrets(source)
  expect(hidden.length).toBeGreaterThan(150)
  expect(hidden.every((value) => readFileSync(source).includes(value))).toBe(true)

  for (const active of KEYS.keys()) {
    configure(folder, active)
    await done(folder, 'plan', '--out', `plan-${active}.json`)
    await done(folder, 'run', `plan-${active}.json`)
    await done(folder, 'verify', '--full')
    if (active > 0) await done(folder, 'retire', `key-file:${KEYS[active - 1]!}`)
    for (const bytes of filesOf(folder)) for (const value of hidden) expect(bytes.includes(value), 'a plaintext is left').toBe(false)
  }
  const status = JSON.parse(await done(folder, 'status', '--json')) as { stores: { plaintext: number; byKey: Record<string, number> }[] }
  for (const { plaintext, byKey } of status.stores) expect([plaintext, Object.keys(byKey)]).toEqual([0, ['key-file:k4']])
  await allComesBack(source, path, join(folder, 'k4.key'))
})

async function allComesBack(source: string, path: string, key: string): Promise<void> {
  const keyring = createKeyring({ active: keyFile(key) })
  const db = new Database(path)
  for (const { table, id, columns } of TABLES) {
    const sealed = sealedTable(db, { table, id, columns, keyring })
    // Back in place in clear, by SQL and not by this library, so that SQLite itself compares type and bytes.
    const rows = (await sealed.all()) as Row[]
    const update = db.prepare(`UPDATE "${table}" SET ${columns.map((column) => `"${column}" = ?`).join(', ')} WHERE "${id}" = ?`)
    for (const row of rows) update.run(...columns.map((column) => row[column]), row[id])
  }
  db.close()
  for (const { table } of TABLES) expect(cells(path, table)).toEqual(cells(source, table))
  const others = new Database(source, { readonly: true })
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")
    .pluck()
    .all() as string[]
  for (const table of others) expect(cells(path, table)).toEqual(cells(source, table))
}

test('Chinook: while another connection reads an older state, run ends with 2 and names what remains; the next run cleans up', async (context) => {
  const folder = setUp(corpus(context, 'sqlite', 'Chinook_Sqlite.sqlite'))
  const email = 'luisg@embraer.com.br'
  configure(folder, 0)
  const other = new Database(join(folder, 'app.db'))
  other.pragma('journal_mode = WAL')
  const reading = other.prepare('SELECT * FROM Track').iterate()
  reading.next()
  const { code, stdout, stderr } = await kmsRotate(folder, ['run'])
  expect(code).toBe(2)
  expect(stdout + stderr).toMatch(/write-ahead log .* another connection/)
  expect(filesOf(folder).some((bytes) => bytes.includes(email))).toBe(true)
  reading.return?.()
  other.close()
  await done(folder, 'run')
  expect(filesOf(folder).some((bytes) => bytes.includes(email))).toBe(false)
})

test.each(['wal', 'delete'])('Chinook, journal_mode=%s: a connection that is open and idle keeps nothing back', async (mode) => {
  const source = join(corporaFolder(), 'sqlite', 'Chinook_Sqlite.sqlite')
  if (!existsSync(source)) return
  const folder = setUp(source)
  configure(folder, 0)
  const other = new Database(join(folder, 'app.db'))
  other.pragma(`journal_mode = ${mode}`)
  other.prepare('SELECT * FROM Customer').all()
  await done(folder, 'run')
  expect(filesOf(folder).some((bytes) => bytes.includes('luisg@embraer.com.br'))).toBe(false)
  other.close()
})
