import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from '@keyfold/test-support'
import { expect, test } from 'vitest'

const folder = join(import.meta.dirname, '..')
const examples = readdirSync(folder).filter((name) => /^\d\d-.+\.ts$/.test(name))

test.each(examples)('%s runs, prints what it says and is short', (name) => {
  const text = readFileSync(join(folder, name), 'utf8')
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--conditions=@keyfold/source', join(folder, name)], {
    cwd: temporaryFolder(),
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1' },
  })
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  const promised = Array.from(text.matchAll(/^\/\/ prints: (.+)$/gm), ([, line]) => line!)
  expect(promised.length).toBeGreaterThan(0)
  expect(
    stdout
      .trimEnd()
      .split('\n')
      .map((line, index) => line.slice(0, promised[index]?.length)),
  ).toEqual(promised)
  expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(40)
})
