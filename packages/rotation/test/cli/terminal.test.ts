import { spawn, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { requireOrSkip } from '@keyfold/test-support'
import { expect, test } from 'vitest'
import { collect } from './process.ts'
import { workspace } from './workspace.ts'

const MAIN = join(import.meta.dirname, '../../src/cli/main.ts')
const ESCAPE = '\u001B'

/** Runs the command on a terminal, which `script` of util-linux makes. */
async function onTerminal(folder: string, command: string, env: Record<string, string>): Promise<string> {
  const line = `'${process.execPath}' --conditions=@keyfold/source '${MAIN}' ${command}`
  const child = spawn('script', ['-qec', line, '/dev/null'], {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '', TERM: 'xterm', ...env },
  })
  child.stdin.end()
  return (await collect(child)).stdout
}

const hasScript = spawnSync('script', ['--version']).status === 0

test('a terminal gets a bar with rate, and colour unless NO_COLOR is set', async (context) => {
  requireOrSkip(context, hasScript, 'no `script` of util-linux')
  const { folder } = workspace(2000)
  const bar = await onTerminal(folder, 'run', {})
  expect(bar).toMatch(/█+.*100% {2}rotated 3,800 of 3,800 records, [\d,]+\/s/)
  expect(await onTerminal(folder, 'retire key-file:none', {})).toContain(`${ESCAPE}[1;31merror:`)
  expect(await onTerminal(folder, 'retire key-file:none', { NO_COLOR: '1' })).not.toContain(ESCAPE)
})

test('CI and a dumb terminal get lines without escape codes', async (context) => {
  requireOrSkip(context, hasScript, 'no `script` of util-linux')
  for (const env of [{ CI: 'true' }, { TERM: 'dumb' }]) {
    const { folder } = workspace(100)
    const text = await onTerminal(folder, 'run', env)
    expect(text).toContain('rotated 190 of 190 records')
    expect(text).not.toContain(ESCAPE)
  }
})
