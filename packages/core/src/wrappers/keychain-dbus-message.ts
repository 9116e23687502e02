/**
 * As much of D-Bus's wire format (D-Bus Specification 0.43, "Message Protocol") as asking a keychain about its state takes: calls are written,
 * replies are read. Sizes are checked before anything is read by them, and what the format does not allow ends in `undefined`.
 */

/** A method to call. Its arguments are texts, or dictionaries of texts. */
export interface BusCall {
  readonly destination: string
  readonly path: string
  readonly interface: string
  readonly member: string
  readonly args: ReadonlyArray<string | Readonly<Record<string, string>>>
}

/** A value of a reply: a text, object path or signature; a number; a boolean; a list of those. */
export type BusValue = string | number | boolean | readonly BusValue[]

/** What of an incoming message is looked at. */
export interface BusReply {
  readonly kind: 'return' | 'error' | 'other'
  /** The serial number of the call that it answers. */
  readonly replyTo: number | undefined
  /** `org.freedesktop.DBus.Error.…`, in errors. */
  readonly errorName: string | undefined
  readonly body: readonly BusValue[]
}

/** Length of the fixed part of a message, from which `messageLength` tells the rest. */
export const HEAD_LENGTH = 16
/** No answer about one entry comes near it. */
const MOST_MESSAGE_BYTES = 65_536
const LITTLE_ENDIAN = 0x6c
const BIG_ENDIAN = 0x42
const KINDS: Readonly<Record<number, BusReply['kind']>> = { 2: 'return', 3: 'error' }
const FIELD = { path: 1, interface: 2, member: 3, errorName: 4, replySerial: 5, destination: 6, signature: 8 } as const
/** The types that are read, with their alignment; any other is refused. */
const ALIGNMENT: Readonly<Record<string, number>> = { g: 1, v: 1, b: 4, u: 4, s: 4, o: 4, a: 4 }

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Writes a method call. Little-endian; every implementation reads both. */
export function encodeCall(serial: number, call: BusCall): Uint8Array {
  const body = new Writer()
  for (const arg of call.args) {
    if (typeof arg === 'string') body.text(arg)
    else body.dictionary(arg)
  }
  const message = new Writer()
  message.bytes(LITTLE_ENDIAN, 1, 0, 1)
  message.uint32(body.length)
  message.uint32(serial)
  message.array(() => {
    message.field(FIELD.path, 'o', call.path)
    message.field(FIELD.interface, 's', call.interface)
    message.field(FIELD.member, 's', call.member)
    message.field(FIELD.destination, 's', call.destination)
    const signature = call.args.map((arg) => (typeof arg === 'string' ? 's' : 'a{ss}')).join('')
    if (signature !== '') message.field(FIELD.signature, 'g', signature)
  })
  message.align(8)
  message.append(body)
  return message.result()
}

/** The length of the whole message by its first 16 bytes; undefined where they begin none, or one that is too long. */
export function messageLength(head: Uint8Array): number | undefined {
  const view = viewOf(head)
  if (head.length < HEAD_LENGTH || (head[0] !== LITTLE_ENDIAN && head[0] !== BIG_ENDIAN) || head[3] !== 1) return undefined
  const little = head[0] === LITTLE_ENDIAN
  const length = aligned(HEAD_LENGTH + view.getUint32(12, little), 8) + view.getUint32(4, little)
  return length <= MOST_MESSAGE_BYTES ? length : undefined
}

/** Reads a whole message; undefined where it is malformed, or an answer of types that no keychain's answer has. */
export function parseReply(message: Uint8Array): BusReply | undefined {
  if (messageLength(message) !== message.length) return undefined
  try {
    const reader = new Reader(message, message[0] === LITTLE_ENDIAN)
    const fields = reader.fields()
    const kind = KINDS[message[1]!] ?? 'other'
    const signature = kind === 'other' ? '' : String(fields.get(FIELD.signature) ?? '')
    const body = reader.body(signature)
    if (kind !== 'other' && !reader.atEnd) return undefined
    const replyTo = fields.get(FIELD.replySerial)
    const errorName = fields.get(FIELD.errorName)
    return {
      kind,
      replyTo: typeof replyTo === 'number' ? replyTo : undefined,
      errorName: typeof errorName === 'string' ? errorName : undefined,
      body,
    }
  } catch {
    // out of range, not UTF-8, or refused below
    return undefined
  }
}

function aligned(offset: number, to: number): number {
  return Math.ceil(offset / to) * to
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

class Writer {
  readonly #bytes: number[] = []

  get length(): number {
    return this.#bytes.length
  }

  bytes(...bytes: readonly number[]): void {
    for (const byte of bytes) this.#bytes.push(byte)
  }

  align(to: number): void {
    while (this.#bytes.length % to !== 0) this.#bytes.push(0)
  }

  uint32(value: number): void {
    this.align(4)
    this.bytes(value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24)
  }

  text(text: string): void {
    const utf8 = encoder.encode(text)
    this.uint32(utf8.length)
    this.bytes(...utf8, 0)
  }

  /** An array of structs or dictionary entries, which all begin at multiples of 8. */
  array(elements: () => void): void {
    this.uint32(0)
    const lengthAt = this.#bytes.length - 4
    this.align(8)
    const start = this.#bytes.length
    elements()
    const length = this.#bytes.length - start
    for (let i = 0; i < 4; i++) this.#bytes[lengthAt + i] = (length >>> (8 * i)) & 0xff
  }

  dictionary(pairs: Readonly<Record<string, string>>): void {
    this.array(() => {
      for (const [key, value] of Object.entries(pairs)) {
        this.align(8)
        this.text(key)
        this.text(value)
      }
    })
  }

  field(code: number, type: 's' | 'o' | 'g', value: string): void {
    this.align(8)
    this.bytes(code, 1, type.charCodeAt(0), 0)
    if (type === 'g') this.bytes(value.length, ...encoder.encode(value), 0)
    else this.text(value)
  }

  append(other: Writer): void {
    this.bytes(...other.#bytes)
  }

  result(): Uint8Array {
    return Uint8Array.from(this.#bytes)
  }
}

/** What the format does not allow, or what is not read here. */
class Unreadable extends Error {}

/** Throws at whatever it cannot read. */
class Reader {
  readonly #view: DataView
  readonly #little: boolean
  #at = 12

  constructor(message: Uint8Array, little: boolean) {
    this.#view = viewOf(message)
    this.#little = little
  }

  get atEnd(): boolean {
    return this.#at === this.#view.byteLength
  }

  fields(): Map<number, BusValue> {
    const fields = new Map<number, BusValue>()
    const length = this.#uint32()
    const end = this.#at + length
    while (this.#at < end) {
      this.#align(8)
      fields.set(this.#uint8(), this.#variant())
    }
    // a field goes beyond the header
    if (this.#at !== end) throw new Unreadable()
    this.#align(8)
    return fields
  }

  body(signature: string): BusValue[] {
    // a list of nothing
    if (signature.endsWith('a')) throw new Unreadable()
    return (signature.match(/a*[^a]/g) ?? []).map((type) => this.#value(type))
  }

  #value(type: string): BusValue {
    this.#align(alignmentOf(type))
    switch (type[0]) {
      case 'u':
        return this.#uint32()
      case 'b':
        return this.#uint32() !== 0
      case 'g':
        return this.#text(this.#uint8())
      case 'v':
        return this.#variant()
      case 'a':
        return this.#array(type.slice(1))
      default:
        return this.#text(this.#uint32())
    }
  }

  /** Of a simple type: no answer about an entry has another. */
  #variant(): BusValue {
    const type = this.#text(this.#uint8())
    if (!/^[bugso]$/.test(type)) throw new Unreadable()
    return this.#value(type)
  }

  #array(type: string): BusValue[] {
    const length = this.#uint32()
    this.#align(alignmentOf(type))
    const end = this.#at + length
    const values: BusValue[] = []
    while (this.#at < end) values.push(this.#value(type))
    // an element goes beyond its array
    if (this.#at !== end) throw new Unreadable()
    return values
  }

  #uint32(): number {
    const value = this.#view.getUint32(this.#at, this.#little)
    this.#at += 4
    return value
  }

  #uint8(): number {
    return this.#view.getUint8(this.#at++)
  }

  #text(length: number): string {
    // a text ends with a zero byte
    if (this.#view.getUint8(this.#at + length) !== 0) throw new Unreadable()
    const bytes = new Uint8Array(this.#view.buffer, this.#view.byteOffset + this.#at, length)
    this.#at += length + 1
    return decoder.decode(bytes)
  }

  /** Padding is zero. */
  #align(to: number): void {
    for (; this.#at % to !== 0; this.#at++) if (this.#view.getUint8(this.#at) !== 0) throw new Unreadable()
  }
}

function alignmentOf(type: string): number {
  const alignment = ALIGNMENT[type.charAt(0)]
  if (alignment === undefined) throw new Unreadable()
  return alignment
}
