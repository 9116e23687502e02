// `npm run fault-test -- [--all] [--points N] [--seed N] [--scene NAME]`: makes the 1st, 2nd, 3rd … write, sync, rename of the command fail
// with EIO or ENOSPC, or kills it there, one in each run, and runs the command again. Without --all it tries a sample that the seed picks.
// The figure is the last line.
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { canStrace } from '../kill/victim.ts'
import type { FaultResult } from './fault.ts'
import { tryFaults } from './fault.ts'
import type { FullDisk } from './full-disk.ts'
import { tryFullDisk } from './full-disk.ts'

const MAIN = join(import.meta.dirname, '../../dist/cli/main.js')
const PROGRESS_MS = 10_000

interface Options {
  readonly sample: number | undefined
  readonly seed: number
  readonly scenes: readonly string[] | undefined
}

function options(): Options | undefined {
  try {
    const { values } = parseArgs({
      options: {
        all: { type: 'boolean', default: false },
        points: { type: 'string', default: '300' },
        seed: { type: 'string', default: '1' },
        scene: { type: 'string', multiple: true },
      },
    })
    if (![values.points, values.seed].every((value) => /^\d{1,9}$/.test(value))) return undefined
    return { sample: values.all ? undefined : Number(values.points), seed: Number(values.seed), scenes: values.scene }
  } catch {
    return undefined
  }
}

function progress(): (tried: number, of: number) => void {
  const started = performance.now()
  let shown = started
  return (tried, of) => {
    const now = performance.now()
    if (now - shown < PROGRESS_MS) return
    shown = now
    console.error(`tried ${tried} of ${of} points, ${Math.ceil((((now - started) / tried) * (of - tried)) / 60_000)} min left`)
  }
}

function diskLine(disk: FullDisk | undefined): string {
  if (disk === undefined) return 'full disk: skipped, since no file system may be mounted here'
  const faults = disk.faults.map((fault) => `FAULT full disk, ${fault}`)
  return [...faults, `full disk: ${disk.endings.length} runs found no room (${[...new Set(disk.endings)].join(', ')})`].join('\n')
}

function figure({ tried, points, endings, foreign, faults }: FaultResult, disk: FullDisk | undefined, seed: number): string {
  const total = faults.length + (disk?.faults.length ?? 0)
  const ends = [...endings].sort(([a], [b]) => a.localeCompare(b)).map(([ending, count]) => `  ${String(count).padStart(5)}  ${ending}`)
  return [
    'runs ended with:',
    ...ends,
    ...faults.map((fault) => `FAULT ${fault}`),
    diskLine(disk),
    `fault-test: ${tried} of ${points} calls made to fail or to kill (seed ${seed}), ${foreign} of them missed its files; ` +
      (total === 0 ? 'typed errors or success in all, each rerun complete' : `FAILED with ${total} faults`),
  ].join('\n')
}

async function main(): Promise<number> {
  const chosen = options()
  if (chosen === undefined) {
    console.error('usage: npm run fault-test -- [--all] [--points N] [--seed N] [--scene NAME]…')
    return 64
  }
  if (!canStrace()) {
    console.log('fault-test: not run, since strace is missing or may not trace (Debian: strace)')
    return 1
  }
  const cache = mkdtempSync(join(tmpdir(), 'keyfold-compiled-'))
  try {
    const program = { options: [], main: MAIN, env: { ...process.env, NODE_COMPILE_CACHE: cache } }
    const result = await tryFaults({ ...chosen, program, lanes: Math.min(2, availableParallelism()), onPoint: progress() })
    const disk = await tryFullDisk(program, chosen.scenes)
    console.log(figure(result, disk, chosen.seed))
    return result.faults.length + (disk?.faults.length ?? 0) === 0 ? 0 : 1
  } finally {
    rmSync(cache, { recursive: true, force: true })
  }
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130))
process.exitCode = await main()
