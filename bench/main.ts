/** npm run bench [-- --json FILE] [-- --rows N]: what sealing, opening and rotating cost, as shares of the least that the same work takes. */
import { cpus } from 'node:os'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { benchBatches } from './batches.ts'
import { benchBranchKeys } from './branch-keys.ts'
import { benchRecords } from './records.ts'
import { table, writeJson } from './report.ts'
import { benchRotation } from './rotation.ts'
import { benchRotationLoad, loadTable } from './rotation-load.ts'
import { benchStreams } from './streams.ts'

const { values } = parseArgs({ options: { json: { type: 'string' }, rows: { type: 'string', default: '100000' } }, strict: true })

console.log(`Node ${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}`)
console.log('Medians of interleaved rounds. A shared machine is noisy: read the shares.\n')
const records = benchRecords()
console.log(`${table('Records', 'two AES-256-GCM one-shots of node:crypto, no commitment, no context', records)}\n`)
const batches = benchBatches()
console.log(`${table('Batches, per record', 'the same, one by one; over 100 % is what the batch saves', batches)}\n`)
const branchKeys = await benchBranchKeys()
console.log(`${table('Branch keys, per record', 'the same process with a key file', branchKeys)}\n`)
const rotation = await benchRotation(Number(values.rows))
console.log(`${table('Rotation, per row of 256 B', 'what stands behind the comma, in the same batches', rotation)}\n`)
console.log(`${loadTable(await benchRotationLoad(Number(values.rows)))}\n`)
const streams = await benchStreams()
console.log(`${table('Streams, per MiB', 'the bare calls of node:crypto on the same chunks of 16 KiB', streams)}\n`)
const results = [...records, ...batches, ...branchKeys, ...rotation, ...streams]
if (values.json !== undefined) writeJson(resolve(process.env['INIT_CWD'] ?? '.', values.json), results)
console.log(`${results.length} results${values.json === undefined ? '' : `, written to ${values.json}`}`)
