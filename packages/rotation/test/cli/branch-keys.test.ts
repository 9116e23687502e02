import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from '@keyfold/test-support'
import Database from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { migrate, SCHEMA_VERSION } from '../../src/ledger/schema.ts'
import { documents, kmsRotate } from './process.ts'
import { workspace } from './workspace.ts'
import type { Workspace } from './workspace.ts'

/** A workspace whose records go under branch keys. */
function branched(rows = 20, branchKeys: object = {}): Workspace {
  const bench = workspace(rows)
  bench.configure((config) => (config.branchKeys = { type: 'sqlite', path: './app.db', partition: { by: 'table' }, ...branchKeys }))
  return bench
}

describe('a config with branch keys', () => {
  test.each([
    ['an unknown field', { tabel: 'x' }, /branchKeys: "tabel" is unknown; did you mean "table"\?/],
    ['another kind of store', { type: 'file' }, /branchKeys.type: the only type/],
    ['no partition', { partition: undefined }, /branchKeys.partition: a partition is/],
    ['an empty partition', { partition: '' }, /branchKeys.partition: must not be empty/],
    ['a partition that is too long', { partition: 'x'.repeat(256) }, /branchKeys.partition: has at most 255/],
    ['a partition by what no record has', { partition: { by: 'tenant' } }, /branchKeys.partition: a partition is/],
    ['a partition by two things', { partition: { by: 'table', and: 'id' } }, /branchKeys.partition: "and" is unknown/],
    ['a time to live of no time', { ttlMs: 999 }, /branchKeys.ttlMs: is at least 1000/],
  ])('abuse 39: %s is refused, and nothing is written', async (_, fields, says) => {
    const { folder, snapshot } = branched(3, fields)
    const before = snapshot()
    for (const command of [['status'], ['run'], ['keys', 'list-branches']]) {
      const { code, stderr } = await kmsRotate(folder, command)
      expect({ code, stderr }).toEqual({ code: 64, stderr: expect.stringMatching(says) as string })
    }
    expect(snapshot()).toEqual(before)
  })

  test.each([
    ['a database that is not there', { path: './keys.db' }, 'ERR_SQLITE_FILE_MISSING'],
    ['what is no database', { path: './first.key' }, 'ERR_SQLITE_NOT_A_DATABASE'],
    ['a table of something else', { table: 'customers' }, 'ERR_BRANCH_KEY_TABLE'],
  ])('abuse 39: %s is refused, and nothing is written', async (_, fields, error) => {
    const { folder, snapshot } = branched(3, fields)
    const before = snapshot()
    for (const command of [['status'], ['plan'], ['run']]) {
      const { code, stderr } = await kmsRotate(folder, command)
      expect(code).toBe(64)
      expect(stderr).toContain(error)
    }
    expect(snapshot()).toEqual(before)
  })

  test('4 where the states of keys in the ledger were edited, before a branch key is shown, made or destroyed', async () => {
    const { folder, snapshot } = branched(3)
    await kmsRotate(folder, ['run'])
    const ledger = new Database(join(folder, 'ledger.db'))
    ledger.exec("UPDATE keys SET since = '2020-01-01T00:00:00.000Z'")
    ledger.close()
    const before = snapshot()
    const commands = [['list-branches'], ['rotate-branch', 'customers'], ['destroy-branch', 'customers', '--confirm', 'customers']]
    for (const command of commands) {
      const { code, stderr } = await kmsRotate(folder, ['keys', ...command])
      expect([code, /code: {2}(\w+)/.exec(stderr)?.[1]]).toEqual([4, 'ERR_LEDGER_ALTERED'])
    }
    expect(snapshot()).toEqual(before)
  })

  test('what only looks, changes nothing: status, plan, verify, list', async () => {
    const { folder, snapshot } = branched(3)
    const before = snapshot()
    for (const command of [['status'], ['plan'], ['plan', '--reason', 'compromise'], ['verify', '--full'], ['keys', 'list-branches']])
      expect((await kmsRotate(folder, command)).code).toBe(0)
    expect(snapshot()).toEqual(before)
  })

  test('without branch keys the commands for them say so', async () => {
    const { folder } = workspace(1)
    for (const command of [['list-branches'], ['rotate-branch', 'x'], ['destroy-branch', 'x', '--confirm', 'x']]) {
      const { code, stderr } = await kmsRotate(folder, ['keys', ...command])
      expect(code).toBe(64)
      expect(stderr).toContain('the config has no branchKeys')
    }
  })

  test('a table of their own in a database of their own', async () => {
    const { folder, sql } = branched(5, { path: './keys.db', table: 'kept' })
    new Database(join(folder, 'keys.db')).exec('CREATE TABLE other (a)').close()
    expect((await kmsRotate(folder, ['run'])).code).toBe(0)
    const kept = new Database(join(folder, 'keys.db'), { readonly: true })
    expect(kept.prepare('SELECT "partition" FROM kept').pluck().all()).toEqual(['customers'])
    kept.close()
    expect(sql("SELECT count(*) AS tables FROM sqlite_schema WHERE type = 'table'")).toEqual([{ tables: 1 }])
  })

  test('a plan is bound to it', async () => {
    const { folder, configure } = branched(3)
    expect((await kmsRotate(folder, ['plan', '--out', 'p.json'])).code).toBe(0)
    configure(({ branchKeys }) => Object.assign(branchKeys!, { partition: 'all' }))
    expect((await kmsRotate(folder, ['run', 'p.json'])).code).toBe(14)
  })
})

test('list-branches --json gives one document for each branch key', async () => {
  const { folder } = branched(12, { partition: { by: 'id' } })
  await kmsRotate(folder, ['run'])
  const { stdout } = await kmsRotate(folder, ['keys', 'list-branches', '--json'])
  const found = documents(stdout)
  expect(found).toHaveLength(13)
  expect(found[12]).toMatchObject({ message_type: 'branch_keys', total: 12 })
  expect(found[0]).toMatchObject({ message_type: 'branch_key', version: 1, state: 'live', keys: ['key-file:first'] })
  expect(new Set(found.slice(0, 12).map(({ partition }) => partition)).size).toBe(12)
})

test('destroying ends with 2 while another connection keeps the destroyed bytes in the file, and the same command clears them', async () => {
  const { folder, sql } = branched(5)
  sql('PRAGMA journal_mode = WAL')
  await kmsRotate(folder, ['run'])
  const reader = new Database(join(folder, 'app.db'))
  reader.exec('BEGIN; SELECT count(*) FROM customers')
  const destroy = ['keys', 'destroy-branch', 'customers', '--confirm', 'customers', '--json']
  const held = await kmsRotate(folder, destroy)
  expect(held.code).toBe(2)
  expect(documents(held.stdout)[0]).toMatchObject({
    message_type: 'branch_key_destroyed', partition: 'customers', conditions: [expect.any(String), expect.any(String)],
    remains: [expect.stringMatching(/write-ahead log/)],
  })
  reader.close()
  const cleared = await kmsRotate(folder, destroy)
  expect(cleared.code).toBe(0)
  expect(documents(cleared.stdout)[0]).toMatchObject({ remains: [], masterKeyIds: [] })
})

test('the receipt goes by the time to live of the config', async () => {
  const { folder } = branched(2, { ttlMs: 86_400_000 })
  await kmsRotate(folder, ['run'])
  const { stdout } = await kmsRotate(folder, ['keys', 'destroy-branch', 'customers', '--confirm', 'customers', '--json'])
  const { destroyedAt, cachesExpireAt } = documents(stdout)[0] as { destroyedAt: string; cachesExpireAt: string }
  expect(Date.parse(cachesExpireAt) - Date.parse(destroyedAt)).toBe(86_400_000)
})

test('a damaged row of the table of branch keys: run ends with 3, retire with 7, rotate-branch leaves it, destroy-branch removes it', async () => {
  const { folder, configure, sql } = branched(4)
  await kmsRotate(folder, ['run'])
  sql("UPDATE keyfold_branch_keys SET sealed = x'00'")
  configure(({ keyring }) => Object.assign(keyring, { active: 'key-file:./second.key', decryptOnly: ['key-file:./first.key'] }))
  const run = await kmsRotate(folder, ['run'])
  expect(run.code).toBe(3)
  expect(run.stderr).toMatch(/1 branch key could not be opened[^]*ERR_BRANCH_KEY_STORE/)
  expect((await kmsRotate(folder, ['status'])).stderr).toContain('1 branch key damaged')
  expect((await kmsRotate(folder, ['verify', '--full'])).code).toBe(4)
  expect((await kmsRotate(folder, ['retire', 'key-file:first'])).code).toBe(7)
  expect((await kmsRotate(folder, ['keys', 'destroy-branch', 'customers', '--confirm', 'customers'])).code).toBe(0)
  expect((await kmsRotate(folder, ['run'])).code).toBe(0)
  expect((await kmsRotate(folder, ['retire', 'key-file:first'])).code).toBe(0)
})

test('a master key that is gone: verify says which code, and nothing is taken for destroyed', async () => {
  const { folder, configure } = branched(4)
  await kmsRotate(folder, ['run'])
  configure(({ keyring }) => (keyring.active = 'key-file:./second.key'))
  for (const file of ['first.key', 'ledger.db']) rmSync(join(folder, file))
  const { code, stderr } = await kmsRotate(folder, ['verify', '--full'])
  expect(code).toBe(4)
  expect(stderr).toContain('ERR_KEY_NOT_FOUND')
  expect((await kmsRotate(folder, ['status'])).stderr).toMatch(/records under unknown:[0-9a-f]{24}, a key that neither config nor branch keys have/)
})

test('a ledger of an older release is read as it is, and brought up to date by a run', async () => {
  const { folder, configure } = branched(4)
  await kmsRotate(folder, ['run'])
  const ledger = (statement: string): unknown => {
    const db = new Database(join(folder, 'ledger.db'))
    db.exec(statement)
    const value = db.pragma('user_version', { simple: true })
    db.close()
    return value
  }
  const [key] = new Database(join(folder, 'ledger.db')).prepare('SELECT * FROM keys').raw().all()
  rmSync(join(folder, 'ledger.db'))
  const old = new Database(join(folder, 'ledger.db'))
  migrate(old, new Date(), 2)
  old.prepare('INSERT INTO keys VALUES (?, ?, ?, ?, ?)').run(key)
  old.close()
  configure(({ keyring }) => Object.assign(keyring, { active: 'key-file:./second.key', decryptOnly: ['key-file:./first.key'] }))
  expect((await kmsRotate(folder, ['status'])).code).toBe(0)
  expect(ledger('')).toBe(2)
  expect((await kmsRotate(folder, ['run', '--reason', 'compromise'])).code).toBe(0)
  expect(ledger('INSERT INTO exposed_branch_keys SELECT hex(randomblob(12)), rotation FROM exposed_branch_keys')).toBe(SCHEMA_VERSION)
})

test('a folder of the config’s own is where the path starts', async () => {
  const { folder } = branched(2)
  const { code } = await kmsRotate(temporaryFolder(), ['status', '--config', join(folder, 'kms-rotate.config.json')])
  expect(code).toBe(0)
})
