import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryRoot } from '@keyfold/test-support'
import ts from 'typescript'

/** A fence of the README that a reader would type or run: ```ts file=NAME, ```json file=NAME, ```sh run. Others are only read. */
export interface Step {
  readonly kind: 'program' | 'file' | 'shell'
  /** of a program or a file */
  readonly name: string
  readonly text: string
}

const FENCE = /^```(ts|json|sh) (?:file=(\S+)|run)\n(.*?)^```$/gms

export function stepsOfReadme(): readonly Step[] {
  const text = readFileSync(join(repositoryRoot, 'README.md'), 'utf8')
  return Array.from(text.matchAll(FENCE), ([, language, name = '', body = '']) =>
    ({ kind: language === 'ts' ? 'program' : language === 'json' ? 'file' : 'shell', name, text: body }))
}

const SETTINGS = { target: ts.ScriptTarget.ES2022, esModuleInterop: true, verbatimModuleSyntax: false }

export function asEsModule(source: string): string {
  return ts.transpileModule(source, { compilerOptions: { ...SETTINGS, module: ts.ModuleKind.ESNext } }).outputText
}

/** The program as a CommonJS user writes it: its imports are `require`, and what awaits at the top stands in a function. */
export function asCommonJs(source: string): string {
  const lines = source.split('\n')
  const imports = lines.filter((line) => line.startsWith('import '))
  const body = lines.filter((line) => !line.startsWith('import '))
  const program = [...imports, 'async function main() {', ...body, '}', 'main().catch((error) => { console.error(error); process.exit(1) })']
  return ts.transpileModule(program.join('\n'), { compilerOptions: { ...SETTINGS, module: ts.ModuleKind.CommonJS } }).outputText
}
