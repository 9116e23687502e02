import { execFileSync, spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { join } from 'node:path'
import { requireOrSkip, temporaryFolder } from '@keyfold/test-support'
import { expect, test } from 'vitest'
import { collect, documents } from './process.ts'

const MAIN = join(import.meta.dirname, '../../src/cli/main.ts')

/** A Node that this release does not support, where the machine has one. */
function oldNode(): string | undefined {
  return ['/usr/bin/node', '/usr/local/bin/node'].find((path) => {
    try {
      const [major = 0, minor = 0] = execFileSync(path, ['-p', 'process.versions.node'], { encoding: 'utf8' }).split('.').map(Number)
      return major < 22 || (major === 22 && minor < 14)
    } catch {
      return false
    }
  })
}

test('an old Node is told what is missing, with exit code 1, instead of crashing', async (context) => {
  const node = oldNode()
  requireOrSkip(context, node !== undefined, 'no Node older than 22.14 in /usr/bin or /usr/local/bin')
  const main = join(temporaryFolder(), 'main.mjs')
  writeFileSync(main, stripTypeScriptTypes(readFileSync(MAIN, 'utf8')))
  const plain = await collect(spawn(node!, [main, 'status']))
  expect(plain).toMatchObject({ code: 1, stdout: '' })
  expect(plain.stderr).toMatch(/^error: kms-rotate needs Node 22\.14 or newer, and this is Node [\d.]+\nhint: .*\ncode: {2}ERR_RUNTIME\n$/)
  const json = await collect(spawn(node!, [main, 'status', '--json']))
  expect(documents(json.stderr)).toMatchObject([{ schema: 'kms-rotate/1', message_type: 'error', code: 'ERR_RUNTIME' }])
})

test('the entry imports nothing before it has looked at the version', () => {
  expect(readFileSync(MAIN, 'utf8')).not.toMatch(/^(import|export) /m)
})
