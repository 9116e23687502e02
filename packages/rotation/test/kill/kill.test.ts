import { join } from 'node:path'
import { repositoryRoot, requireOrSkip, temporaryFolder } from '@keyfold/test-support'
import { afterEach, expect, test } from 'vitest'
import type { CampaignResult } from './campaign.ts'
import { runCampaign } from './campaign.ts'
import { canStrace, killAll } from './victim.ts'

// Where all has to be shown, 200 kills; else enough to notice what breaks. `npm run kill-test` kills 2,000 runs of the command as built.
const full = process.env['KEYFOLD_REQUIRE_ALL'] === '1'

/** The command from its sources. */
async function campaign(kills: number, traced: number): Promise<CampaignResult> {
  const program = {
    options: ['--conditions=@keyfold/source', '--disable-warning=ExperimentalWarning'],
    main: join(repositoryRoot, 'packages/rotation/src/cli/main.ts'),
    env: { ...process.env, NODE_COMPILE_CACHE: temporaryFolder() },
  }
  return runCampaign({ program, kills, traced, rows: full ? 10_000 : 3000, batch: 100, seed: kills, lanes: 2 })
}

afterEach(() => killAll())

const PATIENCE = { timeout: 900_000 }

test('abuse 30: killed at random moments beside a writing application, rotations lose nothing and write nothing twice', PATIENCE, async () => {
  const { kills, onTwoThreads, phases, databases, cells, acknowledged } = await campaign(full ? 120 : 24, 0)
  const figures = `${cells} cells opened; ${onTwoThreads} on two threads; ${[...phases].join(' ')}`
  console.log(`killed ${kills} runs by time over ${databases} databases: ${figures}`)
  // two databases at a time: the last kills of both may come together
  expect(kills).toBeGreaterThanOrEqual(full ? 120 : 24)
  expect([onTwoThreads > kills / 5, onTwoThreads < kills]).toEqual([true, true])
  expect(phases.get('rows')).toBeGreaterThan(0)
  expect(acknowledged).toBeGreaterThan(kills)
})

test('abuse 27 and abuse 30: killed at their n-th writing call, rotations lose nothing and write nothing twice', PATIENCE, async (context) => {
  requireOrSkip(context, canStrace(), 'strace is not installed or may not trace (Debian: strace)')
  const { kills, onTwoThreads, databases, cells, phases } = await campaign(full ? 80 : 16, 1)
  const figures = `${cells} cells opened; ${onTwoThreads} on two threads; ${[...phases].join(' ')}`
  console.log(`killed ${kills} runs at a call over ${databases} databases: ${figures}`)
  // two databases at a time: the last kills of both may come together
  expect(kills).toBeGreaterThanOrEqual(full ? 80 : 16)
  expect([onTwoThreads > kills / 5, onTwoThreads < kills]).toEqual([true, true])
  expect(phases.get('ledger commit')).toBeGreaterThan(1)
  expect(phases.get('rows')).toBeGreaterThan(1)
})
