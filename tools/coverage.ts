// `npm run coverage`: the share of core's lines that its tests run, on both backends; below the bar it fails.
import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { figureLine, percent } from './figure.ts'
import { root } from './run-step.ts'

const BAR = 97
const folder = join(root, 'reports/coverage/core')
const summaryFile = join(folder, 'coverage-summary.json')

// a figure of an earlier run is not one of this
rmSync(summaryFile, { force: true })
const { status } = spawnSync(
  process.execPath,
  [
    join(root, 'node_modules/vitest/vitest.mjs'),
    'run',
    '--project=core',
    '--project=core-portable',
    '--coverage.enabled',
    '--coverage.provider=v8',
    // from the package's folder; every file, also those that no test loads
    '--coverage.include=src/**/*.ts',
    '--coverage.reporter=text',
    '--coverage.reporter=html',
    '--coverage.reporter=json-summary',
    `--coverage.reportsDirectory=${folder}`,
    '--coverage.reportOnFailure',
  ],
  { cwd: root, stdio: 'inherit' },
)
const { covered, total } = linesOf(summaryFile)
const share = percent(covered, total)
if (status !== 0) console.log('a test failed, and with it the figure')
console.log(figureLine('coverage', 'core', share, 'lines', BAR))
process.exitCode = status === 0 && share >= BAR ? 0 : 1

function linesOf(file: string): { covered: number; total: number } {
  try {
    return (JSON.parse(readFileSync(file, 'utf8')) as { total: { lines: { covered: number; total: number } } }).total.lines
  } catch {
    return { covered: 0, total: 0 }
  }
}
