import { createBranchKeys, memoryBranchKeyStore, open, openTextSync, seal, sealSync } from '@keyfold/core'
import { testBranchKeyStore } from '@keyfold/core/testing'
import type { Case } from './case.ts'
import { hex, refused, same } from './case.ts'
import { sharedKeyring } from './keys.ts'

const CONTEXT = { tenant: 'b\u{1f600}', id: '1' }

export function branchKeyCases(): Case[] {
  const kit: Case[] = []
  testBranchKeyStore({ test: (name, run) => kit.push({ name, run }), store: () => memoryBranchKeyStore() })
  return [...kit, ROUND_TRIP]
}

const ROUND_TRIP: Case = {
  name: 'branch keys: records of a tenant come back in another process, at once where the key is at hand, and not for another tenant',
  async run() {
    const options = { keyring: sharedKeyring(), store: memoryBranchKeyStore(), partition: { by: 'tenant' } }
    const [here, there] = [createBranchKeys(options), createBranchKeys(options)]
    const envelope = await seal(here, 'under a branch key', CONTEXT)
    same(hex(await open(there, envelope, CONTEXT)), hex(new TextEncoder().encode('under a branch key')))
    same(openTextSync(here, sealSync(here, 'at once', CONTEXT), CONTEXT), 'at once')
    await refused('ERR_BRANCH_KEY_LOCKED', () => sealSync(here, 'x', { ...CONTEXT, tenant: 'c' }))
    await refused('ERR_NOT_AUTHENTIC', () => open(there, envelope, { ...CONTEXT, id: '2' }))
  },
}
