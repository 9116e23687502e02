// `npm run mutation -- --package core [--files bytes,wrappers/key-file]`: changes the package's code in one place at a time, and counts how many of
// these mutants its fast tests notice; below the bar it fails.
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { figureLine } from '../figure.ts'
import { root } from '../run-step.ts'
import { isPackage, packages } from './packages.ts'
import type { PackageName } from './packages.ts'
import { runMutants } from './run.ts'
import { countsOf, detailLine, scoreOf } from './score.ts'

function chosen(): { name: PackageName; files: readonly string[] } | undefined {
  try {
    const { values } = parseArgs({ options: { package: { type: 'string', default: 'core' }, files: { type: 'string', default: '' } } })
    if (!isPackage(values.package)) return undefined
    return { name: values.package, files: values.files === '' ? [] : values.files.split(',') }
  } catch {
    return undefined
  }
}

const choice = chosen()
if (choice === undefined) {
  console.error(`usage: npm run mutation -- [--package ${Object.keys(packages).join('|')}] [--files NAME,…]   (NAME: a file of src, without .ts)`)
  process.exitCode = 64
} else {
  const { name, files } = choice
  // Stryker and the vitest configuration, which runs in its processes, start from here
  process.chdir(resolve(root))
  process.env['KEYFOLD_MUTATED'] = name
  const source = `packages/${name}/src`
  const patterns = files.length === 0 ? [`${source}/**/*.ts`] : files.map((file) => `${source}/${file}.ts`)
  const counts = countsOf(await runMutants(name, patterns))
  const { bar } = packages[name]
  const subject = files.length === 0 ? name : `${name} (${files.join(', ')})`
  console.log(detailLine(counts))
  console.log(figureLine('mutation', subject, scoreOf(counts), `${counts.valid} mutants killed`, bar))
  process.exitCode = scoreOf(counts) >= bar ? 0 : 1
}
