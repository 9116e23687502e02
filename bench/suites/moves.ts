/** What does a record cost that moves to another key: a rewrap, and a re-encryption? */
import { randomBytes } from 'node:crypto'
import type { SyncKeyWrapper } from '@keyfold/core'
import { createKeyring, reencryptSync, rewrapSync, sealSync } from '@keyfold/core'
import { floorReencrypt, floorRewrap, floorSeal } from '../floors.ts'
import type { Effort } from '../interleave.ts'
import { interleave } from '../interleave.ts'
import type { Result } from '../report.ts'
import { compared } from '../report.ts'
import type { Suite } from '../suite.ts'
import { CANONICAL_CONTEXT, CONTEXT, inFolder, newKeyFile, SIZES } from '../suite.ts'

export const moves: Suite = {
  name: 'moves',
  run: ({ effort }) =>
    inFolder(async (folder) => {
      const [a, b] = [newKeyFile(folder, 'a'), newKeyFile(folder, 'b')]
      const results: Result[] = []
      for (const [size, length] of SIZES) results.push(...(await benchSize(size, randomBytes(length), a, b, effort)))
      return { title: 'Moving a record to another key file', floor: 'the calls of node:crypto that format v1 needs for it', results }
    }),
}

async function benchSize(size: string, payload: Uint8Array, a: SyncKeyWrapper, b: SyncKeyWrapper, effort: Effort): Promise<Result[]> {
  const next = createKeyring({ active: b, decryptOnly: [a] })
  const envelope = sealSync(createKeyring({ active: a }), payload, CONTEXT)
  const parts = floorSeal(payload, CANONICAL_CONTEXT)
  const timings = await interleave(
    {
      rewrap: () => rewrapSync(next, envelope, CONTEXT),
      rewrapFloor: () => floorRewrap(parts),
      reencrypt: () => reencryptSync(next, envelope, CONTEXT),
      reencryptFloor: () => floorReencrypt(parts, CANONICAL_CONTEXT),
    },
    effort,
  )
  return [
    compared(`rewrap ${size}`, timings.rewrap, timings.rewrapFloor),
    compared(`re-encrypt ${size}`, timings.reencrypt, timings.reencryptFloor),
  ]
}
