import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { repositoryRoot, temporaryFolder } from '@keyfold/test-support'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Listed } from './install.ts'
import { npmList, project, run } from './install.ts'
import type { Packed } from './pack.ts'
import { pack } from './pack.ts'
import { fetched } from './pinned.ts'
import { asCommonJs, asEsModule, stepsOfReadme } from './readme.ts'
import type { Step } from './readme.ts'

const MINUTES = 60_000
/** What a user of SQLite and TypeScript installs beside the packages. */
const BESIDE = ['better-sqlite3@13.2.0', '@types/better-sqlite3@7.6.13', '@types/node@22.20.5']
let packed: Packed

beforeAll(() => {
  packed = pack('core', 'kms-emulator', 'sqlite', 'rotation')
}, 5 * MINUTES)

afterAll(() => packed.remove())

/** Does what the README says, in its order, and gives what each program printed. */
function follow(steps: readonly Step[], folder: string, node: string, transpile: (source: string) => string): Map<string, string> {
  const printed = new Map<string, string>()
  for (const { kind, name, text } of steps) {
    if (kind === 'file') writeFileSync(join(folder, name), text)
    if (kind === 'shell') run('sh', ['-ec', text], folder, node)
    if (kind === 'program') {
      const file = name.replace(/\.ts$/, '.js')
      writeFileSync(join(folder, file), transpile(text))
      printed.set(name, run(node, [file], folder, node))
    }
  }
  return printed
}

const projects = [
  ['oldest', 'module', asEsModule],
  ['oldest', 'commonjs', asCommonJs],
  ['current', 'module', asEsModule],
  ['current', 'commonjs', asCommonJs],
] as const

for (const [age, type, transpile] of projects) {
  test(`on the ${age} Node, in an empty ${type} project, the packed packages do what the README says`, (context) => {
    const node = age === 'oldest' ? fetched(context, 'node-22') : process.execPath
    const folder = join(temporaryFolder(), 'project')
    project(context, folder, type, [...packed.tarballs, ...BESIDE])
    const printed = follow(stepsOfReadme(), folder, node, transpile)
    expect(printed.get('record.ts')).toMatch(/^078-05-1120\n\S+\nERR_NOT_AUTHENTIC - .+\n$/)
    expect(printed.get('table.ts')).toContain('grace@example.org')
  }, 5 * MINUTES)
}

test('the programs of the README compile in strict TypeScript against the packed declarations', (context) => {
  const folder = join(temporaryFolder(), 'project')
  project(context, folder, 'module', [...packed.tarballs, ...BESIDE])
  const programs = stepsOfReadme().filter(({ kind }) => kind === 'program')
  expect(programs.length).toBeGreaterThan(0)
  for (const { name, text } of programs) writeFileSync(join(folder, name), text)
  for (const [module, moduleResolution] of [['nodenext', 'nodenext'], ['esnext', 'bundler']]) {
    // without DOM, as a Node project has it: for TypeScript, a browser's streams are none of Node's (docs/streams.md)
    const compilerOptions = { module, moduleResolution, target: 'es2022', lib: ['es2023'], strict: true, noEmit: true, types: ['node'] }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: programs.map(({ name }) => name) }))
    run(process.execPath, [join(repositoryRoot, 'node_modules/typescript/bin/tsc'), '-p', folder], folder)
  }
}, 5 * MINUTES)

/** Every package below one, by its path in the tree. */
function flatten({ dependencies = {} }: Listed, above = ''): Array<readonly [path: string, listed: Listed]> {
  return Object.entries(dependencies).flatMap(([name, one]) => [[above + name, one] as const, ...flatten(one, `${above}${name} > `)])
}

test('who installs core alone gets @noble beside it, and nothing else', (context) => {
  const folder = join(temporaryFolder(), 'project')
  project(context, folder, 'module', packed.tarballs.filter((path) => path.includes('keyfold-core-')))
  const listed = flatten(npmList(folder))
  const installed = listed.filter(([, { version }]) => version !== undefined).map(([path]) => path)
  expect(installed).toEqual(['@keyfold/core', '@keyfold/core > @noble/ciphers', '@keyfold/core > @noble/hashes'])
  const manifest = JSON.parse(readFileSync(join(folder, 'node_modules/@keyfold/core/package.json'), 'utf8')) as Manifest
  const optional = Object.entries(manifest.peerDependenciesMeta).map(([name, meta]) => meta.optional && name)
  expect(Object.keys(manifest.peerDependencies).toSorted()).toEqual(optional.toSorted())
  const lock = JSON.parse(readFileSync(join(folder, 'node_modules/.package-lock.json'), 'utf8')) as { packages: object }
  expect(Object.keys(lock.packages)).toEqual(['@keyfold/core', '@noble/ciphers', '@noble/hashes'].map((name) => `node_modules/${name}`))
}, 5 * MINUTES)

interface Manifest {
  readonly peerDependencies: Readonly<Record<string, string>>
  readonly peerDependenciesMeta: Readonly<Record<string, { readonly optional: boolean }>>
}

test('the packed KMS emulator is there as a command', (context) => {
  const folder = join(temporaryFolder(), 'project')
  project(context, folder, 'module', packed.tarballs.filter((path) => path.includes('kms-emulator')))
  const printed = run(join(folder, 'node_modules/.bin/keyfold-kms-emulator'), ['--help'], folder)
  expect(printed).toContain('A KMS for tests')
}, 5 * MINUTES)

test('a package holds its build, its README and its licence, and no sources, tests or paths of the machine', () => {
  for (const tarball of packed.tarballs) {
    const files = run('tar', ['-tzf', tarball], dirname(tarball)).trim().split('\n').map((path) => path.replace(/^package\//, ''))
    expect(files).toEqual(expect.arrayContaining(['LICENSE', 'README.md', 'package.json', 'dist/index.js', 'dist/index.d.ts']))
    expect(files.filter((path) => !/^(?:LICENSE|README\.md|package\.json|dist\/.+\.(?:js|js\.map|d\.ts))$/.test(path))).toEqual([])
    const text = run('tar', ['-xzOf', tarball], dirname(tarball))
    expect(text).not.toContain(repositoryRoot)
    expect(text).not.toContain('workspace:')
  }
})
