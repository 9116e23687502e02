/** What fuzz tests share: altered inputs, and what a call may end with. */
import fc from 'fast-check'
import { expect } from 'vitest'
import { isKeyfoldError } from '../src/index.ts'

/** Like a fuzzer's own mutations: set, insert, delete, cut, repeat; a few in a row. */
const edit = fc.record({
  kind: fc.constantFrom('set', 'insert', 'delete', 'cut', 'repeat'),
  at: fc.nat(),
  byte: fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 2, 0x10, 0x18, 0x7f, 0xff)),
})
export const edits = fc.array(edit, { maxLength: 4 })

export function mutate(bytes: Uint8Array, list: ReadonlyArray<{ kind: string; at: number; byte: number }>): Uint8Array {
  let out = [...bytes]
  for (const { kind, at, byte } of list) {
    // Half of the edits hit the header, where the structure is.
    const i = at % Math.max(1, byte % 2 === 0 ? Math.min(110, out.length) : out.length)
    if (kind === 'set') out[i] = byte
    else if (kind === 'insert') out.splice(i, 0, byte)
    else if (kind === 'delete') out.splice(i, 1)
    else if (kind === 'cut') out = out.slice(0, i)
    else out.splice(i, 0, ...out.slice(i, i + byte))
  }
  return Uint8Array.from(out)
}

/** The value of a call, or undefined where it ends in a typed error; anything else fails the test. */
export function typed<T>(call: () => T): T | undefined {
  try {
    return call()
  } catch (error) {
    if (!isKeyfoldError(error)) throw error
    expect(error.code).toMatch(/^ERR_[A-Z_]+$/)
    expect(error.hint).not.toBe('')
    return undefined
  }
}
