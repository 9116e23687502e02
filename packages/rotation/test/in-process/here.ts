import { main } from '../../src/cli/program.ts'
import type { Finished, RunOptions } from '../cli/process.ts'

type Write = typeof process.stdout.write

/**
 * Runs the command in this process, as `kmsRotate` runs it in one of its own: what is behind it can then be watched and changed while it runs. One
 * at a time, since a process has one working folder, and not on a thread, which has none of its own.
 */
export async function kmsRotateHere(folder: string, args: readonly string[], { env = {} }: RunOptions = {}): Promise<Finished> {
  const before = { folder: process.cwd(), env: process.env, out: process.stdout.write, err: process.stderr.write, exitCode: process.exitCode }
  const listeners = [process.stdout, process.stderr].map((stream) => ({ stream, kept: stream.listeners('error') }))
  const said = { stdout: '', stderr: '' }
  const to = (name: keyof typeof said): Write => ((text: string) => Boolean((said[name] += text)))
  process.chdir(folder)
  process.env = { PATH: before.env['PATH'], HOME: folder, ...env }
  Object.assign(process.stdout, { write: to('stdout') })
  Object.assign(process.stderr, { write: to('stderr') })
  process.exitCode = undefined
  try {
    await main(args)
    return { code: Number(process.exitCode ?? 0), ...said }
  } finally {
    Object.assign(process.stdout, { write: before.out })
    Object.assign(process.stderr, { write: before.err })
    process.env = before.env
    process.exitCode = before.exitCode
    process.chdir(before.folder)
    for (const { stream, kept } of listeners) {
      for (const added of stream.listeners('error')) if (!kept.includes(added)) stream.removeListener('error', added as () => void)
    }
  }
}
