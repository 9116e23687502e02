import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import type { Grant } from './arrows.ts'
import { closedFolders, coreRows, grants, subpathImports, wrapperFamilies, wrapperImports } from './arrows.ts'
import { cyclesIn } from './cycles.ts'
import { importsOf } from './imports-of.ts'

/** What one file of a package imports, with names as in the table: relative to src, without extension. */
interface SourceFile {
  readonly name: string
  readonly inner: readonly { readonly target: string, readonly line: number }[]
  readonly outer: readonly { readonly module: string, readonly line: number }[]
  readonly faults: readonly string[]
}

/** Every broken arrow below `root`/packages, one line each with its place. */
export function brokenArrows(root: string): string[] {
  return readdirSync(join(root, 'packages')).sort().flatMap((name) => checkPackage(name, join(root, 'packages', name, 'src')))
}

function checkPackage(name: string, src: string): string[] {
  if (!existsSync(src)) return []
  const paths = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts')).sort()
  const files = paths.map((path) => readSource(src, path.replaceAll('\\', '/')))
  const graph = new Map(files.map((file) => [file.name, file.inner.map((edge) => edge.target)]))
  const faults = [
    ...files.flatMap((file) => [...file.faults, ...placeFaults(name, file), ...outerFaults(name, file), ...innerFaults(name, file)]),
    ...cyclesIn(graph).map((cycle) => `${cycle[0]}.ts: imports itself in a circle: ${cycle.join(' -> ')}`),
  ]
  return faults.map((fault) => `packages/${name}/src/${fault}`)
}

function readSource(src: string, path: string): SourceFile {
  const name = path.replace(/\.ts$/, '')
  const inner: { target: string, line: number }[] = []
  const outer: { module: string, line: number }[] = []
  const faults: string[] = []
  for (const { name: module, line } of importsOf(path, readFileSync(join(src, path), 'utf8'))) {
    const subpath = module === undefined ? undefined : subpathImports[module]
    if (module === undefined) faults.push(`${path}:${line}: imports a module whose name is computed`)
    else if (subpath !== undefined) inner.push({ target: subpath, line })
    else if (!module.startsWith('.')) outer.push({ module, line })
    else if (!isSource(join(src, dirname(path), module))) faults.push(`${path}:${line}: ${module} is not a .ts file that is there`)
    else inner.push({ target: posix.join(posix.dirname(path), module).replace(/\.ts$/, ''), line })
  }
  return { name, inner, outer, faults }
}

function isSource(path: string): boolean {
  return path.endsWith('.ts') && existsSync(path)
}

function placeFaults(packageName: string, { name }: SourceFile): string[] {
  const placed = packageName !== 'core' || name.startsWith('wrappers/') || rowOf(name) !== -1
  return placed ? [] : [`${name}.ts: stands in no row of tools/check-imports/arrows.ts`]
}

function outerFaults(packageName: string, file: SourceFile): string[] {
  const lines = grants[packageName] ?? []
  return file.outer
    .filter(({ module }) => !lines.some((grant) => allows(grant, file.name, module)))
    .map(({ module, line }) => `${file.name}.ts:${line}: may not import ${module}`)
}

function allows(grant: Grant, file: string, module: string): boolean {
  return grant.files.some((pattern) => matches(pattern, file)) && grant.modules.some((pattern) => matches(pattern, module))
}

/** `node:*`, `x/*`, `cli/**` and `**` stand for all that begins so; a pattern without a star is a name. */
function matches(pattern: string, name: string): boolean {
  const star = pattern.indexOf('*')
  return star === -1 ? name === pattern : name.startsWith(pattern.slice(0, star))
}

function innerFaults(packageName: string, file: SourceFile): string[] {
  return file.inner.flatMap(({ target, line }) => {
    const reason = target.startsWith('..') ? 'leaves its package' : innerFault(packageName, file.name, target)
    return reason === undefined ? [] : [`${file.name}.ts:${line}: may not import ${target}.ts: ${reason}`]
  })
}

function innerFault(packageName: string, from: string, to: string): string | undefined {
  const closed = closedFolders[packageName]
  if (closed !== undefined && to.startsWith(`${closed}/`) && !from.startsWith(`${closed}/`)) return `only ${closed}/ knows ${closed}/`
  return packageName === 'core' ? coreFault(from, to) : undefined
}

function coreFault(from: string, to: string): string | undefined {
  if (sameFamily(from, to)) return undefined
  if (from.startsWith('wrappers/')) return wrapperImports.includes(to) ? undefined : `a wrapper knows ${wrapperImports.join(', ')} only`
  const row = rowOf(to)
  return row !== -1 && row < rowOf(from) ? undefined : 'it does not stand above in the rows of tools/check-imports/arrows.ts'
}

function sameFamily(one: string, other: string): boolean {
  return wrapperFamilies.some((family) => [one, other].every((name) => name === family || name.startsWith(`${family}-`)))
}

function rowOf(name: string): number {
  return coreRows.findIndex((row) => row.includes(name))
}
