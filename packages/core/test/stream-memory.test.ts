import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { MAX_CHUNKS, SEALED_CHUNK_LENGTH } from '../src/stream-cipher.ts'
import { MAX_HEAD_LENGTH } from '../src/stream-head.ts'

const GIB = 2 ** 30

test('abuse 40: a 100 GiB attachment is within the limits, and what is kept of it is a head and a chunk', () => {
  expect((100 * GIB) / 16_384).toBeLessThan(MAX_CHUNKS)
  expect(MAX_CHUNKS * 16_384).toBe(4 * 2 ** 50)
  // Places in the largest stream are exact numbers.
  expect(MAX_HEAD_LENGTH + MAX_CHUNKS * SEALED_CHUNK_LENGTH).toBeLessThan(Number.MAX_SAFE_INTEGER)
  expect(MAX_HEAD_LENGTH + SEALED_CHUNK_LENGTH).toBeLessThan(120_000)
})

test('abuse 40: memory stays flat while 320 MiB are sealed and opened', { timeout: 300_000 }, () => {
  const child = join(import.meta.dirname, 'children', 'stream-memory.ts')
  const { status, stdout } = spawnSync(process.execPath, ['--expose-gc', '--conditions=@keyfold/source', child, '320'], { encoding: 'utf8' })
  expect(status).toBe(0)
  const { bytes, same, heldMiB, peakMiB } = JSON.parse(stdout) as { bytes: number; same: boolean; heldMiB: number; peakMiB: number }
  expect([bytes, same]).toEqual([320 * 2 ** 20, true])
  expect(heldMiB).toBeLessThan(16)
  // 85 MiB are Node's own; a stream that kept what it had read would need 400.
  expect(peakMiB).toBeLessThan(256)
})
