import { spawn, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import type { Finished } from './process.ts'
import { collect } from './process.ts'

const MAIN = join(import.meta.dirname, '../../src/cli/main.ts')

/** Whether this machine can make a terminal. */
export const hasTerminal = spawnSync('script', ['--version']).status === 0

export interface TerminalOptions {
  readonly env?: Readonly<Record<string, string>>
  /** What the person types, by the end of the question that it answers; called when it is asked. */
  readonly answers?: Readonly<Record<string, string | (() => string)>>
}

/** Runs the command on a terminal, which `script` of util-linux makes. All that it writes comes as stdout. */
export async function runOnTerminal(folder: string, command: string, { env, answers = {} }: TerminalOptions): Promise<Finished> {
  // no shell in between, which would end by a Ctrl-C that the command itself survives
  const line = `exec '${process.execPath}' --conditions=@keyfold/source '${MAIN}' ${command}`
  const child = spawn('script', ['-qec', line, '/dev/null'], {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '', TERM: 'xterm', ...env },
  })
  const finished = collect(child)
  const open = new Map(Object.entries(answers))
  if (open.size === 0) child.stdin.end()
  let seen = ''
  child.stdout.on('data', (text: string) => {
    seen += text
    for (const [question, answer] of open) {
      if (!seen.includes(question)) continue
      open.delete(question)
      child.stdin.write(typeof answer === 'string' ? answer : answer())
    }
  })
  return finished
}
