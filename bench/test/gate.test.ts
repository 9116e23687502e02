import { cpSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { baseOf } from '../gate/base.ts'
import { linkDependencies } from '../gate/checkout.ts'
import { compare } from '../gate/compare.ts'
import { MEASURES } from '../gate/measures.ts'
import type { Compared } from '../gate/verdict.ts'
import { isSlower, judge } from '../gate/verdict.ts'

const root = join(import.meta.dirname, '..', '..')
let folder = ''
beforeAll(() => void (folder = realpathSync(mkdtempSync(join(tmpdir(), 'keyfold-gate-')))))
afterAll(() => rmSync(folder, { recursive: true }))

/** A ratio with its whole interval. */
const at = (name: string, low: number, high: number): Compared => ({ name, ratio: { ratio: (low + high) / 2, low, high } })

test('slower means that the whole interval lies above 10 %', () => {
  expect(isSlower({ ratio: 1.3, low: 1.09, high: 1.6 })).toBe(false)
  expect(isSlower({ ratio: 1.12, low: 1.101, high: 1.14 })).toBe(true)
})

test('what is slower once is measured again, alone, and passes where it is not slower again', async () => {
  const asked: string[][] = []
  const runs = [[at('a', 0.9, 1.1), at('b', 1.2, 1.4)], [at('b', 1, 1.2)]]
  const { results, failed } = await judge(['a', 'b'], async (names) => { asked.push([...names]); return runs[asked.length - 1]! })
  expect(asked).toEqual([['a', 'b'], ['b']])
  expect(failed).toEqual([])
  expect(results).toEqual([runs[0]![0], runs[1]![0]])
})

test('what is slower twice in a row fails', async () => {
  const { failed } = await judge(['a', 'b'], async (names) => names.map((name) => (name === 'b' ? at('b', 1.15, 1.4) : at(name, 0.9, 1))))
  expect(failed).toEqual(['b'])
})

test('the base is the newest release, else the branch point, else what stands before the last change of the sources', () => {
  const answers = (known: Readonly<Record<string, string>>) => (...args: readonly string[]) => known[args.slice(0, 2).join(' ')]
  const head = { 'rev-parse HEAD': 'head', 'merge-base HEAD': 'head' }
  const changed = { ...head, 'log -1': 'changed', 'rev-parse --verify': 'before' }
  expect(baseOf(answers({ ...changed, 'describe --tags': 'v0.2.0' }))?.commit).toBe('v0.2.0')
  expect(baseOf(answers({ ...changed, 'merge-base HEAD': 'fork' }))?.commit).toBe('fork')
  expect(baseOf(answers({ ...changed, 'status --porcelain': ' M packages/core/src/a.ts' }))?.commit).toBe('head')
  expect(baseOf(answers(changed))?.commit).toBe('before')
  expect(baseOf(answers({ ...head, 'log -1': 'first' }))).toBeUndefined()
  expect(baseOf(answers({}))).toBeUndefined()
})

test('the gate catches a slow-down that is planted, and where it is', async () => {
  cpSync(join(root, 'packages'), join(folder, 'packages'), {
    recursive: true, filter: (path) => !/[\\/](?:node_modules|dist|test)$/.test(path),
  })
  linkDependencies(root, folder)
  const cipher = join(folder, 'packages', 'core', 'src', 'cipher.ts')
  const source = readFileSync(cipher, 'utf8')
  const planted = source.replace(/(const \{ ciphertext, tag \} = )(backend\.gcmEncrypt\(.*\))$/m, 'for (let i = 0; i < 60; i++) $2\n  $1$2')
  expect(planted).not.toBe(source)
  writeFileSync(cipher, planted)
  const names = Object.keys(MEASURES).filter((name) => name.endsWith('256 B'))
  const run = (some: readonly string[]) => compare({ base: root, work: folder, processes: 2, seconds: 0.4 }, some)
  const { failed } = await judge(names, run)
  expect(failed).toEqual(['seal 256 B'])
})
