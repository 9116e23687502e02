// `npm run kill-test -- [--kills N] [--rows N] [--seed N] [--batch N] [--lanes N]`: kills `kms-rotate run` at random moments, over databases that an
// application writes to meanwhile, and examines what is left. The figure is the last line.
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { CampaignResult } from './campaign.ts'
import { CampaignFailure, runCampaign } from './campaign.ts'
import { PHASES } from './phase.ts'
import { canStrace, killAll } from './victim.ts'

const MAIN = join(import.meta.dirname, '../../dist/cli/main.js')
const PROGRESS_MS = 10_000
const TRACED = 0.25

function options(): Record<'kills' | 'rows' | 'seed' | 'batch' | 'lanes', number> | undefined {
  const number = (value: string): { type: 'string'; default: string } => ({ type: 'string', default: value })
  try {
    const { values } = parseArgs({
      options: {
        kills: number('2000'),
        rows: number('100000'),
        seed: number(String(Date.now() % 1_000_000)),
        batch: number('200'),
        lanes: number(String(Math.min(2, availableParallelism()))),
      },
    })
    if (!Object.values(values).every((value) => /^\d{1,9}$/.test(value))) return undefined
    const [kills, rows, seed, batch, lanes] = [values.kills, values.rows, values.seed, values.batch, values.lanes].map(Number)
    const read = { kills: kills!, rows: rows!, seed: seed!, batch: batch!, lanes: lanes! }
    return read.kills > 0 && read.rows >= 10 && read.batch > 0 && read.lanes > 0 ? read : undefined
  } catch {
    return undefined
  }
}

function progressOf(total: number): (kills: number) => void {
  const started = performance.now()
  let shown = started
  return (kills) => {
    const now = performance.now()
    if (now - shown < PROGRESS_MS) return
    shown = now
    const each = (now - started) / 1000 / kills
    console.error(`killed ${kills} of ${total}, ${each.toFixed(2)} s a kill, ${Math.ceil(((total - kills) * each) / 60)} min left`)
  }
}

function figure({ kills, onTwoThreads, databases, cells, acknowledged, phases }: CampaignResult, rows: number, seconds: number): string {
  const where = [...PHASES, 'retire' as const].map((phase) => `${phase} ${phases.get(phase) ?? 0}`).join(', ')
  return [
    `killed while in: ${where}; ${onTwoThreads} of them on two threads`,
    `kill-test: ${kills} runs killed in ${Math.round(seconds)} s over ${databases} databases of ${rows} rows; ${cells} cells opened, ` +
      `0 lost, 0 undecryptable, 0 written twice but for cut batches, ${acknowledged} acknowledged writes present`,
  ].join('\n')
}

async function main(): Promise<number> {
  const chosen = options()
  if (chosen === undefined) {
    console.error('usage: npm run kill-test -- [--kills N] [--rows N] [--seed N] [--batch N] [--lanes N]')
    return 64
  }
  const strace = canStrace()
  console.error(`seed ${chosen.seed}${strace ? '' : '; strace is missing or may not trace: kills by time alone'}`)
  const cache = mkdtempSync(join(tmpdir(), 'keyfold-compiled-'))
  const program = { options: [], main: MAIN, env: { ...process.env, NODE_COMPILE_CACHE: cache } }
  const started = performance.now()
  try {
    const result = await runCampaign({ ...chosen, program, traced: strace ? TRACED : 0, onKill: progressOf(chosen.kills) })
    console.log(figure(result, chosen.rows, (performance.now() - started) / 1000))
    return 0
  } catch (error) {
    if (!(error instanceof CampaignFailure)) throw error
    console.log(`kill-test: FAILED (seed ${chosen.seed})\n${error.message}`)
    return 1
  } finally {
    rmSync(cache, { recursive: true, force: true })
  }
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    killAll()
    process.exit(130)
  })
}
process.exitCode = await main()
