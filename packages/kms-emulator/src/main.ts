#!/usr/bin/env node
import { startFrom, USAGE } from './command.ts'

try {
  const emulator = await startFrom(process.argv.slice(2))
  // the one line on stdout, so that a script can read where it listens
  process.stdout.write(`${emulator?.endpoint ?? USAGE}\n`)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void emulator?.close())
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n\n${USAGE}\n`)
  process.exitCode = 64
}
