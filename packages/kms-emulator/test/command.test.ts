import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))

test('the command prints where it listens, serves, and ends when it is told to', async () => {
  const child = spawn(process.execPath, [main, '--faults', '{"throttleEvery":1}'], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string]
  const answer = await fetch(line.trim(), { method: 'POST', headers: { 'x-amz-target': 'TrentService.ListAliases' }, body: '{}' })
  expect(await answer.json()).toMatchObject({ __type: 'ThrottlingException' })
  child.kill('SIGTERM')
  expect(await once(child, 'exit')).toEqual([0, null])
})

test.each([
  ['--port', 'http'],
  ['--faults', 'slow'],
  ['--prot', '1'],
])('a wrong argument (%s %s) is a usage error', (...args) => {
  const { status, stderr } = spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' })
  expect(status).toBe(64)
  expect(stderr).toContain('keyfold-kms-emulator [--port N]')
})
