/** What does sealing or opening one record with a key file cost, at once and through a promise, against the calls that the format needs? */
import { randomBytes } from 'node:crypto'
import type { SyncKeySource } from '@keyfold/core'
import { createKeyring, open, openSync, seal, sealSync } from '@keyfold/core'
import { floorOpen, floorSeal, floorSealUnwrapped } from '../floors.ts'
import type { Effort } from '../interleave.ts'
import { interleave } from '../interleave.ts'
import type { Result } from '../report.ts'
import { compared } from '../report.ts'
import type { Suite } from '../suite.ts'
import { CANONICAL_CONTEXT, CONTEXT, inFolder, newKeyFile, SIZES } from '../suite.ts'

export const records: Suite = {
  name: 'records',
  run: ({ effort }) =>
    inFolder(async (folder) => {
      const keyring = createKeyring({ active: newKeyFile(folder, 'bench') })
      const results: Result[] = []
      for (const [size, length] of SIZES) results.push(...(await benchSize(size, randomBytes(length), keyring, effort)))
      const floor = 'the cipher and hash calls of node:crypto that format v1 needs for one record by itself, and nothing else'
      return { title: 'Records, key file', floor, results }
    }),
}

async function benchSize(size: string, payload: Uint8Array, keyring: SyncKeySource, effort: Effort): Promise<Result[]> {
  const envelope = sealSync(keyring, payload, CONTEXT)
  const parts = floorSeal(payload, CANONICAL_CONTEXT)
  const timings = await interleave(
    {
      seal: () => sealSync(keyring, payload, CONTEXT),
      sealFloor: () => floorSeal(payload, CANONICAL_CONTEXT),
      sealFloorUnwrapped: () => floorSealUnwrapped(payload, CANONICAL_CONTEXT),
      sealAsync: () => seal(keyring, payload, CONTEXT),
      open: () => openSync(keyring, envelope, CONTEXT),
      openFloor: () => floorOpen(parts, CANONICAL_CONTEXT),
      openAsync: () => open(keyring, envelope, CONTEXT),
    },
    effort,
  )
  return [
    compared(`seal ${size} key-file`, timings.seal, timings.sealFloor),
    compared(`seal ${size} key-file, a floor without the wrap`, timings.seal, timings.sealFloorUnwrapped),
    compared(`open ${size} key-file`, timings.open, timings.openFloor),
    compared(`seal ${size} key-file, async`, timings.sealAsync, timings.sealFloor),
    compared(`open ${size} key-file, async`, timings.openAsync, timings.openFloor),
  ]
}
