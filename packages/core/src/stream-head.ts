/** What stands before the first chunk of a sealed stream: the envelope's header, then salt and commitment of the chunks. */
import { malformed } from './format-errors.ts'
import type { Header } from './format.ts'
import { MAX_HEADER_LENGTH, parseStreamHeader, streamHeaderNeeds } from './format.ts'
import { PREFIX_LENGTH } from './stream-cipher.ts'

export interface StreamHead {
  readonly header: Header
  /** Salt and commitment of the chunks. */
  readonly prefix: Uint8Array
  /** Where the first chunk begins. */
  readonly length: number
}

/** The longest head that the limits allow. */
export const MAX_HEAD_LENGTH = MAX_HEADER_LENGTH + PREFIX_LENGTH

/**
 * How many bytes the head takes, as far as its first bytes tell: at least so many, and exactly so many once they are there.
 *
 * @throws KeyfoldError for what no further byte can mend
 */
export function streamHeadNeeds(bytes: Uint8Array): number {
  return streamHeaderNeeds(bytes) + PREFIX_LENGTH
}

/** Parses a head; what stands behind it is not looked at. Throws as `parse` where it is cut. */
export function parseStreamHead(bytes: Uint8Array): StreamHead {
  const { header, length } = parseStreamHeader(bytes)
  const end = length + PREFIX_LENGTH
  if (bytes.length < end) throw malformed('it ends before its first chunk')
  return { header, prefix: bytes.subarray(length, end), length: end }
}

/** Collects a head that comes in pieces of any size. Never holds more than the head itself, and refuses one over a limit at that field. */
export class HeadCollector {
  #bytes = new Uint8Array(512)
  #length = 0
  #complete = false

  /** @returns how many bytes of `input` belong to the head */
  take(input: Uint8Array): number {
    let at = 0
    for (;;) {
      const missing = streamHeadNeeds(this.bytes) - this.#length
      this.#complete = missing === 0
      if (missing === 0 || at === input.length) return at
      at += this.#keep(input.subarray(at, at + missing))
    }
  }

  #keep(part: Uint8Array): number {
    const length = this.#length + part.length
    if (length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(length, this.#bytes.length * 2))
      larger.set(this.bytes)
      this.#bytes = larger
    }
    this.#bytes.set(part, this.#length)
    this.#length = length
    return part.length
  }

  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  get complete(): boolean {
    return this.#complete
  }
}
