/**
 * AES key wrap with padding (SP 800-38F, KWP; RFC 5649) for many data keys of 32 bytes: the steps, over an AES that the backend gives. One wrap is
 * 24 AES blocks, each of which needs the one before it; a batch goes through them abreast, so that 24 calls of AES serve all of it.
 */

/** AES-256 on blocks of 16 bytes, each by itself (ECB). Answers in a buffer of its own, which is overwritten here. */
export type BlockCipher = (blocks: Uint8Array) => Uint8Array

/** Data keys that go through AES together, 16 KiB a call. More gain nothing and take more memory. */
const ABREAST = 1024

const SECRET_LENGTH = 32
/** The integrity value A of 8 bytes, and the registers R1 to R4. In all, the wrapped key. */
const SLOT_LENGTH = 40
const BLOCK_LENGTH = 16
const HALF = 8
const REGISTERS = 4
const STEPS = 6 * REGISTERS
/** RFC 5649, section 3, for 32 bytes: the integrity value tells the length, and there is no padding. */
const INITIAL_VALUE: readonly number[] = [0xa6, 0x59, 0x59, 0xa6, 0, 0, 0, SECRET_LENGTH]

/**
 * Wraps: 32 bytes in, 40 out, each.
 *
 * @param initialValue 8 bytes; that of KW (RFC 3394) lets published vectors of KW test the steps, which it shares with KWP
 */
export function wrapBatch(secrets: readonly Uint8Array[], encrypt: BlockCipher, initialValue = INITIAL_VALUE): Uint8Array[] {
  return inChunks(secrets, (chunk) => wrapChunk(chunk, encrypt, initialValue))
}

/** Unwraps: 40 bytes in, 32 out, each; undefined in the place of each whose integrity check fails. `initialValue` as for `wrapBatch`. */
export function unwrapBatch(
  wraps: readonly Uint8Array[],
  decrypt: BlockCipher,
  initialValue = INITIAL_VALUE,
): Array<Uint8Array | undefined> {
  return inChunks(wraps, (chunk) => unwrapChunk(chunk, decrypt, initialValue))
}

function inChunks<T>(items: readonly Uint8Array[], convert: (chunk: readonly Uint8Array[]) => T[]): T[] {
  const out: T[] = []
  for (let at = 0; at < items.length; at += ABREAST) out.push(...convert(items.slice(at, at + ABREAST)))
  return out
}

/** RFC 3394, section 2.2.1, index based. */
function wrapChunk(secrets: readonly Uint8Array[], encrypt: BlockCipher, initialValue: readonly number[]): Uint8Array[] {
  return withLanes(secrets.length, (lanes) => {
    secrets.forEach((secret, lane) => lanes.slots.set(secret, lane * SLOT_LENGTH + HALF))
    lanes.initialize(initialValue)
    for (let t = 1; t <= STEPS; t++) {
      lanes.cipher(t, encrypt)
      lanes.mix(t)
    }
    lanes.storeIntegrity()
    return secrets.map((_, lane) => lanes.view(lane, 0))
  })
}

/** RFC 3394, section 2.2.2, index based. */
function unwrapChunk(wraps: readonly Uint8Array[], decrypt: BlockCipher, initialValue: readonly number[]): Array<Uint8Array | undefined> {
  return withLanes(wraps.length, (lanes) => {
    wraps.forEach((wrap, lane) => lanes.slots.set(wrap, lane * SLOT_LENGTH))
    lanes.loadIntegrity()
    for (let t = STEPS; t >= 1; t--) {
      lanes.mix(t)
      lanes.cipher(t, decrypt)
    }
    return wraps.map((_, lane) => lanes.checked(lane, initialValue))
  })
}

/** Leaves nothing behind but what is given out. */
function withLanes<T>(count: number, work: (lanes: Lanes) => T): T {
  const lanes = new Lanes(count)
  try {
    return work(lanes)
  } catch (error) {
    lanes.slots.fill(0)
    throw error
  } finally {
    lanes.blocks.fill(0)
  }
}

/** The state of a chunk, a lane for each data key. Words only copy, so that the byte order of the machine does not matter. */
class Lanes {
  /** [A | R1 | R2 | R3 | R4] of each lane. */
  readonly slots: Uint8Array<ArrayBuffer>
  /** [A | Ri] of each lane: what goes through AES. A stays here between the steps. */
  readonly blocks: Uint8Array<ArrayBuffer>
  readonly #slotWords: Uint32Array
  readonly #blockWords: Uint32Array

  constructor(count: number) {
    this.slots = new Uint8Array(count * SLOT_LENGTH)
    this.blocks = new Uint8Array(count * BLOCK_LENGTH)
    this.#slotWords = new Uint32Array(this.slots.buffer)
    this.#blockWords = new Uint32Array(this.blocks.buffer)
  }

  initialize(value: readonly number[]): void {
    for (let block = 0; block < this.blocks.length; block += BLOCK_LENGTH) this.blocks.set(value, block)
  }

  /** Puts A and the register of step t through AES. */
  cipher(t: number, aes: BlockCipher): void {
    const register = 2 + 2 * ((t - 1) % REGISTERS)
    copyPairs(this.#slotWords, register, 10, this.#blockWords, 2, 4)
    const out = aes(this.blocks)
    this.blocks.set(out)
    out.fill(0)
    copyPairs(this.#blockWords, 2, 4, this.#slotWords, register, 10)
  }

  /** A XOR t, which is at most 24 and so touches the last byte alone. */
  mix(t: number): void {
    for (let last = HALF - 1; last < this.blocks.length; last += BLOCK_LENGTH) this.blocks[last]! ^= t
  }

  storeIntegrity(): void {
    copyPairs(this.#blockWords, 0, 4, this.#slotWords, 0, 10)
  }

  loadIntegrity(): void {
    copyPairs(this.#slotWords, 0, 10, this.#blockWords, 0, 4)
  }

  /** The bytes of a lane from `start` on, not copied. */
  view(lane: number, start: number): Uint8Array {
    return new Uint8Array(this.slots.buffer, lane * SLOT_LENGTH + start, SLOT_LENGTH - start)
  }

  /** The secret of a lane, or undefined, and the secret cleared, where A is not what was expected. In constant time up to that answer. */
  checked(lane: number, expected: readonly number[]): Uint8Array | undefined {
    let difference = 0
    for (let i = 0; i < HALF; i++) difference |= this.blocks[lane * BLOCK_LENGTH + i]! ^ expected[i]!
    const secret = this.view(lane, HALF)
    if (difference === 0) return secret
    secret.fill(0)
    return undefined
  }
}

/** Copies two words of every lane. */
function copyPairs(from: Uint32Array, start: number, stride: number, to: Uint32Array, toStart: number, toStride: number): void {
  for (let source = start, target = toStart; source < from.length; source += stride, target += toStride) {
    to[target] = from[source]!
    to[target + 1] = from[source + 1]!
  }
}
