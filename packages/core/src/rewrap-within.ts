import type { Entry, Envelope } from './format.ts'
import type { KeySource } from './key-source.ts'
import { isRewrapKeyWrapper, rewrapStep } from './key-source.ts'
import type { Steps } from './steps.ts'
import type { CanonicalContext } from './types.ts'

/**
 * The entries of a record whose key service moves its wrapped DEK by itself; undefined where that cannot be, or must not. The commitment stays
 * unchecked, for that takes the DEK. With one entry nothing is lost by it: a record that opened still opens, one that did not still does not. With
 * several, the DEK of an exchanged entry would overwrite the last one that opens (docs/format.md, "Rewrapping").
 */
export function* rewrapWithin(keys: KeySource, { entries }: Envelope, context: CanonicalContext): Steps<Entry[] | undefined> {
  const [entry, second] = entries
  if (entry === undefined || second !== undefined) return undefined
  const source = yield* keys.openingKey(entry.keyId)
  if (source === undefined || !isRewrapKeyWrapper(source)) return undefined
  const targets = yield* keys.sealingKeys(context)
  if (!targets.every((target) => source.canRewrapTo(target))) return undefined
  const moved: Entry[] = []
  for (const target of targets) {
    const { materialId, bytes } = yield* rewrapStep(source, target, { materialId: entry.materialId, bytes: entry.wrapped }, context)
    moved.push({ keyId: target.keyId, materialId, wrapped: bytes })
  }
  return moved
}
