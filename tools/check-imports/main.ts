import { root } from '../run-step.ts'
import { brokenArrows } from './check.ts'

const faults = brokenArrows(root)
for (const fault of faults) console.error(fault)
console.log(faults.length === 0 ? 'arrows: all hold' : `arrows: ${faults.length} broken`)
process.exitCode = faults.length === 0 ? 0 : 1
