import { requireOrSkip } from '@keyfold/test-support'
import { expect, test } from 'vitest'
import { hasTerminal, runOnTerminal } from './terminal.ts'
import { workspace } from './workspace.ts'

const ESCAPE = '\u001B'

async function onTerminal(folder: string, command: string, env: Record<string, string>): Promise<string> {
  return (await runOnTerminal(folder, command, { env })).stdout
}

test('a terminal gets a bar with rate, and colour unless NO_COLOR is set', async (context) => {
  requireOrSkip(context, hasTerminal, 'no `script` of util-linux')
  const { folder } = workspace(2000)
  const bar = await onTerminal(folder, 'run', {})
  expect(bar).toMatch(/█+.*100% {2}rotated 3,800 of 3,800 records, [\d,]+\/s/)
  expect(await onTerminal(folder, 'retire key-file:none', {})).toContain(`${ESCAPE}[1;31merror:`)
  expect(await onTerminal(folder, 'retire key-file:none', { NO_COLOR: '1' })).not.toContain(ESCAPE)
})

test('CI and a dumb terminal get lines without escape codes', async (context) => {
  requireOrSkip(context, hasTerminal, 'no `script` of util-linux')
  for (const env of [{ CI: 'true' }, { TERM: 'dumb' }]) {
    const { folder } = workspace(100)
    const text = await onTerminal(folder, 'run', env)
    expect(text).toContain('rotated 190 of 190 records')
    expect(text).not.toContain(ESCAPE)
  }
})
