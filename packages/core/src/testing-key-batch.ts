/** The conformance kit's cases on batches: what `BatchKeyWrapper` and `SyncBatchKeyWrapper` promise beyond what each wrap promises alone. */
import { canonicalContext } from './context.ts'
import { isBatchKeyWrapper, isSyncBatchKeyWrapper } from './key-batch.ts'
import { claim, claimCode, claimEqual, insecureBytes, spread, withBitFlipped } from './testing-kit.ts'
import type { BatchKeyWrapper, CanonicalContext, KeyWrapper, WrappedKey } from './types.ts'

const CONTEXT = canonicalContext({ table: 'conformance', column: 'kit', id: '1' })
const newDek = (): Uint8Array => insecureBytes(32, 1)
const NOT_OURS = ['ERR_NOT_AUTHENTIC', 'ERR_KEY_MISMATCH']

/** A batch ability in one form for both: what a sync one gives can be awaited too. */
interface Batches {
  wrapMany(...args: Parameters<BatchKeyWrapper['wrapMany']>): Promise<readonly WrappedKey[]> | readonly WrappedKey[]
  unwrapMany(...args: Parameters<BatchKeyWrapper['unwrapMany']>): Promise<readonly unknown[]> | readonly unknown[]
}

/** Runs the cases on each batch ability that a wrapper has; passes where it has none. */
export async function testBatches(made: KeyWrapper, other: KeyWrapper): Promise<void> {
  const abilities: Batches[] = []
  if (isBatchKeyWrapper(made)) abilities.push(made)
  if (isSyncBatchKeyWrapper(made)) {
    abilities.push({ wrapMany: (...args) => made.wrapManySync(...args), unwrapMany: (...args) => made.unwrapManySync(...args) })
  }
  for (const batches of abilities) {
    for (const count of [0, 1, 2, 7, 600, 1024]) await testCount(made, batches, count)
    await testBadOnes(made, batches, other)
    await testBuffers(batches)
    await testAtOnce(batches)
  }
}

async function testCount(made: KeyWrapper, batches: Batches, count: number): Promise<void> {
  const deks = Array.from({ length: count }, (_, i) => insecureBytes(32, i))
  const contexts = contextsOf(count)
  const wraps = await batches.wrapMany(deks, contexts)
  claim(wraps.length === count, `${count} data keys gave ${wraps.length} wraps`)
  const opened = await batches.unwrapMany(wraps, contexts)
  claim(opened.length === count, `${count} wraps gave ${opened.length} data keys`)
  for (const [i, dek] of deks.entries()) claimEqual(opened[i], dek, `data key ${i} of a batch of ${count}`)
  for (const i of spread(count, 2)) claimEqual(await made.unwrap(wraps[i]!, contexts[i]!), deks[i]!, `data key ${i} of a batch, alone,`)
  const alone = await Promise.all(spread(count, 2).map((i) => made.wrap(deks[i]!.slice(), contexts[i]!)))
  const again = await batches.unwrapMany(
    alone,
    spread(count, 2).map((i) => contexts[i]!),
  )
  for (const [n, i] of spread(count, 2).entries()) claimEqual(again[n], deks[i]!, `data key ${i}, wrapped alone, in a batch`)
}

async function testBadOnes(made: KeyWrapper, batches: Batches, other: KeyWrapper): Promise<void> {
  const good = await made.wrap(newDek(), CONTEXT)
  const bad = { ...good, bytes: withBitFlipped(good.bytes, 3) }
  const foreign = await other.wrap(newDek(), CONTEXT)
  const renamed = { ...good, materialId: withBitFlipped(good.materialId, 47) }
  const some = [good, bad, foreign, { ...good, bytes: good.bytes.subarray(1) }, renamed, good]
  // a batch may take another way than a few keys do
  for (const batch of [some, [...some, ...Array.from({ length: 30 }, () => good)]]) {
    const opened = await batches.unwrapMany(
      batch,
      batch.map(() => CONTEXT),
    )
    claim(opened.length === batch.length, `${batch.length} wraps, some of them bad, gave ${opened.length} results`)
    for (const i of batch.keys()) {
      if (i >= 1 && i <= 4) claimCode(opened[i], NOT_OURS, `bad wrap ${i} of a batch of ${batch.length}`)
      else claimEqual(opened[i], newDek(), 'a good wrap among bad ones')
    }
  }
}

async function testBuffers(batches: Batches): Promise<void> {
  const deks = Array.from({ length: 20 }, (_, i) => insecureBytes(32, i))
  const contexts = contextsOf(20)
  const wraps = await batches.wrapMany(deks, contexts)
  for (const [i, dek] of deks.entries()) claimEqual(dek, insecureBytes(32, i), `data key ${i} after its batch was wrapped`)
  for (const dek of deks) dek.fill(0)
  const twice = await batches.unwrapMany([...wraps, ...wraps], [...contexts, ...contexts])
  for (const dek of twice.slice(0, 20)) if (dek instanceof Uint8Array) dek.fill(0)
  for (const i of deks.keys()) claimEqual(twice[20 + i], insecureBytes(32, i), `data key ${i}, after the caller wiped his and its double,`)
}

async function testAtOnce(batches: Batches): Promise<void> {
  const groups = Array.from({ length: 5 }, (_, n) => Array.from({ length: 10 }, (_unused, i) => insecureBytes(32, n * 10 + i)))
  const wraps = await Promise.all(groups.map(async (deks) => batches.wrapMany(deks, contextsOf(10))))
  const opened = await Promise.all(wraps.map(async (group) => batches.unwrapMany(group, contextsOf(10))))
  for (const [n, deks] of groups.entries())
    for (const [i, dek] of deks.entries()) claimEqual(opened[n]![i], dek, `data key ${i} of one of five batches at once`)
}

function contextsOf(count: number): CanonicalContext[] {
  return Array.from({ length: count }, (_, i) => canonicalContext({ table: 'conformance', column: 'kit', id: String(i) }))
}
