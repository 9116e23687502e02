import { expect, test } from 'vitest'
import { kmsRotate } from './process.ts'
import { workspace } from './workspace.ts'

test.each([
  ['its table was dropped', 'DROP TABLE customers', 'ERR_TABLE_NOT_FOUND', 64],
  ['its column was renamed', 'ALTER TABLE customers RENAME COLUMN phone TO mobile', 'ERR_TABLE_COLUMN', 64],
  ['a trigger that sees its column was made', 'CREATE TRIGGER t AFTER UPDATE ON customers BEGIN SELECT new.phone; END', 'ERR_STORE_UNSUITED', 1],
])('a plan whose database has changed since, so that %s, is not run, and nothing is written', async (_, change, code, exit) => {
  const { folder, sql, snapshot } = workspace()
  await kmsRotate(folder, ['plan', '--out', 'p.json'])
  sql(change)
  const before = snapshot()
  for (const args of [['run', 'p.json'], ['plan'], ['run']]) {
    const refused = await kmsRotate(folder, args)
    expect([refused.code, /code: {2}(\w+)/.exec(refused.stderr)?.[1]]).toEqual([exit, code])
  }
  expect(snapshot()).toEqual(before)
})
