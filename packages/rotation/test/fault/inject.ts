/** Runs the command under strace, which makes one system call fail. */
import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { dirname, isAbsolute, join } from 'node:path'
import type { Program } from '../kill/victim.ts'

/** Calls that change files, each counted by itself. */
const CALLS = ['write', 'pwrite64', 'fsync', 'fdatasync', 'ftruncate', 'rename', 'link', 'unlink'] as const
type Call = (typeof CALLS)[number]
/** `KILL`: the process dies as it makes the call. */
export const FAILURES = ['EIO', 'ENOSPC', 'KILL'] as const
export type Failure = (typeof FAILURES)[number]

/** The n-th of these calls, from 1 on. */
export interface Point {
  readonly call: Call
  readonly error: Failure
  readonly when: number
  /** Only calls on this file are counted, and made to fail: for `write`, which Node's threads also call to wake each other, at no fixed times. */
  readonly on?: string
}

export interface FaultyRun {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
  /** The files on which a call was made to fail; what is no file of ours (a pipe between threads of Node) has a name without a slash. */
  readonly hit: readonly string[]
  readonly hung: boolean
}

const PATIENCE_MS = 90_000

/** @param folder where it runs; what it prints goes to files beside it, since a full disk shall meet these too */
export async function runFaulty(program: Program, folder: string, args: readonly string[], point: Point | undefined): Promise<FaultyRun> {
  const [log, stdout, stderr] = ['strace', 'stdout', 'stderr'].map((name) => join(folder, `../${name}`)) as [string, string, string]
  const filter = point === undefined ? CALLS.join(',') : point.call
  const kills = point?.error === 'KILL'
  const inject = point === undefined ? [] : ['-e', `inject=${point.call}:${kills ? 'signal' : 'error'}=${point.error}:when=${point.when}`]
  // Under --seccomp-bpf strace delivers no signal as a call begins.
  const options = ['-f', '-y', '-qq', '-o', log, ...(kills ? [] : ['--seccomp-bpf']), '-e', `trace=${filter}`, ...inject]
  const path = point?.on === undefined ? [] : ['-P', point.on]
  const traced = [...options, ...path, process.execPath, ...program.options, program.main, ...args]
  const [out, err] = [openSync(stdout, 'w'), openSync(stderr, 'w')]
  const child = spawn('strace', traced, {
    cwd: folder,
    // VACUUM's copy of the database is one of the files. Of several threads that sync files, each would count its calls by itself.
    env: { ...program.env, SQLITE_TMPDIR: folder, UV_THREADPOOL_SIZE: '1' },
    detached: true,
    stdio: ['ignore', out, err],
  })
  let hung = false
  const timer = setTimeout(() => {
    hung = true
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
  }, PATIENCE_MS)
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) =>
    child.on('error', reject).on('close', (...end) => resolve(end)),
  )
  clearTimeout(timer)
  closeSync(out)
  closeSync(err)
  const read = (file: string): string => readFileSync(file, 'utf8')
  return { code, signal, stdout: read(stdout), stderr: read(stderr), hit: hits(read(log), kills), hung }
}

/** The first argument of each call that failed on purpose: `pwrite64(21</tmp/app.db-wal>, …) = -1 EIO (Input/output error) (INJECTED)`. */
function hits(log: string, killed: boolean): string[] {
  const lines = log.split('\n')
  // Of a process that died, the last call of its first thread is the one that it was about to make.
  const first = `${lines[0]!.split(' ')[0]} `
  if (killed) return lines.filter((line) => line.startsWith(first) && / \w+\(/.test(line)).slice(-1).map((line) => fileOf(line))
  return lines.filter((line) => line.endsWith('(INJECTED)')).map((line) => fileOf(line))
}

function fileOf(line: string): string {
  return /\((?:\d+<([^>]*)>|"([^"]*)")/.exec(line)?.slice(1).find((path) => path !== undefined) ?? ''
}

/** Files of the folder, named from it or from the root, and what the command prints; not what Node's threads tell each other. */
export function isOurs(file: string, folder: string): boolean {
  return file !== '' && !/^(?:anon_inode|pipe|socket):/.test(file) && (isAbsolute(file) ? file : join(folder, file)).startsWith(dirname(folder))
}

/** A call that a run makes on a file of ours. */
export interface FileCall extends Pick<Point, 'call' | 'when'> {
  readonly file: string
  /** The how manyth of these calls on this file it is. */
  readonly nth: number
}

/** Calls that the run's other thread makes for the first, which goes on meanwhile. */
const ELSEWHERE: ReadonlySet<Call> = new Set(['fsync', 'fdatasync'])

/** The calls that a run makes on files of ours when nothing fails, in their order. Each thread counts its own, as strace does. */
export async function callsOf(program: Program, folder: string, args: readonly string[]): Promise<FileCall[]> {
  await runFaulty(program, folder, args, undefined)
  const lines = readFileSync(join(folder, '../strace'), 'utf8').split('\n')
  const thread = lines[0]!.split(' ')[0]!
  const counts = new Map<string, number>()
  const next = (key: string): number => {
    counts.set(key, (counts.get(key) ?? 0) + 1)
    return counts.get(key)!
  }
  return lines.flatMap((line) => {
    const [, id, name] = /^(\d+) +(\w+)\(/.exec(line) ?? []
    const call = CALLS.find((candidate) => candidate === name)
    if (call === undefined || (id !== thread && !ELSEWHERE.has(call))) return []
    const file = fileOf(line)
    const when = next(`${call} of ${id}`)
    return isOurs(file, folder) ? [{ call, when, file, nth: next(`${call} ${file}`) }] : []
  })
}
