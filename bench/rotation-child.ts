// rotation-child.ts FOLDER DATABASE ROWS: rewraps all rows to key a on two threads, and prints what that took, of time and of memory.
import { keysIn, rotateOnce } from './rotation-database.ts'

const [folder = '', path = '', rows = '0'] = process.argv.slice(2)
const started = performance.now()
await rotateOnce({ folder, path, to: 'a', reason: 'rotation', threads: 2 }, keysIn(folder, false), Number(rows))
// maxRSS is in KiB, threads included
process.stdout.write(JSON.stringify({ milliseconds: performance.now() - started, peakBytes: process.resourceUsage().maxRSS * 1024 }))
