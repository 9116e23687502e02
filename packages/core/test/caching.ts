/** A key behind a service that counts its calls, for the tests of caches. */
import type { KeyWrapper, WrappedKey } from '../src/index.ts'
import { canonicalContext } from '../src/index.ts'
import { insecureWrapper, remoteWrapper } from './keys.ts'
import { hex } from './vectors.ts'

export const good = insecureWrapper('a')
export const context = canonicalContext({ id: '1' })
export const dek = (n: number): Uint8Array => new Uint8Array(32).fill(n)
export const wrapped = (n: number): WrappedKey => good.wrapSync(dek(n), context)

/** The key of `good` behind a service that counts, and answers when it is told to or at once. */
export function service() {
  const calls: string[] = []
  const handed: Uint8Array[] = []
  let gate: Promise<unknown> = Promise.resolve()
  const wrapper: KeyWrapper = {
    ...remoteWrapper('a'),
    async unwrap(one, in_) {
      calls.push(hex(one.bytes))
      await gate
      const made = await good.unwrap(one, in_)
      handed.push(made)
      return made
    },
  }
  const hold = (): (() => void) => {
    let go = (): void => undefined
    gate = new Promise<void>((resolve) => (go = resolve))
    return go
  }
  return { wrapper, calls, handed, hold }
}
