import { KeyfoldError } from './errors.ts'

const utf8 = new TextEncoder()
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Joins byte strings with a single allocation. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  let length = 0
  for (const part of parts) length += part.length
  const out = new Uint8Array(length)
  let offset = 0
  for (const part of parts) {
    out.set(part, offset)
    offset += part.length
  }
  return out
}

/** Gives bytes to write to. */
export type Allocate = (length: number) => Uint8Array<ArrayBuffer>

/** Each in a buffer of its own. */
export const ownBytes: Allocate = (length) => new Uint8Array(length)

const SHARED_LENGTH = 0x8000

/** Small ones side by side in larger buffers, which takes fewer allocations. No byte is given out twice. */
export function sharedBytes(): Allocate {
  let buffer = new Uint8Array(0)
  let used = 0
  return (length) => {
    if (length > SHARED_LENGTH / 8) return ownBytes(length)
    if (used + length > buffer.length) {
      buffer = new Uint8Array(SHARED_LENGTH)
      used = 0
    }
    used += length
    return buffer.subarray(used - length, used)
  }
}

/** Overwrites secrets that are no longer needed. Best effort: the runtime may have copied them before (docs/format.md, "What is not promised"). */
export function wipe(...secrets: readonly Uint8Array[]): void {
  for (const secret of secrets) secret.fill(0)
}

/** Whether two public byte strings are equal. Not constant-time: never for secrets. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** UTF-8 of a string, refusing lone surrogates, which an encoder would silently replace. */
export function toUtf8(text: string, what: string): Uint8Array<ArrayBuffer> {
  if (!text.isWellFormed()) {
    throw new KeyfoldError('ERR_ARGUMENT', `${what} has a lone surrogate, which UTF-8 cannot hold`, {
      hint: 'Pass well-formed text, or pass bytes.',
    })
  }
  return utf8.encode(text)
}

/** Writes the UTF-8 of a well-formed string; gives the number of bytes. `out` has room for it. */
export function writeUtf8(out: Uint8Array, at: number, text: string): number {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    // Names and ids are mostly short ASCII, for which the encoder's call costs more than its work.
    if (unit >= 0x80) return i + utf8.encodeInto(text.slice(i), out.subarray(at + i)).written
    out[at + i] = unit
  }
  return text.length
}

/** Text of UTF-8 bytes; ERR_NOT_TEXT where they are none. */
export function fromUtf8(bytes: Uint8Array): string {
  try {
    return strictUtf8.decode(bytes)
  } catch {
    throw new KeyfoldError('ERR_NOT_TEXT', `the ${bytes.length} bytes of plaintext are not valid UTF-8`)
  }
}

/** Lowercase hex of public bytes. */
export function toHex(bytes: Uint8Array): string {
  let hex = ''
  for (const byte of bytes) hex += byte.toString(16).padStart(2, '0')
  return hex
}

export function readUint16(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! << 8) | bytes[offset + 1]!
}

export function readUint32(bytes: Uint8Array, offset: number): number {
  return readUint16(bytes, offset) * 0x10000 + readUint16(bytes, offset + 2)
}

export function writeUint16(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 8
  bytes[offset + 1] = value
}

export function writeUint32(bytes: Uint8Array, offset: number, value: number): void {
  writeUint16(bytes, offset, value >>> 16)
  writeUint16(bytes, offset + 2, value & 0xffff)
}
