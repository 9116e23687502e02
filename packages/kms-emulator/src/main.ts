#!/usr/bin/env node
import { parseArgs } from 'node:util'
import type { Faults } from './faults.ts'
import { startKmsEmulator } from './server.ts'

const USAGE = `keyfold-kms-emulator [--port N] [--region NAME] [--latency-ms N] [--faults JSON]
A KMS for tests: no signature is checked, and its keys end with the process. README.md lists the faults.`

try {
  await main()
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n\n${USAGE}\n`)
  process.exitCode = 64
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: 'string' },
      region: { type: 'string' },
      'latency-ms': { type: 'string' },
      faults: { type: 'string' },
      help: { type: 'boolean' },
    },
  })
  if (values.help === true) return void process.stdout.write(`${USAGE}\n`)
  const emulator = await startKmsEmulator({
    port: number(values.port, 'port') ?? 0,
    region: values.region ?? 'us-east-1',
    latencyMs: number(values['latency-ms'], 'latency-ms') ?? 0,
    faults: JSON.parse(values.faults ?? '{}') as Faults,
  })
  // the one line on stdout, so that a script can read where it listens
  process.stdout.write(`${emulator.endpoint}\n`)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void emulator.close())
}

function number(text: string | undefined, name: string): number | undefined {
  if (text === undefined) return undefined
  if (!/^\d{1,6}$/.test(text)) throw new Error(`--${name} takes a number`)
  return Number(text)
}
