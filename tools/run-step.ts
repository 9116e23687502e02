import { spawn } from 'node:child_process'
import { resolve } from 'node:path'

export const root = resolve(import.meta.dirname, '..')

export interface Outcome {
  /** with exit code 0 */
  readonly ended: boolean
  readonly output: string
  readonly seconds: number
}

/** Runs a program of the repository and keeps what it prints. */
export function runStep(program: string, args: readonly string[], cwd: string = root): Promise<Outcome> {
  const started = performance.now()
  return new Promise((done) => {
    // a tool that writes for a terminal would fill the log with escape codes
    const child = spawn(program, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' } })
    let output = ''
    const finish = (ended: boolean): void => done({ ended, output: output.trimEnd(), seconds: (performance.now() - started) / 1000 })
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (chunk: string) => (output += chunk))
    child.on('error', (error) => {
      output += error.message
      finish(false)
    })
    child.on('close', (code) => finish(code === 0))
  })
}
