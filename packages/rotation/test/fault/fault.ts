/** Makes one call after the other fail, and says what a run did about it. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import Sqlite from 'better-sqlite3'
import { Random } from '../kill/random.ts'
import type { Program } from '../kill/victim.ts'
import { runVictim } from '../kill/victim.ts'
import { databaseOf, ledgerOf } from '../kill/world.ts'
import type { Failure, FaultyRun, Point } from './inject.ts'
import { callsOf, FAILURES, isOurs, runFaulty } from './inject.ts'
import type { Scene } from './scenes.ts'
import { SCENES } from './scenes.ts'

export interface FaultOptions {
  readonly program: Program
  readonly seed: number
  /** How many points are tried, of all scenes together; each of them where undefined. */
  readonly sample: number | undefined
  readonly scenes?: readonly string[] | undefined
  readonly failures?: readonly Failure[] | undefined
  readonly lanes: number
  readonly onPoint?: (tried: number, of: number) => void
}

export interface FaultResult {
  readonly tried: number
  /** Points that there are. */
  readonly points: number
  /** How the runs ended: `0`, `1 ERR_SQLITE_FULL`, `SIGKILL`, … and how often. */
  readonly endings: ReadonlyMap<string, number>
  /** Calls that hit no file of ours after all, since threads take turns differently. Not judged. */
  readonly foreign: number
  readonly faults: readonly string[]
}

interface Task {
  readonly scene: Scene
  readonly template: string
  readonly point: Point
}

/** @throws what strace or the preparation of a scene throws; what is found is in the result */
export async function tryFaults(options: FaultOptions): Promise<FaultResult> {
  const base = mkdtempSync(join(tmpdir(), 'keyfold-fault-'))
  try {
    // Fills Node's cache of compiled code, so that runs do not write to it.
    await runVictim(options.program, base, ['--version'], 'never')
    const tasks = await tasksOf(options, base)
    const chosen = options.sample === undefined ? tasks : sampled(tasks, options.sample, options.seed)
    const found = { tried: 0, points: tasks.length, endings: new Map<string, number>(), foreign: 0, faults: [] as string[] }
    const next = chosen.values()
    const lane = async (): Promise<void> => {
      for (const task of next) {
        const { ending, faults } = await tryOne(options.program, task)
        found.tried++
        if (ending === undefined) found.foreign++
        else found.endings.set(ending, (found.endings.get(ending) ?? 0) + 1)
        found.faults.push(...faults)
        options.onPoint?.(found.tried, chosen.length)
      }
    }
    await Promise.all(Array.from({ length: options.lanes }, lane))
    return found
  } finally {
    rmSync(base, { recursive: true, force: true })
  }
}

/** Prepares the scenes, and lists every call of theirs, with every failure. */
async function tasksOf({ program, scenes, failures = FAILURES }: FaultOptions, base: string): Promise<Task[]> {
  const tasks: Task[] = []
  for (const [index, scene] of SCENES.entries()) {
    if (scenes !== undefined && !scenes.includes(scene.name)) continue
    const template = join(base, String(index), 'work')
    mkdirSync(template, { recursive: true })
    await scene.prepare(program, template)
    const counting = copyOf(template)
    const calls = await callsOf(program, counting, scene.args)
    rmSync(dirname(counting), { recursive: true, force: true })
    for (const error of failures) tasks.push(...calls.map((call) => ({ scene, template, point: { ...call, error } })))
  }
  return tasks
}

function copyOf(template: string): string {
  const copy = join(mkdtempSync(join(tmpdir(), 'keyfold-fault-')), 'work')
  cpSync(template, copy, { recursive: true })
  return copy
}

/** As many of each scene and call as its share is, and at least one. */
function sampled(tasks: readonly Task[], size: number, seed: number): Task[] {
  const random = new Random(seed)
  const kinds = Map.groupBy(tasks, ({ scene, point }) => `${scene.name} ${point.call} ${point.error}`)
  return [...kinds.values()].flatMap((kind) => {
    const wanted = Math.max(1, Math.round((size * kind.length) / tasks.length))
    const left = [...kind]
    return Array.from({ length: Math.min(wanted, kind.length) }, () => left.splice(random.below(left.length), 1)[0]!)
  })
}

/** One call fails; then the same command runs with nothing in its way. */
async function tryOne(program: Program, { scene, template, point }: Task): Promise<{ ending: string | undefined; faults: string[] }> {
  const folder = copyOf(template)
  const faulty = await runFaulty(program, folder, scene.args, point)
  const ours = faulty.hit.filter((file) => isOurs(file, folder))
  const faults = ours.length === 0 ? [] : [...judge(faulty, point.error), ...integrityOf(folder), ...(await again(program, scene, folder, faulty))]
  const where = `${scene.name}: ${point.error} on ${point.call} ${point.when} (${ours.map((file) => basename(file)).join(', ')})`
  if (faults.length === 0) rmSync(dirname(folder), { recursive: true, force: true })
  const ending = ours.length === 0 ? undefined : `${faulty.code ?? faulty.signal} ${codeOf(faulty) ?? ''}`.trim()
  return { ending, faults: faults.map((fault) => `${where}: ${fault} [${folder}]`) }
}

/** What a command with --json says that did its work but for what it names: a store that is yet to be scrubbed, a key that is yet to be removed. */
const UNFINISHED = /"remains":\[\{|"outcome":"unfinished".*"problem":"ERR_\w+"/

/** A typed error or a success; no crash, no hang. */
function judge(run: FaultyRun, error: Failure): string[] {
  if (run.hung) return ['it hung']
  if (error === 'KILL') return run.signal === 'SIGKILL' ? [] : [`it outlived SIGKILL with ${run.code}`]
  if (run.signal !== null || run.code === null) return [`it crashed with ${run.signal}: ${run.stderr}`]
  const onStderr = run.hit.some((file) => file.endsWith('/stderr'))
  const onStdout = run.hit.some((file) => file.endsWith('/stdout'))
  if (run.code === 0) return onStdout ? ['it says 0, though its output was not written'] : []
  const code = codeOf(run)
  if (run.code === 2 && code === undefined) return UNFINISHED.test(run.stdout) ? [] : ['it ends with 2 and names nothing that remains']
  if (code === undefined) return onStderr ? [] : [`it ends with ${run.code} and names no code: ${run.stderr}`]
  return code === 'ERR_UNEXPECTED' ? [`it did not expect that: ${run.stderr}`] : []
}

/** The code that a command with --json names on stderr. */
export function codeOf({ stderr }: { readonly stderr: string }): string | undefined {
  return /"code":"(\w+)"/.exec(stderr)?.[1]
}

export function integrityOf(folder: string): string[] {
  return [databaseOf(folder), ledgerOf(folder)].filter((file) => existsSync(file)).flatMap((file) => {
    const db = new Sqlite(file)
    try {
      const found = db.pragma('integrity_check', { simple: true })
      return found === 'ok' ? [] : [`${basename(file)}: integrity_check says ${String(found)}`]
    } finally {
      db.close()
    }
  })
}

/** Whether what it said is true, and the same command completes now. A success need not be repeated: then only what is there counts. */
async function again(program: Program, scene: Scene, folder: string, { code }: FaultyRun): Promise<string[]> {
  try {
    if (code === 0) return (await scene.check(folder)).map((fault) => `it said 0: ${fault}`)
    const { code: second, stdout, stderr } = await runVictim(program, folder, scene.args, 'never')
    // What failed was to say so, or to sync the folder: the file is there, and must be whole.
    const made = /"code":"ERR_(?:CONFIG|KEY_FILE)_EXISTS"/.test(stderr)
    if (second !== 0 && !made) return [`the same command then ends with ${second}: ${stdout} ${stderr}`]
    return (await scene.check(folder)).map((fault) => `after the second run: ${fault}`)
  } catch (error) {
    return [`what should be there is not: ${String(error)}`]
  }
}
