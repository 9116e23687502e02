import { temporaryFolder } from '@keyfold/test-support'
import { expect, test } from 'vitest'
import { examine, killAndResume } from './campaign.ts'

// Where all has to be shown, the full figure; else enough to notice what breaks.
const full = process.env['KEYFOLD_REQUIRE_ALL'] === '1'
const { kills, rows } = full ? { kills: 100, rows: 20_000 } : { kills: 25, rows: 2_000 }

test.each(['keyring', 'branch-keys'] as const)(
  `abuse 30: killed ${kills} times at random moments, a rotation of ${rows} rows loses none and writes none twice (%s)`,
  { timeout: 900_000 },
  async (keys) => {
    const campaign = { folder: temporaryFolder(), kills: keys === 'keyring' ? kills : Math.ceil(kills / 2), rows, reason: 'rotation', keys } as const
    const result = await killAndResume(campaign)
    const { integrity, wrong, updates } = await examine(campaign, result)
    expect({ integrity, wrong }).toEqual({ integrity: 'ok', wrong: 0 })
    // Two columns, each moved once to every key: the batch that a kill cuts is rolled back, its count with it.
    expect(updates).toEqual([2 * result.phases, 2 * result.phases])
    console.log(`killed ${result.kills} runs over ${result.phases} keys: ${rows} rows, 0 lost`)
  },
)

test.each(['keyring', 'branch-keys'] as const)(
  'abuse 30: a compromise run that is killed writes no cell twice but those of the batch that was cut (%s)',
  { timeout: 300_000 },
  async (keys) => {
    const campaign = { folder: temporaryFolder(), kills: 15, rows: 2000, reason: 'compromise', keys } as const
    const result = await killAndResume(campaign)
    const { integrity, wrong, total } = await examine(campaign, result)
    expect({ integrity, wrong }).toEqual({ integrity: 'ok', wrong: 0 })
    const cells = 2000 + 2000 - Math.floor(2000 / 7)
    expect(total).toBeGreaterThanOrEqual(cells * result.phases)
    expect(total).toBeLessThanOrEqual(cells * result.phases + result.kills * 100)
  },
)
