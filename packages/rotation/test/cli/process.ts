import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { repositoryRoot } from '@keyfold/test-support'

const MAIN = join(repositoryRoot, 'packages/rotation/src/cli/main.ts')

export interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly stdin?: string | Uint8Array
  readonly env?: Readonly<Record<string, string>>
  /** Called with the process once it runs, to send it signals. */
  readonly onStart?: (child: ChildProcess) => void
}

/** Runs the real command from its sources, as a process of its own in `folder`. */
export async function kmsRotate(folder: string, args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const child = spawn(process.execPath, ['--conditions=@keyfold/source', '--disable-warning=ExperimentalWarning', MAIN, ...args], {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '', HOME: folder, ...options.env },
  })
  const finished = collect(child)
  options.onStart?.(child)
  child.stdin.on('error', () => undefined)
  child.stdin.end(options.stdin ?? '')
  return finished
}

/** Waits for a process and gives what it wrote. */
export async function collect(child: ChildProcess): Promise<Finished> {
  const out = { stdout: '', stderr: '' }
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (out.stdout += text))
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (out.stderr += text))
  const code = await new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve))
  return { code, ...out }
}

/** Each line of NDJSON. */
export function documents(text: string): Record<string, unknown>[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}
