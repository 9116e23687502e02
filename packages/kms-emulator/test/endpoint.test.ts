import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { repositoryRoot } from '@keyfold/test-support'
import { expect, test } from 'vitest'

const main = join(repositoryRoot, 'packages/kms-emulator/src/main.ts')
const vitest = join(repositoryRoot, 'node_modules/vitest/vitest.mjs')

/** The environment of somebody who starts the tests by hand. */
function environment(endpoint: string): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !/^(?:VITEST|NODE_ENV|NODE_V8_COVERAGE|AWS_)/.test(name))
  const credentials = { AWS_ACCESS_KEY_ID: 'emulated', AWS_SECRET_ACCESS_KEY: 'emulated' }
  return { ...Object.fromEntries(own), ...credentials, KEYFOLD_KMS_ENDPOINT: endpoint, NO_COLOR: '1' }
}

test('the tests of core pass against the command in a process of its own, and say what they leave out', { timeout: 300_000 }, async () => {
  const emulator = spawn(process.execPath, [main], { stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    const [line] = (await once(emulator.stdout.setEncoding('utf8'), 'data')) as [string]
    const files = ['aws-kms', 'conformance'].map((name) => `packages/core/test/wrappers/${name}`)
    const child = spawn(process.execPath, [vitest, 'run', '--project', 'core', ...files], { cwd: repositoryRoot, env: environment(line.trim()) })
    let printed = ''
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (printed += text))
    const [code] = (await once(child, 'close')) as [number]
    expect(code, printed).toBe(0)
    expect(printed).toContain('left out: AWS KMS with faults (KEYFOLD_KMS_ENDPOINT is set')
    expect(printed).toMatch(/Tests +\d{2,} passed \| \d{2,} skipped/)
    expect(printed).toContain('aws-kms.test.ts')
  } finally {
    emulator.kill('SIGTERM')
  }
})
