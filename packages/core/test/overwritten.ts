import { onTestFinished, vi } from 'vitest'
import { hex } from './vectors.ts'

/** What is overwritten with zeros, or with another constant, from now on, until the test ends: as hex, as it was before. */
export function overwritten(): string[] {
  const filled: string[] = []
  // a Buffer has a `fill` of its own
  const prototypes: readonly Uint8Array[] = [Uint8Array.prototype, Buffer.prototype as Buffer]
  for (const prototype of prototypes) {
    const { fill } = prototype
    const spy = vi.spyOn(prototype, 'fill').mockImplementation(function (this: Uint8Array, ...args: unknown[]) {
      if (typeof args[0] === 'number') filled.push(hex(this))
      return Reflect.apply(fill, this, args) as Uint8Array
    })
    onTestFinished(() => spy.mockRestore())
  }
  return filled
}
