import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { repositoryRoot, temporaryFolder } from '@keyfold/test-support'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { oldestNode, project, run } from './install.ts'
import { asCommonJs, asEsModule, stepsOfReadme } from './readme.ts'
import type { Step } from './readme.ts'

const MINUTES = 60_000
const packed = mkdtempSync(join(tmpdir(), 'keyfold-packed-'))
const tarballs = (): string[] => readdirSync(packed).map((file) => join(packed, file))

beforeAll(() => {
  // builds what is stale; does nothing under `npm test`
  run(process.execPath, [join(repositoryRoot, 'tools/bootstrap.mjs'), '--built', '--node', '-e', '0'], repositoryRoot)
  for (const name of ['core', 'sqlite', 'rotation']) {
    run('pnpm', ['pack', '--pack-destination', packed], join(repositoryRoot, 'packages', name))
  }
}, 5 * MINUTES)

afterAll(() => rmSync(packed, { recursive: true, force: true }))

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
    const node = age === 'oldest' ? oldestNode(context) : process.execPath
    const folder = join(temporaryFolder(), 'project')
    project(context, folder, type, tarballs())
    const printed = follow(stepsOfReadme(), folder, node, transpile)
    expect(printed.get('record.ts')).toMatch(/^078-05-1120\n\S+\nERR_NOT_AUTHENTIC - .+\n$/)
    expect(printed.get('table.ts')).toContain('grace@example.org')
  }, 5 * MINUTES)
}

test('the programs of the README compile in strict TypeScript against the packed declarations', (context) => {
  const folder = join(temporaryFolder(), 'project')
  project(context, folder, 'module', tarballs())
  const programs = stepsOfReadme().filter(({ kind }) => kind === 'program')
  expect(programs.length).toBeGreaterThan(0)
  for (const { name, text } of programs) writeFileSync(join(folder, name), text)
  for (const [module, moduleResolution] of [['nodenext', 'nodenext'], ['esnext', 'bundler']]) {
    const compilerOptions = { module, moduleResolution, target: 'es2022', strict: true, noEmit: true, types: ['node'] }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: programs.map(({ name }) => name) }))
    run(process.execPath, [join(repositoryRoot, 'node_modules/typescript/bin/tsc'), '-p', folder], folder)
  }
}, 5 * MINUTES)

test('a package holds its build, its README and its licence, and no sources, tests or paths of the machine', () => {
  for (const tarball of tarballs()) {
    const files = run('tar', ['-tzf', tarball], packed).trim().split('\n').map((path) => path.replace(/^package\//, ''))
    expect(files).toEqual(expect.arrayContaining(['LICENSE', 'README.md', 'package.json', 'dist/index.js', 'dist/index.d.ts']))
    expect(files.filter((path) => !/^(?:LICENSE|README\.md|package\.json|dist\/.+\.(?:js|js\.map|d\.ts))$/.test(path))).toEqual([])
    const text = run('tar', ['-xzOf', tarball], packed)
    expect(text).not.toContain(repositoryRoot)
    expect(text).not.toContain('workspace:')
  }
})
