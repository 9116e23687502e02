/** A D-Bus session that follows a script. */
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { temporaryFolder } from '@keyfold/test-support'
import { onTestFinished } from 'vitest'
import { messageLength } from '../../src/wrappers/keychain-dbus-message.ts'
import { returned } from './dbus-messages.ts'

interface BusScript {
  readonly auth?: string
  /** What comes back for the first call, which is Hello, the second, and so on. */
  readonly replies: ReadonlyArray<((serial: number) => Uint8Array) | 'close' | 'silence'>
  /** In pieces of so many bytes. */
  readonly pieces?: number
}

const connections = new Set<Socket>()

/** How many clients are connected to the buses of this process. */
export function openConnections(): number {
  return connections.size
}

const GREETING = `\0AUTH EXTERNAL ${Buffer.from(String(process.geteuid?.())).toString('hex')}\r\n`

/** A bus that follows a script; the environment names it for the rest of the test. Gives the calls that it got. */
export async function fakeBus({ auth = 'OK 0123', replies, pieces = 65_536 }: BusScript): Promise<Uint8Array[]> {
  const path = join(temporaryFolder(), 'bus')
  const calls: Uint8Array[] = []
  const server = createServer((socket) => {
    connections.add(socket.on('close', () => connections.delete(socket)))
    void serve(socket).catch(() => socket.destroy())
  })
  const serve = async (socket: Socket): Promise<void> => {
    let rest = Buffer.alloc(0)
    let greeted = false
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      rest = Buffer.concat([rest, chunk])
      const begin = rest.indexOf('BEGIN\r\n')
      if (!greeted && begin === -1 && rest.equals(Buffer.from(GREETING))) socket.write(`${auth}\r\n`)
      if (!greeted && begin === -1) continue
      if (!greeted) rest = rest.subarray(begin + 7)
      greeted = true
      for (let length; rest.length >= 16 && (length = messageLength(rest)!) <= rest.length; rest = rest.subarray(length)) {
        calls.push(Uint8Array.from(rest.subarray(0, length)))
        const reply = replies[calls.length - 1] ?? 'silence'
        if (reply === 'close') socket.end()
        else if (reply !== 'silence') for (const piece of split(reply(calls.length), pieces)) socket.write(piece)
      }
    }
  }
  server.listen(path)
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  useBus(`unix:path=${path},guid=0123456789abcdef`)
  return calls
}

function* split(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

/** As on a server: there is no session. */
export function useNoBus(): void {
  for (const name of ['DBUS_SESSION_BUS_ADDRESS', 'XDG_RUNTIME_DIR', 'DISPLAY']) setEnv(name, undefined)
}

function setEnv(name: string, value: string | undefined): void {
  const before = process.env[name]
  const set = (to: string | undefined): void => {
    if (to === undefined) delete process.env[name]
    else process.env[name] = to
  }
  set(value)
  onTestFinished(() => set(before))
}

/** Names a bus in the environment, for the rest of the test. */
export function useBus(address: string): void {
  setEnv('DBUS_SESSION_BUS_ADDRESS', address)
}

/** What the Secret Service says. */
export const hello = (serial: number): Uint8Array => returned(serial, [['s', ':1.7']])
export const found = (open: string[], locked: string[]) => (serial: number) => returned(serial, [['ao', open], ['ao', locked]])
export const alias = (path: string) => (serial: number) => returned(serial, [['o', path]])
export const property = (value: boolean) => (serial: number) => returned(serial, [['v', ['b', value]]])
