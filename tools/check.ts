// `npm run check`: types, lint, arrows, words, dead code, package shape. Every step runs, also after one that failed.
import { join } from 'node:path'
import { root, runStep } from './run-step.ts'

interface Step {
  readonly name: string
  /** a script for Node, from the repository's root */
  readonly script: string
  readonly args?: readonly string[]
  readonly folder?: string
  /** what its output must not say, for a tool that ends with 0 all the same */
  readonly refuse?: RegExp
}

const published = ['core', 'kms-emulator', 'sqlite', 'rotation'].map((name) => `packages/${name}`)

const steps: readonly Step[] = [
  ...[...published, 'examples', 'bench'].map((folder) => ({ name: `types: ${folder}`, script: 'node_modules/typescript/bin/tsc', folder })),
  { name: 'types: tools, tests', script: 'node_modules/typescript/bin/tsc' },
  { name: 'lint: oxlint', script: 'node_modules/oxlint/bin/oxlint', args: ['--deny-warnings'] },
  { name: 'lint: eslint with types', script: 'node_modules/eslint/bin/eslint.js', args: ['--max-warnings', '0', '.'] },
  { name: 'arrows', script: 'tools/check-imports/main.ts' },
  { name: 'words', script: 'tools/check-words/main.ts' },
  { name: 'dead code: knip', script: 'node_modules/knip/bin/knip.js' },
  ...published.map((folder) => ({
    name: `shape: publint ${folder}`, script: 'node_modules/publint/src/cli.js', args: ['--strict'], folder,
  })),
  ...published.map((folder) => ({
    name: `shape: attw ${folder}`,
    script: 'node_modules/@arethetypeswrong/cli/dist/index.js',
    args: ['--pack', '.', '--profile', 'esm-only'],
    folder,
    refuse: /does not contain types/,
  })),
]

let failed = 0
for (const { name, script, args = [], folder = '.', refuse } of steps) {
  const { ended, output, seconds } = await runStep(process.execPath, [join(root, script), ...args], join(root, folder))
  const passed = ended && refuse?.test(output) !== true
  console.log(`${passed ? 'ok    ' : 'FAILED'} ${name} (${seconds.toFixed(1)} s)`)
  if (passed) continue
  failed += 1
  console.log(output.replace(/^/gm, '  '))
}
console.log(`check: ${steps.length - failed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
