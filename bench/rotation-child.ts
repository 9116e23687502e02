// rotation-child.ts FOLDER DATABASE ROWS a|b 1|2: rewraps all rows to a key, on one thread or two, and prints what that took, of time and of memory.
import { peakBytes } from './peak-memory.ts'
import { keysIn, rotateOnce } from './rotation-database.ts'

const [folder = '', path = '', rows = '0', to, threads] = process.argv.slice(2)
const started = performance.now()
const how = { to: to === 'a' ? 'a' : 'b', reason: 'rotation', threads: threads === '2' ? 2 : 1 } as const
await rotateOnce({ folder, path, ...how }, keysIn(folder, false), Number(rows))
process.stdout.write(JSON.stringify({ milliseconds: performance.now() - started, peakBytes: peakBytes() }))
