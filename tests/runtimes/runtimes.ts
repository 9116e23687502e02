/** Where the packed core is tried, and how each of these runtimes is found and started. */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { requireOrSkip } from '@keyfold/test-support'
import { bundleForBrowser } from '../../tools/browser-bundle.ts'
import type { Skippable } from '../install.ts'
import { unpackCore } from '../pack.ts'
import type { Pin } from '../pinned.ts'
import { fetched, fetchedInCi, pinned } from '../pinned.ts'
import { joinParts } from './bundle.ts'
import type { Page } from './chromium.ts'
import { findChromium, openPage } from './chromium.ts'
import type { Report, Task } from './portable/suite.ts'
import type { NodeModulesReport } from './with-node-modules.ts'

/** A runtime with a command line. */
export interface Server {
  readonly name: string
  readonly pin: Pin
  /** The file of core's backend that it picks. */
  readonly backend: string
  program(context: Skippable): string
  /** What stands before the script: for the suite, and for files below `folder`. */
  readonly args: (folder?: string) => readonly string[]
}

const none = (): readonly string[] => []

/** The Node of the tests, where it is a Node 24; else that of the pin. */
function node24(context: Skippable): string {
  return process.version === `v${pinned('node-24').version}` ? process.execPath : fetchedInCi(context, 'node-24')
}

export const servers: readonly Server[] = [
  { name: 'Node 22', pin: 'node-22', backend: 'backend-node.js', program: (context) => fetched(context, 'node-22'), args: none },
  { name: 'Node 24', pin: 'node-24', backend: 'backend-node.js', program: node24, args: none },
  { name: 'Node 26', pin: 'node-26', backend: 'backend-node.js', program: (context) => fetchedInCi(context, 'node-26'), args: none },
  { name: 'Bun', pin: 'bun', backend: 'backend-bun.js', program: (context) => fetchedInCi(context, 'bun'), args: none },
  { name: 'Deno', pin: 'deno', backend: 'backend-node.js', program: (context) => fetchedInCi(context, 'deno'), args: denoArgs },
]

/** Core gets no permission at all; key files get those that docs/runtimes.md names. */
function denoArgs(folder?: string): readonly string[] {
  const permissions = [`--allow-read=${folder}`, `--allow-write=${folder}`, '--allow-sys=uid', '--allow-env=CREDENTIALS_DIRECTORY']
  return ['run', '--no-prompt', '--no-remote', ...(folder === undefined ? [] : permissions)]
}

/** A project of a user who has installed the packed core, with the test programs in it. */
export interface Project {
  run(context: Skippable, server: Server, task: Task): Promise<Report>
  withNodeModules(context: Skippable, server: Server): Promise<NodeModulesReport>
  /** What a program prints. */
  print(context: Skippable, server: Server, program: string): Promise<string>
  page(context: Skippable): Promise<Page>
  remove(): Promise<void>
}

export async function makeProject(): Promise<Project> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'keyfold-runtimes-')))
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'empty', private: true, type: 'module' }))
  unpackCore(folder)
  const [suite, withNodeModules] = await Promise.all(['on-server', 'with-node-modules', 'in-page'].map((name) => joinParts(name, folder)))
  let page: Promise<Page> | undefined
  return {
    async run(context, server, task) {
      return JSON.parse(await start(server.program(context), [...server.args(), suite!], folder, JSON.stringify(task))) as Report
    },
    async withNodeModules(context, server) {
      const keys = badKeyFiles(folder)
      const args = [...server.args(folder), withNodeModules!, keys, join(folder, 'node_modules', '@keyfold', 'core')]
      return JSON.parse(await start(server.program(context), args, folder)) as NodeModulesReport
    },
    print(context, server, program) {
      const file = join(folder, 'program.mjs')
      writeFileSync(file, program)
      return start(server.program(context), [...server.args(), file], folder)
    },
    page(context) {
      const chromium = findChromium()
      requireOrSkip(context, chromium !== undefined, 'Chromium is not on the PATH')
      return (page ??= bundleForBrowser("import './in-page.mjs'", folder).then(({ code }) => openPage(chromium!, code)))
    },
    async remove() {
      await (await page)?.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** A folder of files that are no key files: open to all, a link, cut, and a folder. */
function badKeyFiles(parent: string): string {
  const folder = mkdtempSync(join(parent, 'keys-'))
  const path = (name: string): string => join(folder, name)
  writeFileSync(path('open.key'), randomBytes(32), { mode: 0o644 })
  symlinkSync(path('open.key'), path('link.key'))
  writeFileSync(path('short.key'), randomBytes(31), { mode: 0o600 })
  mkdirSync(path('folder.key'))
  return folder
}

/** Runs a program without the settings of the one that tests; gives what it printed. A failure shows all of it. */
function start(program: string, args: readonly string[], cwd: string, input = ''): Promise<string> {
  const env = { PATH: process.env['PATH'], HOME: cwd, NO_COLOR: '1', DENO_NO_UPDATE_CHECK: '1', DENO_DIR: join(cwd, 'deno') }
  return new Promise((done, fail) => {
    const child = spawn(program, args, { cwd, env, timeout: 60_000 })
    let [stdout, stderr] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    child.on('error', fail)
    child.on('close', (code, signal) => {
      if (code === 0) done(stdout)
      else fail(new Error(`${program} ended with ${code ?? signal}\n${stderr}${stdout}`))
    })
    child.stdin.on('error', () => {}) // a program that has ended early is seen by its exit code
    child.stdin.end(input)
  })
}
