/** From a key source to the cipher of a stream's chunks. The DEK and what is derived from it are wiped before a chunk is read or written. */
import { sha256 } from '#backend'
import { concat, wipe } from './bytes.ts'
import { deriveBodyKey, generateDek } from './cipher.ts'
import { encodeHeader, SUITE_STREAM } from './format.ts'
import type { KeySource } from './key-source.ts'
import { openDek } from './open-dek.ts'
import { wrapForAll } from './record.ts'
import type { Steps } from './steps.ts'
import type { ChunkCipher } from './stream-cipher.ts'
import { openingCipher, sealingCipher } from './stream-cipher.ts'
import type { StreamHead } from './stream-head.ts'
import type { CanonicalContext } from './types.ts'

export interface NewStream {
  /** What stands before the first chunk. */
  readonly head: Uint8Array
  readonly cipher: ChunkCipher
}

/** Begins a stream under a fresh DEK. */
export function* sealingSteps(keys: KeySource, context: CanonicalContext): Steps<NewStream> {
  const dek = generateDek()
  const bodyKey = deriveBodyKey(SUITE_STREAM, dek)
  try {
    const entries = yield* wrapForAll(keys, dek, context)
    const header = encodeHeader({ suite: SUITE_STREAM, entries, body: bodyKey })
    const cipher = sealingCipher(bodyKey.key, sha256(context.bytes))
    return { head: concat(header, cipher.prefix), cipher }
  } finally {
    wipe(dek)
    bodyKey.wipe()
  }
}

/** The cipher of a stream that begins with `head`; throws as `open` does. */
export function* openingSteps(keys: KeySource, { header, prefix }: StreamHead, context: CanonicalContext): Steps<ChunkCipher> {
  const opened = yield* openDek(keys, header, context)
  try {
    return openingCipher(opened.bodyKey.key, prefix, sha256(context.bytes))
  } finally {
    opened.wipe()
  }
}
