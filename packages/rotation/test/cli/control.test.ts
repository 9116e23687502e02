import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { Finished } from './process.ts'
import { documents, kmsRotate } from './process.ts'
import type { Workspace } from './workspace.ts'
import { workspace } from './workspace.ts'

/** Asks again until a run is alive to be asked, as somebody at a second terminal would. */
async function until(folder: string, args: readonly string[], code: number): Promise<Finished> {
  for (;;) {
    const finished = await kmsRotate(folder, args)
    if (finished.code === code) return finished
    await delay(20)
  }
}

/** A run that does not end while another terminal acts. */
function longRun({ folder }: Workspace): Promise<Finished> {
  return kmsRotate(folder, ['run', '--json', '--batch', '1'])
}

describe('a second terminal', () => {
  test('abuse 31: a second run is told 11 and who holds the lease; pause and resume reach the first, which then ends with 0', async () => {
    const made = workspace(1500)
    const run = longRun(made)
    const paused = await until(made.folder, ['pause'], 0)
    expect(paused.stdout).toBe('the run waits once its batch is done\n')
    const second = await kmsRotate(made.folder, ['run'])
    expect([second.code, second.stdout]).toEqual([11, ''])
    expect(second.stderr).toMatch(/^error: another run is under way: process \d+ on \S+, since 20\d\d-.*\nhint: {2}Wait for it.*\ncode: {2}ERR_LEASE_HELD\n$/)
    expect(await kmsRotate(made.folder, ['resume', '--json'])).toMatchObject({ code: 0, stderr: '' })
    const { code, stdout } = await run
    expect([code, documents(stdout).at(-1)]).toMatchObject([0, { outcome: 'done', pending: 0 }])
  })

  test('cancel ends the first with 130, and what it did stays done', async () => {
    const made = workspace(1500)
    const run = longRun(made)
    expect((await until(made.folder, ['cancel'], 0)).stdout).toBe('the run ends once its batch is done\n')
    const { code, stdout } = await run
    const report = documents(stdout).at(-1)!
    expect([code, report['outcome']]).toEqual([130, 'cancelled'])
    const [{ left }] = made.sql("SELECT count(*) AS left FROM customers WHERE typeof(email) = 'text' AND email NOT LIKE 'kf%'") as [{ left: number }]
    expect(left).toBeGreaterThan(0)
    expect(await kmsRotate(made.folder, ['cancel'])).toMatchObject({ code: 1, stderr: expect.stringContaining('ERR_ROTATION_MISSING') as string })
    expect((await kmsRotate(made.folder, ['run'])).code).toBe(0)
  })

  test('a run that was killed with SIGKILL is in nobody’s way: the next one goes on at once', async () => {
    const made = workspace(1500)
    let kill = (): void => undefined
    const run = kmsRotate(made.folder, ['run', '--batch', '1'], { onStart: (child) => (kill = () => void child.kill('SIGKILL')) })
    await until(made.folder, ['pause'], 0)
    kill()
    expect((await run).code).toBeNull()
    expect((await kmsRotate(made.folder, ['run'])).code).toBe(6)
    expect((await kmsRotate(made.folder, ['resume'])).stdout).toBe('no longer paused: kms-rotate run goes on\n')
    expect(await kmsRotate(made.folder, ['run'])).toMatchObject({ code: 0 })
  })
})
