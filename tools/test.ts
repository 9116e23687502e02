// `npm test [-- ARGS of vitest]`: every test of the repository, and the true totals as the last line.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from './run-step.ts'
import type { Report } from './totals.ts'
import { totalsOf, totalsLine } from './totals.ts'

const folder = mkdtempSync(join(tmpdir(), 'keyfold-report-'))
const reportFile = join(folder, 'report.json')
const vitest = join(root, 'node_modules/vitest/vitest.mjs')
const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`]

const { status } = spawnSync(process.execPath, [vitest, 'run', ...reporters, ...process.argv.slice(2)], { cwd: root, stdio: 'inherit' })
const totals = totalsOf(readReport(), status)
rmSync(folder, { recursive: true, force: true })
console.log(totalsLine('test', totals))
process.exitCode = totals.failed === 0 ? 0 : 1

function readReport(): Report | undefined {
  try {
    return JSON.parse(readFileSync(reportFile, 'utf8')) as Report
  } catch {
    return undefined
  }
}
