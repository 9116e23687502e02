import { expect, test } from 'vitest'
import { kmsRotate } from './process.ts'
import { workspace } from './workspace.ts'

test('a table and a column that were renamed after sealing are still what they were sealed as', async () => {
  const { folder, configure, sql } = workspace()
  expect((await kmsRotate(folder, ['run'])).code).toBe(0)
  sql('ALTER TABLE customers RENAME TO kunden')
  sql('ALTER TABLE kunden RENAME COLUMN email TO cust_email')
  configure((config) => {
    const tables = [{ table: { customers: 'kunden' }, id: 'customer_id', columns: { email: 'cust_email', phone: 'phone' } }]
    Object.assign(config.stores[0]!, { tables })
    config.keyring = { active: 'key-file:./second.key', decryptOnly: ['key-file:./first.key'] }
  })
  expect((await kmsRotate(folder, ['run'])).code).toBe(0)
  expect((await kmsRotate(folder, ['verify', '--full'])).code).toBe(0)
  expect((await kmsRotate(folder, ['retire', 'key-file:first'])).code).toBe(0)
})
