// `npm run mutation -- [--package core] [--part 2/8] [--files bytes,wrappers/key-file]`: changes the package's code in one place at a time, and
// counts how many of these mutants its fast tests notice; below the bar it fails.
import { parseArgs } from 'node:util'
import { figureLine } from '../figure.ts'
import { root } from '../run-step.ts'
import type { PackageName } from './packages.ts'
import { isPackage, packages } from './packages.ts'
import type { Part } from './part.ts'
import { parsePart, uncertainty } from './part.ts'
import { runMutants } from './run.ts'
import { countsOf, detailLine, scoreOf } from './score.ts'

interface Choice {
  readonly name: PackageName
  readonly part: Part
  readonly files: readonly string[]
}

function chosen(): Choice | undefined {
  try {
    const text = { type: 'string' } as const
    const { values } = parseArgs({ options: { package: { ...text, default: 'core' }, part: text, files: text } })
    if (!isPackage(values.package)) return undefined
    // a few files are soon done
    const part = parsePart(values.part ?? (values.files === undefined ? packages[values.package].part : '1/1'))
    return part && { name: values.package, part, files: values.files?.split(',') ?? [] }
  } catch {
    return undefined
  }
}

const choice = chosen()
if (choice === undefined) {
  console.error(`usage: npm run mutation -- [--package ${Object.keys(packages).join('|')}] [--part K/N] [--files NAME,…]
  K/N: the Kth of N parts, 1/1 for all mutants; NAME: a file of src, without .ts`)
  process.exitCode = 64
} else {
  const { name, part, files } = choice
  // Stryker starts from here
  process.chdir(root)
  const source = `packages/${name}/src`
  const patterns = (files.length === 0 ? packages[name].files : files.map((file) => `${file}.ts`)).map((file) => `${source}/${file}`)
  const { results, all } = await runMutants(name, patterns, part)
  const counts = countsOf(results)
  const share = scoreOf(counts)
  const { bar } = packages[name]
  console.log(detailLine(counts))
  if (part.of > 1) {
    const give = uncertainty(share, counts.valid, all).toFixed(1)
    console.log(`part ${part.part} of ${part.of}: ${results.length} of ${all} mutants; 95 % of such parts are within ${give} of the score of all`)
  }
  console.log(figureLine('mutation', files.length === 0 ? name : `${name} (${files.join(', ')})`, share, `${counts.valid} mutants killed`, bar))
  process.exitCode = share >= bar ? 0 : 1
}
