import { existsSync } from 'node:fs'
import type { Socket } from 'node:net'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { concat } from '../bytes.ts'
import { KeyfoldError } from '../errors.ts'
import type { BusCall, BusReply, BusValue } from './keychain-dbus-message.ts'
import { encodeCall, HEAD_LENGTH, messageLength, parseReply } from './keychain-dbus-message.ts'

const MOST_LINE_BYTES = 1024
const HELLO: BusCall = {
  destination: 'org.freedesktop.DBus',
  path: '/org/freedesktop/DBus',
  interface: 'org.freedesktop.DBus',
  member: 'Hello',
  args: [],
}

/**
 * A service that has its name on the bus and not yet its objects answers so. gnome-keyring also did once between two good answers to the same
 * question. All that is asked here are questions, which may be put again.
 */
const NOT_YET = 'org.freedesktop.DBus.Error.UnknownMethod'
const MOST_ASKED = 4
const ASK_AGAIN_MS = 50

/** A connection to the session bus. */
export interface Bus {
  /** Calls a method; gives what it returns. One call at a time. */
  call(call: BusCall): Promise<readonly BusValue[]>
}

/**
 * Connects to the D-Bus session of this user, and disconnects however `work` ends.
 *
 * @param timeoutMs how long connection and calls together may take
 * @throws KeyfoldError ERR_KEYCHAIN_UNAVAILABLE where there is no session, or no answer in time; ERR_KEY_DENIED where the bus refuses
 */
export async function withSessionBus<T>(timeoutMs: number, work: (bus: Bus) => Promise<T>): Promise<T> {
  const address = sessionBusPath(process.env)
  if (address === undefined) throw unavailable('there is no D-Bus session, through which a keychain is reached on Linux')
  const socket = connect({ path: address })
  // whoever reads from it learns of the error
  socket.on('error', () => undefined)
  const timer = setTimeout(() => socket.destroy(unavailable(`the keychain service did not answer within ${timeoutMs} ms`)), timeoutMs)
  try {
    const input = new Input(socket)
    await authenticate(socket, input)
    const bus = busOver(socket, input)
    await bus.call(HELLO)
    return await work(bus)
  } catch (error) {
    if (error instanceof KeyfoldError) throw error
    throw unavailable(`the D-Bus session cannot be used (${(error as NodeJS.ErrnoException).code ?? 'no valid answer'})`)
  } finally {
    clearTimeout(timer)
    socket.destroy()
  }
}

/**
 * The socket of the session bus, as Node names it: the first one in DBUS_SESSION_BUS_ADDRESS that is on this machine, else the one that systemd
 * makes. Undefined where there is none. (D-Bus Specification, "Server Addresses")
 */
export function sessionBusPath({ DBUS_SESSION_BUS_ADDRESS = '', XDG_RUNTIME_DIR = '' }: NodeJS.ProcessEnv): string | undefined {
  for (const address of DBUS_SESSION_BUS_ADDRESS.split(';')) {
    const [path, abstract] = [valueIn(address, 'path'), valueIn(address, 'abstract')]
    if (path !== undefined) return path
    if (abstract !== undefined) return `\0${abstract}`
  }
  const usual = join(XDG_RUNTIME_DIR, 'bus')
  return DBUS_SESSION_BUS_ADDRESS === '' && XDG_RUNTIME_DIR !== '' && existsSync(usual) ? usual : undefined
}

/** One value of an address, `unix:path=…,guid=…`. */
function valueIn(address: string, key: string): string | undefined {
  if (!address.startsWith('unix:')) return undefined
  const pairs = address.slice('unix:'.length).split(',')
  const value = pairs.find((pair) => pair.startsWith(`${key}=`))?.slice(key.length + 1)
  try {
    return value === undefined || value === '' ? undefined : decodeURIComponent(value)
  } catch {
    return undefined
  }
}

/** The bus learns from the socket who we are; we only have to claim it. (D-Bus Specification, "Authentication Protocol", EXTERNAL) */
async function authenticate(socket: Socket, input: Input): Promise<void> {
  const uid = String(process.geteuid!())
  socket.write(`\0AUTH EXTERNAL ${Buffer.from(uid).toString('hex')}\r\n`)
  const answer = await input.line()
  if (!answer.startsWith('OK ')) throw new KeyfoldError('ERR_KEY_DENIED', 'the D-Bus session belongs to another user')
  socket.write('BEGIN\r\n')
}

function busOver(socket: Socket, input: Input): Bus {
  let serial = 0
  return {
    async call(call) {
      for (let asked = 1; ; asked++) {
        socket.write(encodeCall(++serial, call))
        const reply = await answerTo(serial, input)
        if (reply.kind !== 'error') return reply.body
        if (reply.errorName !== NOT_YET || asked === MOST_ASKED) throw refusal(reply.errorName)
        await sleep(ASK_AGAIN_MS)
      }
    },
  }
}

/** Passes over what the bus says besides. */
async function answerTo(serial: number, input: Input): Promise<BusReply> {
  for (;;) {
    const head = await input.bytes(HEAD_LENGTH)
    const length = messageLength(head)
    const reply = length === undefined ? undefined : parseReply(concat(head, await input.bytes(length - HEAD_LENGTH)))
    if (reply === undefined) throw unavailable('the keychain service gave an answer that cannot be read')
    if (reply.kind !== 'other' && reply.replyTo === serial) return reply
  }
}

function refusal(errorName: string | undefined): KeyfoldError {
  const name = errorName !== undefined && /^[\w.]{1,100}$/.test(errorName) ? errorName : 'no valid name'
  if (name === 'org.freedesktop.DBus.Error.AccessDenied') return new KeyfoldError('ERR_KEY_DENIED', 'the D-Bus session refused the call')
  if (name === 'org.freedesktop.DBus.Error.ServiceUnknown') return unavailable('no keychain service (Secret Service) is installed or running')
  return unavailable(`the keychain service failed (${name})`)
}

function unavailable(fact: string): KeyfoldError {
  return new KeyfoldError('ERR_KEYCHAIN_UNAVAILABLE', fact)
}

/** What comes from a socket, in the portions that are asked for. */
class Input {
  readonly #chunks: AsyncIterator<Uint8Array>
  #rest: Uint8Array = new Uint8Array(0)

  constructor(socket: Socket) {
    this.#chunks = socket[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>
  }

  async bytes(length: number): Promise<Uint8Array> {
    while (this.#rest.length < length) await this.#more()
    const bytes = this.#rest.subarray(0, length)
    this.#rest = this.#rest.subarray(length)
    return bytes
  }

  /** Up to CR LF, which are not part of it. */
  async line(): Promise<string> {
    let end: number
    while ((end = this.#rest.indexOf(0x0a)) === -1) {
      if (this.#rest.length > MOST_LINE_BYTES) throw unavailable('what answers is no D-Bus session')
      await this.#more()
    }
    return new TextDecoder().decode(await this.bytes(end + 1)).trimEnd()
  }

  async #more(): Promise<void> {
    const next = await this.#chunks.next()
    if (next.done === true) throw unavailable('the D-Bus session closed the connection')
    this.#rest = concat(this.#rest, next.value)
  }
}
