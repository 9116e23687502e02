/** What does a program pay before its first record: for each entry that it imports, for the first seal, for a command? As built, not from sources. */
import { join } from 'node:path'
import { interleave } from '../interleave.ts'
import { runNode } from '../processes.ts'
import type { Result } from '../report.ts'
import { compared } from '../report.ts'
import type { Suite } from '../suite.ts'
import { inFolder, newKeyFile } from '../suite.ts'

const ENTRIES = [
  '@keyfold/core', '@keyfold/core/key-file', '@keyfold/core/aws-kms', '@keyfold/core/keychain', '@keyfold/core/branch-key-file', '@keyfold/core/fips',
  '@keyfold/sqlite', '@keyfold/rotation',
]
const bench = join(import.meta.dirname, '..')
const command = join(bench, '..', 'packages', 'rotation', 'dist', 'cli', 'main.js')
const ROUNDS = { full: 9, quick: 2 }

export const startUp: Suite = {
  name: 'start-up',
  run: ({ quick }) =>
    inFolder(async (folder) => {
      newKeyFile(folder, 'bench')
      const programs = {
        ...Object.fromEntries(ENTRIES.map((entry) => [`import ${entry}`, evaluated(`await import('${entry}')`)])),
        'import, open a key file, seal one record': evaluated(firstSeal(join(folder, 'bench.key'))),
        'kms-rotate --version': () => runNode([command, '--version'], folder),
        'kms-rotate --help': () => runNode([command, '--help'], folder),
      }
      const rounds = quick ? ROUNDS.quick : ROUNDS.full
      const timings = await interleave({ ...programs, bare: evaluated('') }, { rounds, fewest: rounds, budgetMs: 0, roundMs: 1, warmMs: 0 })
      const results: Result[] = Object.keys(programs).map((name) => compared(name, timings[name as 'bare'], timings.bare))
      return { title: 'Start-up, whole processes', floor: 'a Node process that does nothing', results }
    }),
}

function evaluated(code: string): () => string {
  return () => runNode(['--input-type=module', '--eval', code], bench)
}

function firstSeal(path: string): string {
  return `
    const { createKeyring, sealSync } = await import('@keyfold/core')
    const { keyFile } = await import('@keyfold/core/key-file')
    sealSync(createKeyring({ active: keyFile(${JSON.stringify(path)}) }), '078-05-1120', { table: 'users', column: 'ssn', id: '42' })`
}
