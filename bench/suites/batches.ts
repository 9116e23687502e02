/** What does a batch save over the same records one by one? */
import { randomBytes } from 'node:crypto'
import type { CanonicalContext, SyncBatchKeyWrapper } from '@keyfold/core'
import { createKeyring, openManySync, openSync, rewrapManySync, rewrapSync, sealManySync, sealSync } from '@keyfold/core'
import type { Effort } from '../interleave.ts'
import { interleave } from '../interleave.ts'
import type { Result } from '../report.ts'
import { compared } from '../report.ts'
import type { Suite } from '../suite.ts'
import { CONTEXT, inFolder, newKeyFile } from '../suite.ts'

const COUNTS = [1, 16, 512, 2048]
const PAYLOAD = 256

export const batches: Suite = {
  name: 'batches',
  run: ({ effort }) =>
    inFolder(async (folder) => {
      const [a, b] = [newKeyFile(folder, 'a'), newKeyFile(folder, 'b')]
      const results: Result[] = []
      for (const count of COUNTS) results.push(...(await benchWraps(a, count, effort)), ...(await benchRecords(a, b, count, effort)))
      return { title: 'Batches, per record', floor: 'the same, one by one; over 100 % is what the batch saves', results }
    }),
}

async function benchWraps(key: SyncBatchKeyWrapper, count: number, effort: Effort): Promise<Result[]> {
  const deks = Array.from({ length: count }, () => randomBytes(32))
  const contexts = deks.map((): CanonicalContext => ({ bytes: new Uint8Array(1), pairs: [] }))
  const wraps = key.wrapManySync(deks, contexts)
  const timings = await interleave(
    {
      wrap: () => key.wrapManySync(deks, contexts),
      wrapSingly: () => deks.map((dek, i) => key.wrapSync(dek, contexts[i]!)),
      unwrap: () => key.unwrapManySync(wraps, contexts),
      unwrapSingly: () => wraps.map((wrapped, i) => key.unwrapSync(wrapped, contexts[i]!)),
    },
    effort,
  )
  return [
    compared(`wrap data keys, ${count} at once`, timings.wrap, timings.wrapSingly, count),
    compared(`unwrap data keys, ${count} at once`, timings.unwrap, timings.unwrapSingly, count),
  ]
}

async function benchRecords(a: SyncBatchKeyWrapper, b: SyncBatchKeyWrapper, count: number, effort: Effort): Promise<Result[]> {
  const [keys, next] = [createKeyring({ active: a }), createKeyring({ active: b, decryptOnly: [a] })]
  const plain = Array.from({ length: count }, () => ({ plaintext: randomBytes(PAYLOAD), context: CONTEXT }))
  const sealed = sealManySync(keys, plain).map((envelope) => ({ envelope, context: CONTEXT }))
  const timings = await interleave(
    {
      seal: () => sealManySync(keys, plain),
      sealSingly: () => plain.map((one) => sealSync(keys, one.plaintext, CONTEXT)),
      open: () => openManySync(keys, sealed),
      openSingly: () => sealed.map((one) => openSync(keys, one.envelope, CONTEXT)),
      rewrap: () => rewrapManySync(next, sealed),
      rewrapSingly: () => sealed.map((one) => rewrapSync(next, one.envelope, CONTEXT)),
    },
    effort,
  )
  return [
    compared(`seal ${PAYLOAD} B, ${count} at once`, timings.seal, timings.sealSingly, count),
    compared(`open ${PAYLOAD} B, ${count} at once`, timings.open, timings.openSingly, count),
    compared(`rewrap ${PAYLOAD} B, ${count} at once`, timings.rewrap, timings.rewrapSingly, count),
  ]
}
