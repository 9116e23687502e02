/** What does a batch save over the same records one by one? */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CanonicalContext, SyncBatchKeyWrapper } from '@keyfold/core'
import { createKeyring, openManySync, openSync, rewrapManySync, rewrapSync, sealManySync, sealSync } from '@keyfold/core'
import { createKeyFile, keyFile } from '@keyfold/core/key-file'
import { interleave } from './interleave.ts'
import type { Result } from './report.ts'
import { result } from './report.ts'

const COUNTS = [1, 16, 512, 2048]
const PAYLOAD = 256

/** Each result: microseconds a record in a batch, and beside them, in the place of the floor, those of one by one. */
export function benchBatches(): Result[] {
  const folder = mkdtempSync(join(tmpdir(), 'keyfold-bench-'))
  try {
    const [a, b] = ['a', 'b'].map((name) => {
      createKeyFile(join(folder, `${name}.key`))
      return keyFile(join(folder, `${name}.key`)) as SyncBatchKeyWrapper
    }) as [SyncBatchKeyWrapper, SyncBatchKeyWrapper]
    return COUNTS.flatMap((count) => [...benchWraps(a, count), ...benchRecords(a, b, count)])
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function benchWraps(key: SyncBatchKeyWrapper, count: number): Result[] {
  const deks = Array.from({ length: count }, () => randomBytes(32))
  const contexts = deks.map((): CanonicalContext => ({ bytes: new Uint8Array(1), pairs: [] }))
  const wraps = key.wrapManySync(deks, contexts)
  const timings = interleave({
    wrap: () => key.wrapManySync(deks, contexts),
    wrapSingly: () => deks.map((dek, i) => key.wrapSync(dek, contexts[i]!)),
    unwrap: () => key.unwrapManySync(wraps, contexts),
    unwrapSingly: () => wraps.map((wrapped, i) => key.unwrapSync(wrapped, contexts[i]!)),
  })
  return [
    result(`wrap data keys, ${count} at once`, timings.wrap.us / count, timings.wrapSingly.us / count),
    result(`unwrap data keys, ${count} at once`, timings.unwrap.us / count, timings.unwrapSingly.us / count),
  ]
}

function benchRecords(a: SyncBatchKeyWrapper, b: SyncBatchKeyWrapper, count: number): Result[] {
  const [keys, next] = [createKeyring({ active: a }), createKeyring({ active: b, decryptOnly: [a] })]
  const context = { table: 'users', column: 'ssn', id: '42' }
  const plain = Array.from({ length: count }, () => ({ plaintext: randomBytes(PAYLOAD), context }))
  const sealed = sealManySync(keys, plain).map((envelope) => ({ envelope, context }))
  const timings = interleave({
    seal: () => sealManySync(keys, plain),
    sealSingly: () => plain.map((one) => sealSync(keys, one.plaintext, context)),
    open: () => openManySync(keys, sealed),
    openSingly: () => sealed.map((one) => openSync(keys, one.envelope, context)),
    rewrap: () => rewrapManySync(next, sealed),
    rewrapSingly: () => sealed.map((one) => rewrapSync(next, one.envelope, context)),
  })
  return [
    result(`seal ${PAYLOAD} B, ${count} at once`, timings.seal.us / count, timings.sealSingly.us / count),
    result(`open ${PAYLOAD} B, ${count} at once`, timings.open.us / count, timings.openSingly.us / count),
    result(`rewrap ${PAYLOAD} B, ${count} at once`, timings.rewrap.us / count, timings.rewrapSingly.us / count),
  ]
}
