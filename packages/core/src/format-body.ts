/** The body of a record's envelope, behind the entries: commitment, length of the payload, ciphertext, tag. A rewrap leaves all of it alone. */
import { readUint32, writeUint32 } from './bytes.ts'
import { malformed, overLimit } from './format-errors.ts'
import { LIMITS } from './format-limits.ts'

export const COMMITMENT_LENGTH = 32
const CIPHERTEXT_AT = COMMITMENT_LENGTH + 4
const TAG_LENGTH = 16
/** Of a body without payload. */
const LEAST_LENGTH = CIPHERTEXT_AT + TAG_LENGTH

export interface Body {
  readonly commitment: Uint8Array
  readonly ciphertext: Uint8Array
  readonly tag: Uint8Array
  /** All of it as it stands in an envelope, where it came out of one. */
  readonly encoded?: Uint8Array
}

/** The length of a body's encoding, in bytes; ERR_LIMIT where no envelope may have it. */
export function bodyLength(body: Body): number {
  const { encoded } = body
  if (encoded !== undefined) return encoded.length
  checkPayload(body.ciphertext.length)
  return LEAST_LENGTH + body.ciphertext.length
}

/** Writes a body; `out` has room for it. */
export function encodeBody(body: Body, out: Uint8Array, at: number): void {
  const { encoded } = body
  if (encoded !== undefined) return out.set(encoded, at)
  out.set(body.commitment, at)
  writeUint32(out, at + COMMITMENT_LENGTH, body.ciphertext.length)
  out.set(body.ciphertext, at + CIPHERTEXT_AT)
  out.set(body.tag, at + CIPHERTEXT_AT + body.ciphertext.length)
}

/** Parses what stands in `bytes` from `start` on, which is a body and nothing else. Throws as `parse`. */
export function parseBody(bytes: Uint8Array, start: number): Body {
  checkBody(bytes, start)
  return new ParsedBody(bytes, start)
}

/** Refuses a body that is not all there, or has something behind it. */
export function checkBody(bytes: Uint8Array, start: number): void {
  if (bytes.length < start + LEAST_LENGTH) throw malformed('it ends within its body')
  const length = readUint32(bytes, start + COMMITMENT_LENGTH)
  checkPayload(length)
  const end = start + LEAST_LENGTH + length
  if (bytes.length !== end)
    throw malformed(bytes.length < end ? `${end - bytes.length} bytes are missing` : `${bytes.length - end} bytes trail`)
}

function checkPayload(length: number): void {
  if (length > LIMITS.payloadBytes) throw overLimit('bytes of payload', length, LIMITS.payloadBytes)
}

/** Cuts its parts out where they are asked for: a rewrap takes no ciphertext, an open not the whole. A class, not a literal: see format.ts. */
class ParsedBody implements Body {
  readonly #bytes: Uint8Array
  readonly #start: number
  #encoded: Uint8Array | undefined

  constructor(bytes: Uint8Array, start: number) {
    this.#bytes = bytes
    this.#start = start
  }

  get encoded(): Uint8Array {
    return (this.#encoded ??= this.#bytes.subarray(this.#start))
  }

  get commitment(): Uint8Array {
    return this.#bytes.subarray(this.#start, this.#start + COMMITMENT_LENGTH)
  }

  get ciphertext(): Uint8Array {
    return this.#bytes.subarray(this.#start + CIPHERTEXT_AT, -TAG_LENGTH)
  }

  get tag(): Uint8Array {
    return this.#bytes.subarray(-TAG_LENGTH)
  }
}
