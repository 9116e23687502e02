/** Commands that are refused leave every file of the folder as it was, byte for byte. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createOldLedger } from '../kill/old-ledger.ts'
import { kmsRotate } from './process.ts'
import type { Workspace } from './workspace.ts'
import { workspace } from './workspace.ts'

/** The exit code and the error's code of a command, which wrote nothing. */
async function refused({ folder, snapshot }: Workspace, ...args: string[]): Promise<unknown[]> {
  const before = snapshot()
  const { code, stderr } = await kmsRotate(folder, args)
  expect(snapshot()).toEqual(before)
  return [code, /code: {2}(\w+)/.exec(stderr)?.[1]]
}

describe('no file changes', () => {
  test('where a plan no longer fits, not even a ledger of an older release, which a run would bring up to date', async () => {
    const made = workspace()
    createOldLedger(join(made.folder, 'ledger.db'))
    await kmsRotate(made.folder, ['plan', '--out', 'plan.json'])
    made.configure(({ keyring }) => keyring.decryptOnly.push('key-file:./second.key'))
    expect(await refused(made, 'run', 'plan.json')).toEqual([14, 'ERR_PLAN_STALE'])
    expect((await kmsRotate(made.folder, ['run'])).code).toBe(0)
  })

  test('where approvals are asked for that this release cannot check', async () => {
    const made = workspace()
    made.configure((config) => (config.policy = { approvals: 1 }))
    expect(await refused(made, 'run')).toEqual([14, 'ERR_POLICY_UNSUPPORTED'])
  })

  test('where there is no ledger, so that a rollback has nothing to reverse', async () => {
    const made = workspace()
    await kmsRotate(made.folder, ['run'])
    rmSync(join(made.folder, 'ledger.db'))
    expect(await refused(made, 'rollback', '--reason', 'x')).toEqual([14, 'ERR_ROLLBACK_REFUSED'])
  })
})
