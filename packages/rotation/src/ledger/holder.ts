import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'

/** A process that holds a lease. */
export interface Holder {
  /** The name of the machine, for people. */
  readonly machine: string
  /** What tells the process from every other one that ever ran here: boot, namespace of process ids, start time. Empty where that cannot be told. */
  readonly process: string
  readonly pid: number
}

/** This process. */
export function thisHolder(): Holder {
  return { machine: hostname(), process: identityOf(process.pid) ?? '', pid: process.pid }
}

/**
 * Whether a holder is known to have ended, or known to live; undefined where it cannot be told from here: it ran on another machine, before the
 * last start of this one, or in another container.
 */
export function isGone({ machine, process: identity, pid }: Holder): boolean | undefined {
  const here = thisHolder()
  // Without proc(5) a number that is in use may be another process's by now; one that is not says enough.
  if (here.process === '' && identity === '') return machine === here.machine && !exists(pid) ? true : undefined
  const place = placeOf(identity)
  if (place === undefined || place !== placeOf(here.process)) return undefined
  return identityOf(pid) !== identity
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

/** `boot namespace start`, from Linux's proc(5); undefined where there is none, or no such process. */
function identityOf(pid: number): string | undefined {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
    const namespace = readlinkSync('/proc/self/ns/pid')
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // the second field is a name in parentheses, and may hold blanks and parentheses itself
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const [state, started] = [fields[0], fields[19]]
    return state === 'Z' || started === undefined ? undefined : `${boot} ${namespace} ${started}`
  } catch {
    return undefined
  }
}

/** Boot and namespace of an identity. */
function placeOf(identity: string): string | undefined {
  return /^\S+ \S+(?= \d+$)/.exec(identity)?.[0]
}
