/** Several processes on one file of branch keys, and processes that are killed. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { temporaryFolder } from '@keyfold/test-support'
import { expect, test } from 'vitest'
import { fileBranchKeyStore } from '../../src/branch-key-file.ts'
import type { StoredBranchKey } from '../../src/index.ts'

/** As file-store-child.ts prints it. */
const nameOf = ({ version, keyId }: StoredBranchKey): string => `${version} ${Buffer.from(keyId).toString('hex')}`
const place = (): string => join(temporaryFolder(), 'branch-keys.log')

const child = join(import.meta.dirname, 'file-store-child.ts')
const start = (path: string, name: string) => {
  const started = spawn(process.execPath, ['--conditions=@keyfold/source', child, path, name], { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  started.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  const ended = new Promise<string>((resolve) => started.on('close', () => resolve(output)))
  return { ended, running: () => started.exitCode === null, kill: () => started.kill('SIGKILL'), lines: () => output.split('\n').filter(Boolean) }
}

test('four that make the same versions at once: each version has one winner, whose key all see', async () => {
  const path = place()
  const outputs = await Promise.all(['1', '2', '3', '4'].map((name) => start(path, name).ended))
  const won = outputs.flatMap((output) => output.split('\n').filter(Boolean))
  const store = fileBranchKeyStore(path)
  const versions = store.versions('p')
  expect(versions).toHaveLength(50)
  expect(won.length).toBe(50)
  expect(new Set(won)).toEqual(new Set(versions.map(nameOf)))
})

test('killed at any moment, what was acknowledged is there', async () => {
  const path = place()
  const acknowledged: string[] = []
  for (let round = 0; round < 5; round++) {
    const running = start(path, String(round))
    while (running.running() && running.lines().length < 3 + round) await new Promise((resolve) => setTimeout(resolve, 5))
    running.kill()
    await running.ended
    acknowledged.push(...running.lines())
  }
  const versions = new Set(fileBranchKeyStore(path).versions('p').map(nameOf))
  for (const line of acknowledged) expect(versions).toContain(line)
})
