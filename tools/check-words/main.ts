import { root } from '../run-step.ts'
import { wordFaults } from './check.ts'

const faults = wordFaults(root)
for (const fault of faults) console.error(fault)
console.log(faults.length === 0 ? 'words: clean' : `words: ${faults.length} to mend`)
process.exitCode = faults.length === 0 ? 0 : 1
