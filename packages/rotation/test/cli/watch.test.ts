import { join } from 'node:path'
import { requireOrSkip } from '@keyfold/test-support'
import Database from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { documents, kmsRotate } from './process.ts'
import { hasTerminal, runOnTerminal } from './terminal.ts'
import { workspace } from './workspace.ts'

const ESCAPE = '\u001B'

/** Watches until `enough` is written, then sends a signal. */
async function watched(folder: string, args: readonly string[], enough: (stdout: string) => boolean, signal: NodeJS.Signals = 'SIGINT') {
  return kmsRotate(folder, ['status', '--watch', ...args], {
    onStart: (child) => {
      let seen = ''
      child.stdout!.on('data', (text: string) => {
        seen += text
        if (enough(seen)) child.kill(signal)
      })
    },
  })
}

const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '')

describe('status --watch', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)('in a pipe is a line each time, without escape codes, and ends with 0 on %s', async (signal) => {
    const { folder } = workspace()
    const { code, stdout, stderr } = await watched(folder, ['--interval', '0.2'], (text) => lines(text).length >= 3, signal)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).not.toContain(ESCAPE)
    for (const line of lines(stdout)) expect(line).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z key-file:first: 0 of 38 records(, 0\/s)?$/)
  })

  test('sees the run that another process makes meanwhile, though there was no ledger before it', async () => {
    const { folder } = workspace(200)
    let run: ReturnType<typeof kmsRotate> | undefined
    const seen = await watched(folder, ['--json', '--interval', '0.2'], (text) => {
      const count = documents(text.slice(0, text.lastIndexOf('\n') + 1))
      if (count.length > 0) run ??= kmsRotate(folder, ['run'])
      return count.at(-1)?.['done'] === 380
    })
    expect((await run)?.code).toBe(0)
    expect(seen.code).toBe(0)
    const [first, last] = [documents(seen.stdout)[0]!, documents(seen.stdout).at(-1)!]
    expect(first).toMatchObject({ schema: 'kms-rotate/1', message_type: 'status', done: 0, total: 380, recordsPerSecond: null, secondsLeft: null })
    expect(last).toMatchObject({ done: 380, total: 380, secondsLeft: 0 })
    expect(last['recordsPerSecond']).toBeGreaterThan(0)
  })

  test('ends when nobody reads any more', async () => {
    const { folder } = workspace(1)
    const { code } = await kmsRotate(folder, ['status', '--watch', '--interval', '0.1'], {
      onStart: (child) => child.stdout!.once('data', () => child.stdout!.destroy()),
    })
    expect(code).toBe(0)
  })

  test('waits where the database is locked, and goes on', async () => {
    const { folder } = workspace(5)
    const db = new Database(join(folder, 'app.db'))
    let locked = false
    const { code, stdout } = await watched(folder, ['--interval', '0.1'], (text) => {
      if (!locked) {
        locked = true
        db.exec('BEGIN EXCLUSIVE')
        setTimeout(() => void db.exec('COMMIT').close(), 6000)
      }
      return lines(text).length >= 3
    })
    expect({ code, enough: lines(stdout).length >= 3 }).toEqual({ code: 0, enough: true })
  })

  test('on a terminal draws over what it drew, with bars, and shows the cursor again at the end', async (context) => {
    requireOrSkip(context, hasTerminal, 'no `script` of util-linux')
    const { folder } = workspace()
    const { code, stdout } = await runOnTerminal(folder, 'status --watch --interval 0.2', { answers: { [`${ESCAPE}[1`]: '\u0003' } })
    expect(code).toBe(0)
    expect(stdout).toMatch(/customers\.email {2}░{12}\s+0 %\s+20\s+20/)
    expect(stdout).toContain(`${ESCAPE}[?25h`)
    expect(stdout).toMatch(new RegExp(`${ESCAPE}\\[\\d+A`))
  })

  test('is refused with --check, and --interval without it', async () => {
    const { folder } = workspace(1)
    for (const args of [['--watch', '--check'], ['--interval', '3'], ['--watch', '--interval', '0'], ['--watch', '--interval', 'soon']])
      expect((await kmsRotate(folder, ['status', ...args])).code).toBe(64)
  })
})
