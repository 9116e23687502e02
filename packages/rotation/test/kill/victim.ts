/** Runs the real command as a process, and kills it. */
import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'

/** How Node becomes the command. */
export interface Program {
  /** Options of Node, by which packages resolve to their sources or their builds. */
  readonly options: readonly string[]
  readonly main: string
  readonly env: NodeJS.ProcessEnv
}

/** When the command dies: so many milliseconds after it was started, or as it makes its n-th call that writes. */
export type Moment = { readonly milliseconds: number } | { readonly call: number } | 'never'

export interface Death {
  readonly died: boolean
  /** Undefined where it died. */
  readonly code: number | undefined
  readonly stdout: string
  readonly stderr: string
  readonly milliseconds: number
}

/** Calls by which SQLite and Node change files. */
const WRITING = 'pwrite64,fsync,fdatasync,ftruncate,unlink,rename'

const running = new Set<ChildProcess>()

/** Runs the command in a folder, and waits for its end. */
export async function runVictim(program: Program, folder: string, args: readonly string[], moment: Moment): Promise<Death> {
  const started = performance.now()
  const command = [process.execPath, ...program.options, program.main, ...args]
  const traced = moment !== 'never' && 'call' in moment ? [...straceArguments(moment.call), ...command] : command
  // A group of its own: what strace started goes with it.
  const child = spawn(traced[0]!, traced.slice(1), { cwd: folder, env: program.env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  running.add(child)
  const out = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (out.stderr += text))
  const timer = moment !== 'never' && 'milliseconds' in moment ? setTimeout(() => killGroup(child), moment.milliseconds) : undefined
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) =>
    child.on('error', reject).on('close', (...end) => resolve(end)),
  )
  clearTimeout(timer)
  running.delete(child)
  return { died: signal === 'SIGKILL', code: code ?? undefined, ...out, milliseconds: performance.now() - started }
}

/** Without --seccomp-bpf, under which strace delivers no signal as a call begins. */
function straceArguments(call: number): string[] {
  const options = ['-f', '-qq', '-o', '/dev/null', '-e', `trace=${WRITING}`, '-e', `inject=${WRITING}:signal=KILL:when=${call}`]
  return ['strace', ...options]
}

function killGroup(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
  } catch {
    // It ended in this very moment.
  }
}

/** Ends every command that still runs. */
export function killAll(): void {
  for (const child of running) killGroup(child)
}

/** Whether strace is here and kills what it traces. */
export function canStrace(): boolean {
  return spawnSync('strace', ['-f', '-qq', '-o', '/dev/null', '-e', 'inject=exit_group:signal=KILL:when=1', 'true']).signal === 'SIGKILL'
}
