import { createKeyring, inspect, openText, seal } from '@keyfold/core'
import { testKeyWrapper } from '@keyfold/core/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { TransitServer } from '../vault-transit/transit-server.ts'
import { startTransit } from '../vault-transit/transit-server.ts'
import { vaultTransit } from '../vault-transit/vault-transit.ts'

let vault: TransitServer
beforeAll(async () => void (vault = await startTransit('payroll', 'audit')))
afterAll(() => vault.close())

const key = (name = 'payroll') => vaultTransit({ address: vault.address, key: name, token: () => vault.token })
const row = { table: 'users', column: 'ssn', id: '42' }

testKeyWrapper({
  test,
  wrapper: () => key(),
  other: () => key('audit'),
  unreachable: () => vaultTransit({ address: 'http://127.0.0.1:1', key: 'payroll', token: () => 'none' }),
  denied: () => vaultTransit({ address: vault.address, key: 'payroll', token: () => 'wrong' }),
})

test('a new version of the key shows in the material id, and older records open', async () => {
  const keyring = createKeyring({ active: key() })
  const before = await seal(keyring, 'secret', row)
  vault.rotate('payroll')
  const after = await seal(keyring, 'secret', row)
  expect([before, after].map((envelope) => inspect(envelope).entries[0]!.materialId)).toEqual(['000000000001', '000000000002'])
  for (const envelope of [before, after]) expect(await openText(keyring, envelope, row)).toBe('secret')
})

test('a batch is one request', async () => {
  const contexts = Array.from({ length: 500 }, () => ({ bytes: new Uint8Array(0), pairs: [] }))
  const before = vault.requests()
  const wraps = await key().wrapMany(contexts.map(() => new Uint8Array(32)), contexts)
  await key().unwrapMany(wraps, contexts)
  expect(vault.requests() - before).toBe(2)
})

test('a key that Vault does not have is named as such', async () => {
  await expect(seal(createKeyring({ active: key('absent') }), 'x', row)).rejects.toMatchObject({ code: 'ERR_KEY_NOT_FOUND' })
})
