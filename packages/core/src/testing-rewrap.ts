/** Cases of key wrappers whose service moves wrapped DEKs by itself. */
import { isRewrapKeyWrapper } from './key-source.ts'
import { claim, claimCode, claimEqual, claimRefused, spread, withBitFlipped } from './testing-kit.ts'
import type { CanonicalContext, KeyWrapper } from './types.ts'

const NOT_OURS = ['ERR_NOT_AUTHENTIC', 'ERR_KEY_MISMATCH']
const ALTERATIONS = 16

/** Every promise of `RewrapKeyWrapper`; nothing for a wrapper that is none, or cannot move to `other`. */
export async function testRewrap(made: KeyWrapper, other: KeyWrapper, newDek: () => Uint8Array, context: CanonicalContext): Promise<void> {
  if (!isRewrapKeyWrapper(made) || !made.canRewrapTo(other)) return
  const wrapped = await made.wrap(newDek(), context)
  const moved = await made.rewrapTo(other, wrapped, context)
  claimEqual(await other.unwrap(moved, context), newDek(), 'the data key of a wrap that was moved')
  await claimRefused(() => made.unwrap(moved, context), NOT_OURS, 'a wrap that was moved, by its old key,')
  if (made.canRewrapTo(made)) {
    claimEqual(await made.unwrap(await made.rewrapTo(made, wrapped, context), context), newDek(), 'the data key of a wrap that was moved in place')
  }
  const foreign = await other.wrap(newDek(), context)
  await claimRefused(() => made.rewrapTo(other, foreign, context), NOT_OURS, 'moving a wrap of another key')
  for (const bit of spread(wrapped.bytes.length * 8, ALTERATIONS)) {
    const altered = { ...wrapped, bytes: withBitFlipped(wrapped.bytes, bit) }
    // a service need not see all of a wrap: what it lets through must then not open
    const error: unknown = await made.rewrapTo(other, altered, context).then(
      async (through) => other.unwrap(through, context).then(() => undefined, reasonOf),
      reasonOf,
    )
    claim(error !== undefined, `a wrap with bit ${bit} changed was moved, and opens`)
    claimCode(error, NOT_OURS, `moving a wrap with bit ${bit} changed`)
  }
}

const reasonOf = (error: unknown): unknown => error
