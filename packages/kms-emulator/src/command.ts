import { parseArgs } from 'node:util'
import type { Faults } from './faults.ts'
import type { KmsEmulator } from './server.ts'
import { startKmsEmulator } from './server.ts'

/** How to call it. */
export const USAGE = `keyfold-kms-emulator [--port N] [--region NAME] [--latency-ms N] [--faults JSON]
A KMS for tests: no signature is checked, and its keys end with the process. README.md lists the faults.`

/**
 * Starts the emulator that a command line asks for; undefined where it asks for help alone.
 *
 * @throws Error for what is no such command line
 */
export async function startFrom(args: readonly string[]): Promise<KmsEmulator | undefined> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      port: { type: 'string' },
      region: { type: 'string' },
      'latency-ms': { type: 'string' },
      faults: { type: 'string' },
      help: { type: 'boolean' },
    },
  })
  if (values.help === true) return undefined
  return startKmsEmulator({
    port: number(values.port, 'port') ?? 0,
    region: values.region ?? 'us-east-1',
    latencyMs: number(values['latency-ms'], 'latency-ms') ?? 0,
    faults: JSON.parse(values.faults ?? '{}') as Faults,
  })
}

function number(text: string | undefined, name: string): number | undefined {
  if (text === undefined) return undefined
  if (!/^\d{1,6}$/.test(text)) throw new Error(`--${name} takes a number`)
  return Number(text)
}
