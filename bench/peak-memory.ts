import { readFileSync } from 'node:fs'

/** The most memory that this process has had. On Linux, `maxRSS` begins with that of the process which started it: a benchmark has many MiB. */
export function peakBytes(): number {
  if (process.platform !== 'linux') return process.resourceUsage().maxRSS * 1024
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))![1]) * 1024
}
