/** docs/format.md suffices: a reader in another language, written from that page alone, agrees on every vector. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { requireOrSkip } from '@keyfold/test-support'
import { expect, test } from 'vitest'
import { vectors, vectorsPath } from './vectors.ts'

test('the Python reader opens the valid vectors and refuses the others with the same codes', (context) => {
  const available = spawnSync('python3', ['-c', 'import cryptography']).status === 0
  requireOrSkip(context, available, 'python3 with the package cryptography is not installed')
  const run = spawnSync('python3', [join(import.meta.dirname, 'reader', 'keyfold_reader.py'), vectorsPath], { encoding: 'utf8' })
  const cases = vectors.valid.length + vectors.invalid.length + vectors.contexts.length
  expect(run.stdout.trim().split('\n').at(-1)).toBe(`${cases} cases, 0 failed`)
  expect(run.status).toBe(0)
})
