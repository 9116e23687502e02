/** What do the libraries cost that one would pick instead? They live in a workspace of their own, which is installed here and nowhere else. */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { conditions, runNode } from '../processes.ts'
import type { Section } from '../report.ts'
import type { Suite } from '../suite.ts'

const folder = join(import.meta.dirname, '..', 'peers')
const stamp = join(folder, 'node_modules', '.installed')
const SETTLING_FILES = ['package.json', 'pnpm-lock.yaml', 'pnpm-workspace.yaml']

export const peers: Suite = {
  name: 'peers',
  async run({ quick }) {
    const failure = installPeers()
    const output = runNode([...conditions(), join(folder, 'main.ts'), ...(quick ? ['--quick'] : [])])
    const section = JSON.parse(output) as Section
    return failure === undefined ? section : { ...section, notes: [...(section.notes ?? []), failure] }
  },
}

/** Gives what went wrong; one library that does not install is left out, and does not stand in the way of the others. */
function installPeers(): string | undefined {
  const digest = createHash('sha256')
  for (const file of SETTLING_FILES) digest.update(readFileSync(join(folder, file)))
  const wanted = digest.digest('hex')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return undefined
  console.error('installing the libraries to compare with, into bench/peers')
  const { status, error, stdout = '', stderr = '' } = spawnSync('pnpm', ['install', '--frozen-lockfile'], {
    cwd: folder, encoding: 'utf8', env: { ...process.env, CI: 'true' },
  })
  if (status !== 0) return `pnpm install in bench/peers failed: ${error?.message ?? lastLines(stdout + stderr)}`
  writeFileSync(join(folder, 'node_modules', '.install-log'), stdout + stderr)
  writeFileSync(stamp, wanted)
  return undefined
}

function lastLines(output: string): string {
  return output.trim().split('\n').slice(-3).join(' ').slice(0, 300)
}
