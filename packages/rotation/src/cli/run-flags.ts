import { InvalidArgumentError } from 'commander'
import type { Command } from 'commander'
import type { RunLimits } from '../index.ts'

/** How fast `run` goes and what ends it early, as flags. */
export interface LimitFlags {
  readonly batch?: number
  readonly gentle?: boolean
  readonly concurrency?: number
  readonly kmsRps?: number
  readonly maxDuration?: number
  readonly maxErrors?: number
  readonly threads: number
}

export function addLimitOptions(command: Command): Command {
  return command
    .option('--batch <records>', 'records per transaction', whole(10_000))
    .option('--gentle', 'small batches with pauses, so that an application beside it hardly notices')
    .option('--concurrency <calls>', 'calls of key services under way at once; 16 by default', whole(256))
    .option('--kms-rps <calls>', 'the most calls of key services in a second, retries included', callsPerSecond)
    .option('--max-duration <time>', 'stop after the batch at this time (90s, 30m, 1h30m); exit 6', duration)
    .option('--max-errors <records>', 'stop once so many records were set aside; exit 3', whole(1_000_000_000))
    .option('--threads <count>', '2: each database on a thread of its own; 1: all on one thread', threads, 1)
}

/** As the library takes them. */
export function limitsOf({ batch, gentle, concurrency, kmsRps, maxDuration, maxErrors }: LimitFlags): RunLimits {
  return {
    ...(batch !== undefined && { batch }),
    ...(gentle !== undefined && { gentle }),
    ...(concurrency !== undefined && { concurrency }),
    ...(kmsRps !== undefined && { kmsRps }),
    ...(maxDuration !== undefined && { maxDuration }),
    ...(maxErrors !== undefined && { maxErrors }),
  }
}

/** With one core, a second thread would only take turns with the first. */
function whole(most: number): (text: string) => number {
  return (text) => {
    if (/^[1-9]\d{0,9}$/.test(text) && Number(text) <= most) return Number(text)
    throw new InvalidArgumentError(`It is a whole number from 1 to ${most}.`)
  }
}

function callsPerSecond(text: string): number {
  if (/^\d{1,6}(\.\d{1,3})?$/.test(text) && Number(text) >= 0.1 && Number(text) <= 100_000) return Number(text)
  throw new InvalidArgumentError('It is a number from 0.1 to 100000.')
}

function threads(text: string): number {
  if (text === '1' || text === '2') return Number(text)
  throw new InvalidArgumentError('It is 1 or 2.')
}

/** Milliseconds of `90s`, `30m` or `1h30m`; at most 24 days, which is as far as timers go. */
function duration(text: string): number {
  const [, hours = 0, minutes = 0, seconds = 0] = /^(?:(\d{1,3})h)?(?:(\d{1,5})m)?(?:(\d{1,7})s)?$/.exec(text) ?? []
  const milliseconds = ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000
  if (milliseconds > 0 && milliseconds <= 0x7fff_ffff) return milliseconds
  throw new InvalidArgumentError('It is a time such as 90s, 30m or 1h30m, at most 24 days.')
}
