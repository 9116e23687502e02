import { randomUUID } from 'node:crypto'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { cryptoOperations } from './crypto-operations.ts'
import { invalid, KmsFault } from './errors.ts'
import type { Faults } from './faults.ts'
import { checkedFaults, distort, strike } from './faults.ts'
import type { Input } from './input.ts'
import { keyOperations } from './key-operations.ts'
import { KeyStore } from './keys.ts'

/** AWS's own limit is lower; this one only keeps a mistake from filling the memory. */
const MOST_REQUEST_BYTES = 64 * 1024
const HUGE_BYTES = 10_000_000
const OPERATIONS = { ...keyOperations, ...cryptoOperations }

export interface KmsEmulatorOptions {
  /** TCP port on the loopback interface; any free one where it is left out. */
  port?: number
  /** The region of a request that is not signed. Signed ones name their own. */
  region?: string
  /** As `faults.latencyMs`. */
  latencyMs?: number
  /** What it shall do wrong from the beginning. */
  faults?: Faults
}

/** A running emulator. */
export interface KmsEmulator {
  /** `http://127.0.0.1:PORT`: the `endpoint` of an SDK client. */
  readonly endpoint: string
  /** Calls of every operation since the start or the last `resetCalls`, faulty answers included. */
  readonly calls: Readonly<Record<string, number>>
  resetCalls(): void
  /** Replaces all faults; `{}` ends them. */
  setFaults(faults: Faults): void
  /** Ends it; connections that hang are cut. */
  close(): Promise<void>
}

/**
 * Starts an emulator of AWS KMS on the loopback interface. FOR TESTS ALONE: it checks no signature and keeps its keys in memory.
 *
 * @example const emulator = await startKmsEmulator({ latencyMs: 10 })
 */
export async function startKmsEmulator(options: KmsEmulatorOptions = {}): Promise<KmsEmulator> {
  const { port = 0, region = 'us-east-1', latencyMs, faults = {} } = options
  const state = new State(region, { ...(latencyMs !== undefined && { latencyMs }), ...checkedFaults(faults) })
  const server = createServer((request, response) => void respond(state, request, response))
  await listen(server, port)
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get calls() {
      return Object.fromEntries(state.calls)
    },
    resetCalls: () => state.calls.clear(),
    setFaults: (others) => {
      state.faults = checkedFaults(others)
      state.counted = 0
    },
    close: () => close(server),
  }
}

class State {
  readonly store = new KeyStore()
  readonly calls = new Map<string, number>()
  readonly region: string
  faults: Faults
  /** Calls since the faults were set, for those that strike every nth. */
  counted = 0

  constructor(region: string, faults: Faults) {
    this.region = region
    this.faults = faults
  }
}

async function respond(state: State, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const region = regionOf(request) ?? state.region
  const faults = state.faults.regions?.includes(region) === false ? {} : state.faults
  try {
    const operation = operationOf(request)
    state.calls.set(operation, (state.calls.get(operation) ?? 0) + 1)
    const input = await readJson(request)
    await strike(faults, operation, input, (state.counted += 1))
    if (faults.answer === 'hang') return
    const answer = OPERATIONS[operation]!({ store: state.store, region, input })
    send(response, 200, JSON.stringify(distort(faults, answer)), faults)
  } catch (error) {
    // the client went away in the middle of its request
    if (!(error instanceof KmsFault)) return void response.destroy()
    send(response, error.status, JSON.stringify({ __type: error.name, message: error.message }), {})
  }
}

function send(response: ServerResponse, status: number, json: string, { answer }: Faults): void {
  if (answer === 'reset') return void response.destroy()
  response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-requestid': randomUUID() })
  if (answer === 'stall') return void response.write(json.slice(0, json.length / 2))
  if (answer === 'garbage') return void response.end('<html><body>502 Bad Gateway</body></html>')
  if (answer === 'huge') return void response.end(json.padEnd(HUGE_BYTES))
  response.end(json)
}

function operationOf({ headers }: IncomingMessage): string {
  const [service, operation = ''] = String(headers['x-amz-target'] ?? '').split('.')
  if (service === 'TrentService' && Object.hasOwn(OPERATIONS, operation)) return operation
  throw new KmsFault('UnknownOperationException', 'the emulator does not know this operation')
}

/** The region stands in the scope of the signature: Credential=ID/DATE/REGION/kms/aws4_request. The signature itself is not checked. */
function regionOf({ headers }: IncomingMessage): string | undefined {
  return /Credential=[^/]+\/\d+\/([a-z0-9-]+)\/kms\//.exec(headers.authorization ?? '')?.[1]
}

async function readJson(request: IncomingMessage): Promise<Input> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > MOST_REQUEST_BYTES) throw invalid('the request is too large')
    chunks.push(chunk)
  }
  return parseObject(Buffer.concat(chunks).toString())
}

function parseObject(json: string): Input {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch {
    throw new KmsFault('SerializationException', 'the request is not JSON')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid('the request is not an object')
  return value as Input
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
