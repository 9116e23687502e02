// `npm run fuzz -- --runs N [--parser WORD]`: the fuzz tests of every parser (files named *.fuzz.test.ts), with N inputs for each property.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { root } from './run-step.ts'

function options(): { runs: string, parser: string } | undefined {
  try {
    const { values } = parseArgs({ options: { runs: { type: 'string', default: '100000' }, parser: { type: 'string', default: '' } } })
    return /^[1-9]\d{0,9}$/.test(values.runs) ? values : undefined
  } catch {
    return undefined
  }
}

const chosen = options()
if (chosen === undefined) {
  console.error('usage: npm run fuzz -- [--runs N] [--parser WORD]   (WORD: a part of a file name, as in `context`)')
  process.exitCode = 64
} else {
  const args = ['--testTimeout=0', ...(chosen.parser === '' ? ['.fuzz.test.ts'] : [`${chosen.parser}.fuzz.test.ts`])]
  process.env['KEYFOLD_FUZZ_RUNS'] = chosen.runs
  const { status } = spawnSync(process.execPath, [join(root, 'tools/test.ts'), ...args], { cwd: root, stdio: 'inherit' })
  console.log(`fuzz: ${chosen.runs} inputs for each property, ${status === 0 ? 'no fault found' : 'FAILED'}`)
  process.exitCode = status ?? 1
}
