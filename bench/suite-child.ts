// suite-child.ts FILE, an order as JSON on stdin: runs one suite, whose own lines go to stdout, and writes its section to the file.
import { readFileSync, writeFileSync } from 'node:fs'
import type { SuiteOrder } from './suite.ts'
import { SUITES } from './suites/index.ts'

const [, , file = ''] = process.argv
const { name, options } = JSON.parse(readFileSync(0, 'utf8')) as SuiteOrder
const section = await SUITES.find((suite) => suite.name === name)!.run(options)
writeFileSync(file, JSON.stringify(section))
