import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { startFrom } from '../src/command.ts'

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))

test('the command prints where it listens, serves, and ends when it is told to', async () => {
  const child = spawn(process.execPath, [main, '--faults', '{"throttleEvery":1}'], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string]
  const answer = await fetch(line.trim(), { method: 'POST', headers: { 'x-amz-target': 'TrentService.ListAliases' }, body: '{}' })
  expect(await answer.json()).toMatchObject({ __type: 'ThrottlingException' })
  child.kill('SIGTERM')
  expect(await once(child, 'exit')).toEqual([0, null])
})

test('its options are those of the import', async () => {
  const emulator = await startFrom(['--region', 'eu-west-1', '--latency-ms', '1', '--faults', '{"deny":["CreateKey"]}'])
  const create = () =>
    fetch(emulator!.endpoint, { method: 'POST', headers: { 'x-amz-target': 'TrentService.CreateKey' }, body: '{}' }).then((answer) => answer.json())
  expect(await create()).toMatchObject({ __type: 'AccessDeniedException' })
  emulator!.setFaults({})
  expect(await create()).toMatchObject({ KeyMetadata: { Arn: expect.stringContaining(':eu-west-1:') as string } })
  const { port } = new URL(emulator!.endpoint)
  await expect(startFrom(['--port', port])).rejects.toThrow('EADDRINUSE')
  await emulator!.close()
})

test('--help shows the options and starts nothing', async () => {
  expect(await startFrom(['--help'])).toBeUndefined()
  const { status, stdout } = spawnSync(process.execPath, [main, '--help'], { encoding: 'utf8' })
  expect([status, stdout]).toEqual([0, expect.stringContaining('keyfold-kms-emulator [--port N]')])
})

test.each([
  ['--port', 'http'],
  ['--faults', 'slow'],
  ['--faults', '{"slow":1}'],
  ['--prot', '1'],
])('a wrong argument (%s %s) is a usage error', (...args) => {
  const { status, stderr } = spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' })
  expect(status).toBe(64)
  expect(stderr).toContain('keyfold-kms-emulator [--port N]')
})
