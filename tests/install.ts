import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { basename, delimiter, dirname, join } from 'node:path'
import { repositoryRoot, requireOrSkip } from '@keyfold/test-support'
import type { TestContext } from 'vitest'

export type Skippable = Pick<TestContext, 'skip'>

/** The environment of somebody who has this Node, and no npm around the process that hands settings down. */
function environmentOf(node: string): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !/^(?:npm_|VITEST|NODE_ENV|NODE_OPTIONS)/i.test(name))
  return { ...Object.fromEntries(own), PATH: [dirname(node), process.env['PATH'] ?? ''].join(delimiter), NO_COLOR: '1' }
}

/** A package unpacked onto stdout is more than the megabyte that Node takes by default. */
const MAX_OUTPUT = 64 * 1024 * 1024

/** Runs it and gives what it printed; a failure shows all of it. */
export function run(program: string, args: readonly string[], cwd: string, node: string = process.execPath): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd, env: environmentOf(node), encoding: 'utf8', maxBuffer: MAX_OUTPUT })
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${status}\n${error?.message ?? ''}${stdout}${stderr}`)
  return stdout
}

const NPM_FLAGS = [
  '--no-audit', '--no-fund', '--loglevel=error', '--prefer-offline',
  // npm would wait five minutes on a connection that has gone silent
  '--fetch-timeout=30000', '--fetch-retries=2', '--fetch-retry-mintimeout=1000', '--fetch-retry-maxtimeout=5000',
]

/**
 * Runs the npm that started the tests, under the Node that it was started with: a Node out of a package trusts other certificates than the
 * machine's own, and would fail behind a company's proxy. Without it, the npm of the PATH.
 */
function runNpm(args: readonly string[], folder: string): string {
  const { npm_execpath: npm = '', npm_node_execpath: node } = process.env
  if (node !== undefined && basename(npm) === 'npm-cli.js') return run(node, [npm, ...args], folder, node)
  return run('npm', args, folder)
}

let reachable: boolean | undefined

/** Asked once, and of something small: without a network `npm install` fails late, and may say something else. */
function hasRegistry(): boolean {
  try {
    runNpm(['view', ...NPM_FLAGS, 'better-sqlite3@13.2.0', 'version'], repositoryRoot)
    return true
  } catch {
    return false
  }
}

/** `npm install` in a folder; skips the test (fails it in CI) where no registry can be reached. */
export function npmInstall(context: Skippable, folder: string, specs: readonly string[]): void {
  requireOrSkip(context, (reachable ??= hasRegistry()), 'npm reaches no registry')
  runNpm(['install', ...NPM_FLAGS, ...specs], folder)
}

/** An empty project in which these were installed by npm. */
export function project(context: Skippable, folder: string, type: 'module' | 'commonjs', specs: readonly string[]): void {
  mkdirSync(folder)
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'empty', private: true, type }))
  npmInstall(context, folder, specs)
}

/** A package in the answer of `npm ls --json`; without a version where it is missing, which npm allows for an optional peer alone. */
export interface Listed {
  readonly version?: string
  readonly dependencies?: Readonly<Record<string, Listed>>
}

/** `npm ls --all` of a project, which fails where something is missing or extraneous. */
export function npmList(folder: string): Listed {
  return JSON.parse(runNpm(['ls', '--all', '--json'], folder)) as Listed
}
