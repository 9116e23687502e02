/** Processes of their own: what a program does once in its life cannot be measured twice in one. */
import { spawnSync } from 'node:child_process'

/** What a child needs to resolve the packages as this process does: from their sources or from their builds. */
export function conditions(): string[] {
  return process.execArgv.filter((arg) => arg.startsWith('--conditions'))
}

/** A process that has to end with 0; gives its output. */
export function runNode(args: readonly string[], cwd?: string): string {
  const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: 'utf8', ...(cwd !== undefined && { cwd }) })
  if (status !== 0) throw new Error(`node ${args.slice(0, 3).join(' ')} ended with ${status}: ${stderr.trim().slice(0, 400)}`)
  return stdout
}
