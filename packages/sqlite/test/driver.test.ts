/** Loading better-sqlite3: on a Node that it cannot bear, importing it ends the process, so the guard has to come first. */
import { repositoryRoot, requireOrSkip, temporaryFolder } from '@keyfold/test-support'
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { delimiter, join } from 'node:path'
import { expect, test } from 'vitest'

const packages = join(repositoryRoot, 'packages')

/** A Node of this machine with an older Node-API. */
function oldNode(): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/bin', '/usr/local/bin']
  return folders
    .map((folder) => join(folder, 'node'))
    .find((node) => {
      const { stdout } = spawnSync(node, ['-p', 'process.versions.napi'], { encoding: 'utf8' })
      return Number.parseInt(stdout ?? '', 10) < 10
    })
}

/** An old Node runs no TypeScript: the sources with their types stripped. */
function stripInto(folder: string, source: string): void {
  mkdirSync(folder, { recursive: true })
  for (const file of readdirSync(source).filter((name) => name.endsWith('.ts'))) {
    const text = stripTypeScriptTypes(readFileSync(join(source, file), 'utf8'))
    writeFileSync(join(folder, file.replace(/\.ts$/, '.js')), text.replaceAll(/(from '\.[^']*)\.ts'/g, "$1.js'"))
  }
}

/** A project outside of the repository that opens a database and says how it went. */
function project(): string {
  const folder = temporaryFolder()
  const core = join(folder, 'node_modules', '@keyfold', 'core')
  stripInto(join(folder, 'sqlite'), join(packages, 'sqlite', 'src'))
  stripInto(core, join(packages, 'core', 'src'))
  writeFileSync(
    join(core, 'package.json'),
    JSON.stringify({
      type: 'module',
      exports: './index.js',
      imports: { '#backend': './backend-node.js' },
    }),
  )
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
  writeFileSync(join(folder, 'app.db'), '')
  writeFileSync(
    join(folder, 'main.js'),
    `import { openDatabase } from './sqlite/index.js'
    openDatabase('app.db').then(() => console.log('opened'), ({ code, message, hint }) => console.log([code, message, hint].join('|')))`,
  )
  return folder
}

function runProject(node: string, folder: string) {
  const { status, signal, stdout } = spawnSync(node, ['main.js'], { cwd: folder, encoding: 'utf8' })
  return { status, signal, stdout: stdout.trim() }
}

function installDriver(folder: string): void {
  symlinkSync(realpathSync(join(packages, 'sqlite', 'node_modules', 'better-sqlite3')), join(folder, 'node_modules', 'better-sqlite3'))
}

test('an old Node gets a coded error, not a crash', (context) => {
  const node = oldNode()
  requireOrSkip(context, node !== undefined, 'no Node older than 22.14 on this machine')
  const folder = project()
  installDriver(folder)
  expect(runProject(node!, folder)).toEqual({
    status: 0,
    signal: null,
    stdout: expect.stringMatching(/^ERR_RUNTIME\|better-sqlite3 needs Node-API 10, v\d+\.[^|]*\|Keyfold needs Node 22\.14 or newer/) as string,
  })
})

test('without better-sqlite3 the error says what to install; with it the same project runs', () => {
  const folder = project()
  expect(runProject(process.execPath, folder)).toEqual({
    status: 0,
    signal: null,
    stdout: 'ERR_SQLITE_MISSING|Cannot import better-sqlite3|Install the driver beside Keyfold: npm install better-sqlite3',
  })
  installDriver(folder)
  expect(runProject(process.execPath, folder).stdout).toBe('opened')
})
