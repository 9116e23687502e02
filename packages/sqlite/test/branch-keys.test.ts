import type { SyncKeyWrapper } from '@keyfold/core'
import { createBranchKeys, createKeyring, isSealed, openText, seal } from '@keyfold/core'
import { createKeyFile, keyFile } from '@keyfold/core/key-file'
import { temporaryFolder } from '@keyfold/test-support'
import Database from 'better-sqlite3'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { openDatabase, sealedTable, sqliteBranchKeyStore } from '../src/index.ts'
import { errorOf, newDatabase, newKey, rejectionOf, remote } from './support.ts'

const USERS = { table: 'users', id: 'id', columns: ['ssn'] }

function users(): Database.Database {
  return newDatabase('PRAGMA journal_mode = WAL; CREATE TABLE users (id INTEGER PRIMARY KEY, ssn TEXT, city TEXT)')
}

/** As a process that has the database and the master key. */
function branchKeys(db: Database.Database, key: SyncKeyWrapper, partition: string | { by: string } = { by: 'table' }) {
  return createBranchKeys({ keyring: createKeyring({ active: remote(key) }), store: sqliteBranchKeyStore(db), partition })
}

describe('a sealed table under branch keys', () => {
  test('takes them as its keyring, and keeps its branch key in the same database', async () => {
    const [db, key] = [users(), newKey()]
    const table = sealedTable(db, { ...USERS, keyring: branchKeys(db, key) })
    await table.put(1, { ssn: '078-05-1120', city: 'Berlin' })
    expect(await table.insert({ ssn: 'two' })).toBe(2)
    expect(isSealed(db.prepare('SELECT ssn FROM users').pluck().get())).toBe(true)
    expect(db.prepare('SELECT "partition", version FROM keyfold_branch_keys').raw().all()).toEqual([['users', 1]])
    const elsewhere = sealedTable(db, { ...USERS, keyring: branchKeys(db, key) })
    expect(await elsewhere.get(1)).toEqual({ id: 1, ssn: '078-05-1120', city: 'Berlin' })
  })

  test('is sync once its partition is unlocked, also where the master key is remote; before that it says so', async () => {
    const [db, key] = [users(), newKey()]
    const keyring = branchKeys(db, key)
    const table = sealedTable(db, { ...USERS, keyring })
    const locked = errorOf(() => table.putSync(1, { ssn: 'x' }))
    expect(locked.code).toBe('ERR_BRANCH_KEY_LOCKED')
    expect(locked.message).toContain('users.ssn')
    expect(db.prepare('SELECT count(*) FROM users').pluck().get()).toBe(0)
    await keyring.unlock(['users'])
    db.transaction(() => {
      table.putSync(1, { ssn: 'one' })
      expect(table.insertSync({ ssn: 'two' })).toBe(2)
    })()
    expect(table.getSync(1)).toMatchObject({ ssn: 'one' })
    expect(table.allSync()).toHaveLength(2)
    expect([...table.iterateSync()].map((row) => row['ssn'])).toEqual(['one', 'two'])
    const cold = sealedTable(db, { ...USERS, keyring: branchKeys(db, key) })
    expect(errorOf(() => cold.getSync(1)).code).toBe('ERR_BRANCH_KEY_LOCKED')
  })

  test('a transaction that is rolled back takes its rows with it, and not the branch key', async () => {
    const [db, key] = [users(), newKey()]
    const keyring = branchKeys(db, key)
    const table = sealedTable(db, { ...USERS, keyring })
    await keyring.unlock(['users'])
    expect(() => db.transaction(() => {
      table.putSync(1, { ssn: 'one' })
      throw new Error('rolled back')
    })()).toThrow('rolled back')
    await table.put(1, { ssn: 'again' })
    expect(await sealedTable(db, { ...USERS, keyring: branchKeys(db, key) }).get(1)).toMatchObject({ ssn: 'again' })
  })

  test('sealing within a transaction that the application holds open makes no branch key; unlocked before, it needs none', async () => {
    const [db, key] = [users(), newKey()]
    db.exec('BEGIN')
    const same = sealedTable(db, { ...USERS, keyring: branchKeys(db, key) })
    expect((await rejectionOf(same.put(1, { ssn: 'x' }))).code).toBe('ERR_SQLITE_TRANSACTION')
    db.exec('ROLLBACK')
    const keyring = branchKeys(db, key)
    await keyring.unlock(['users'])
    db.exec('BEGIN')
    await sealedTable(db, { ...USERS, keyring }).put(1, { ssn: 'kept' })
    db.exec('COMMIT')
    expect(await sealedTable(db, { ...USERS, keyring: branchKeys(db, key) }).get(1)).toMatchObject({ ssn: 'kept' })
  })

  test('options of another kind than a key source are refused', () => {
    for (const keyring of [{}, { sealingKeys: () => [] }, { openingKey: () => undefined }, null, 'key'])
      expect(errorOf(() => sealedTable(users(), { ...USERS, keyring } as never)).message).toMatch(/createBranchKeys/)
  })
})

describe('a row of the table of branch keys that somebody edits', () => {
  /** Two partitions with a record each; then the rows are edited. */
  async function edited(...statements: string[]) {
    const [db, key] = [users(), newKey()]
    const keys = branchKeys(db, key, { by: 'tenant' })
    const contexts = [{ tenant: 'a' }, { tenant: 'b' }] as const
    const envelopes = await Promise.all(contexts.map((context) => seal(keys, `of ${context.tenant}`, context)))
    for (const statement of statements) db.exec(statement)
    const cold = branchKeys(db, key, { by: 'tenant' })
    const codes = contexts.map(async (context, i) => openText(cold, envelopes[i]!, context).catch((error: { code: string }) => error.code))
    const sealing = contexts.map(async (context) => seal(cold, 'new', context).then(() => 'sealed', (error: { code: string }) => error.code))
    return { opening: await Promise.all(codes), sealing: await Promise.all(sealing), db, key, keys, envelopes }
  }

  const swapped = `CREATE TEMP TABLE old AS SELECT "partition" AS p, sealed AS s FROM keyfold_branch_keys;
    UPDATE keyfold_branch_keys SET sealed = (SELECT s FROM old WHERE p <> "partition")`
  const other = "CASE substr(hex(sealed), 101, 2) WHEN '00' THEN '01' ELSE '00' END"
  const oneByte = `UPDATE keyfold_branch_keys SET sealed = unhex(substr(hex(sealed), 1, 100) || ${other} || substr(hex(sealed), 103))`

  test.each([
    ['one byte of what is sealed', oneByte],
    ['its version', 'UPDATE keyfold_branch_keys SET version = 2'],
    ['its time', 'UPDATE keyfold_branch_keys SET created_at = created_at + 1'],
    ['its sealed bytes, swapped with those of another partition', swapped],
  ])('%s: nothing opens, and nothing is sealed', async (_, statement) => {
    const { opening, sealing } = await edited(statement)
    expect(opening).toEqual(['ERR_BRANCH_KEY_STORE', 'ERR_BRANCH_KEY_STORE'])
    expect(sealing).toEqual(['ERR_BRANCH_KEY_STORE', 'ERR_BRANCH_KEY_STORE'])
  })

  test('its partition, swapped with another: nothing opens, and nothing is sealed', async () => {
    const rename = (from: string, to: string): string => `UPDATE keyfold_branch_keys SET "partition" = '${to}' WHERE "partition" = '${from}'`
    const { opening, sealing } = await edited(rename('a', 'c'), rename('b', 'a'), rename('c', 'b'))
    expect(opening).toEqual(['ERR_BRANCH_KEY_STORE', 'ERR_BRANCH_KEY_STORE'])
    expect(sealing).toEqual(['ERR_BRANCH_KEY_STORE', 'ERR_BRANCH_KEY_STORE'])
  })

  test('deleted: its record is under an unknown key; the other one opens', async () => {
    const { opening, sealing } = await edited('DELETE FROM keyfold_branch_keys WHERE "partition" = \'a\'')
    expect(opening).toEqual(['ERR_KEY_NOT_FOUND', 'of b'])
    expect(sealing).toEqual(['sealed', 'sealed'])
  })

  test('rolled back to an older copy: a process that saw the newer version refuses to seal under the older one', async () => {
    const { db, key } = await edited()
    const running = branchKeys(db, key, 'one')
    await running.unlock(['one'])
    const before = db.prepare('SELECT * FROM keyfold_branch_keys WHERE "partition" = ?').raw().all('one')
    await running.rotate('one')
    db.exec('DELETE FROM keyfold_branch_keys WHERE "partition" = \'one\'')
    for (const row of before) db.prepare('INSERT INTO keyfold_branch_keys VALUES (?, ?, ?, ?, ?)').run(row)
    expect((await rejectionOf(running.rotate('one'))).code).toBe('ERR_BRANCH_KEY_STORE')
  })

  test('marked as destroyed and brought back by SQL: it opens again, since its bytes are authentic', async () => {
    const { db, key, envelopes } = await edited()
    const [sealed] = db.prepare('SELECT sealed FROM keyfold_branch_keys WHERE "partition" = \'a\'').pluck().all()
    db.exec('UPDATE keyfold_branch_keys SET sealed = NULL WHERE "partition" = \'a\'')
    const opens = () => openText(branchKeys(db, key, { by: 'tenant' }), envelopes[0]!, { tenant: 'a' })
    expect((await rejectionOf(opens())).code).toBe('ERR_BRANCH_KEY_DESTROYED')
    db.prepare('UPDATE keyfold_branch_keys SET sealed = ? WHERE "partition" = \'a\'').run(sealed)
    expect(await opens()).toBe('of a')
  })

  test('the constraints keep out what is no branch key', () => {
    const db = users()
    sqliteBranchKeyStore(db).insert({ partition: 'a', version: 1, keyId: new Uint8Array(12), createdAt: 1, sealed: new Uint8Array(3) })
    for (const change of ["key_id = x'00'", 'version = 0', "version = 'two'", '"partition" = NULL', "sealed = 'text'", 'created_at = 1.5'])
      expect(() => db.exec(`UPDATE keyfold_branch_keys SET ${change}`)).toThrow(/constraint|cannot store/)
  })
})

test('abuse 41: processes that race for the same cold partitions make one branch key each, and every record opens', async () => {
  const folder = temporaryFolder()
  const [path, key] = [join(folder, 'app.db'), join(folder, 'k.key')]
  new Database(path).exec('PRAGMA journal_mode = WAL; CREATE TABLE t (a)').close()
  createKeyFile(key)
  const start = String(Date.now() + 3000)
  const racers = await Promise.all(['one', 'two', 'three'].map((name) => run([path, key, name, start])))
  const db = await openDatabase(path)
  const store = sqliteBranchKeyStore(db)
  onTestFinished(() => store.close())
  expect(store.list({ limit: 100 }).map(({ version }) => version)).toEqual(Array.from({ length: 20 }, () => 1))
  const keys = createBranchKeys({ keyring: createKeyring({ active: keyFile(key) }), store, partition: { by: 'tenant' } })
  let opened = 0
  for (const [i, text] of racers.entries()) {
    for (const [context, sealed] of JSON.parse(text) as Array<[Record<string, string>, string]>) {
      expect(await openText(keys, Buffer.from(sealed, 'base64'), context)).toBe(`record ${context['tenant']} of ${['one', 'two', 'three'][i]}`)
      opened++
    }
  }
  expect(opened).toBe(60)
})

/** What the child prints. */
async function run(args: readonly string[]): Promise<string> {
  const script = join(import.meta.dirname, 'children/branch-key-race.ts')
  const child = spawn(process.execPath, ['--conditions=@keyfold/source', '--disable-warning=ExperimentalWarning', script, ...args])
  let [output, complaints] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaints += text))
  const code = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve))
  if (code !== 0) throw new Error(complaints)
  return output
}
