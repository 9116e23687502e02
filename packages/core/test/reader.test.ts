/** docs/format.md suffices: a reader in another language, written from that page alone, agrees on every vector. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { requireOrSkip } from '@keyfold/test-support'
import { expect, test } from 'vitest'
import { streamVectorsPath, vectorsPath } from './vectors.ts'

interface Counted {
  valid: unknown[]
  invalid: unknown[]
  contexts?: unknown[]
}

test.for([
  ['keyfold_reader.py', vectorsPath],
  ['keyfold_stream_reader.py', streamVectorsPath],
] as const)('the Python reader %s opens the valid vectors and refuses the others with the same codes', ([script, path], context) => {
  const available = spawnSync('python3', ['-c', 'import cryptography']).status === 0
  requireOrSkip(context, available, 'python3 with the package cryptography is not installed')
  const run = spawnSync('python3', ['-B', join(import.meta.dirname, 'reader', script), path], { encoding: 'utf8' })
  const { valid, invalid, contexts = [] } = JSON.parse(readFileSync(path, 'utf8')) as Counted
  expect(run.stdout.trim().split('\n').at(-1)).toBe(`${valid.length + invalid.length + contexts.length} cases, 0 failed`)
  expect(run.status).toBe(0)
})
