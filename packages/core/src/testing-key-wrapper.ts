/** The conformance kit of key wrappers: every promise of `KeyWrapper` and its optional abilities, as cases. */
import { canonicalContext } from './context.ts'
import { open, rewrap, seal } from './envelope.ts'
import { KEY_ID_LENGTH, LIMITS, MATERIAL_ID_LENGTH } from './format.ts'
import { inspect } from './inspect.ts'
import { isSyncKeyWrapper } from './key-source.ts'
import { createKeyring } from './keyring.ts'
import { testBatches } from './testing-key-batch.ts'
import type { TestFunction } from './testing-kit.ts'
import { claim, claimEqual, claimRefused, insecureBytes, spread, withBitFlipped } from './testing-kit.ts'
import { testRewrap } from './testing-rewrap.ts'
import type { KeyWrapper } from './types.ts'

type Make = () => KeyWrapper | Promise<KeyWrapper>

export interface KeyWrapperKit {
  /** The `test` of the test runner. */
  readonly test: TestFunction
  /** A wrapper over the key under test, a new one at each call, always over the same key. */
  readonly wrapper: Make
  /** A wrapper of the same kind over another key. */
  readonly other: Make
  /** A wrapper over a key whose service cannot be reached, where there is a service. */
  readonly unreachable?: Make
  /** A wrapper over a key that this caller may not use, where that can be. */
  readonly denied?: Make
  /** How many altered wraps are tried; 64 by default. Fewer where each costs a call that is paid for. */
  readonly alterations?: number
}

const CONTEXT = canonicalContext({ table: 'conformance', column: 'kit', id: '1' })
const PAIRS = { table: 'conformance', column: 'kit', id: '1' }
/** A new buffer each time: wrappers are not trusted with the one that they are judged by. */
const newDek = (): Uint8Array => insecureBytes(32, 1)
const DEK = newDek()
const NOT_OURS = ['ERR_NOT_AUTHENTIC', 'ERR_KEY_MISMATCH']
const AT_ONCE = 50

/**
 * Declares the cases that every key wrapper passes. Ours pass them; run them on your own. They write nothing but wraps of insecure test keys.
 *
 * @example
 * import { test } from 'vitest'
 * import { testKeyWrapper } from '@keyfold/core/testing'
 * testKeyWrapper({ test, wrapper: () => myWrapper('a'), other: () => myWrapper('b') })
 */
export function testKeyWrapper(kit: KeyWrapperKit): void {
  const { test, wrapper, other } = kit
  const onWrapper = (name: string, run: (made: KeyWrapper) => Promise<void>): unknown =>
    test(`key wrapper: ${name}`, async () => run(await wrapper()))

  onWrapper('its id is `scheme:name`', async ({ id }) => claim(/^[a-z][a-z0-9-]*:\S+$/.test(id), 'the id is not `scheme:name`'))
  onWrapper('its key id has 12 bytes, the same each time, and is that of no other key', async ({ keyId }) => {
    claim(keyId instanceof Uint8Array && keyId.length === KEY_ID_LENGTH, `the key id is not a Uint8Array of ${KEY_ID_LENGTH} bytes`)
    claimEqual((await wrapper()).keyId, keyId, 'the key id of a second wrapper over the same key')
    claim(`${(await other()).keyId}` !== `${keyId}`, 'another key has the same key id')
  })
  onWrapper('a wrap has a material id of 6 bytes and 1 to 6144 bytes', async (made) => {
    const { materialId, bytes } = await made.wrap(newDek(), CONTEXT)
    claim(materialId instanceof Uint8Array && materialId.length === MATERIAL_ID_LENGTH, 'the material id is not a Uint8Array of 6 bytes')
    claim(bytes instanceof Uint8Array && bytes.length > 0 && bytes.length <= LIMITS.wrappedBytes, 'the wrap has not 1 to 6144 bytes')
  })
  onWrapper('what it wraps comes back, through another wrapper over the same key too', async (made) => {
    for (const dek of [DEK, new Uint8Array(32), new Uint8Array(32).fill(0xff)]) {
      const wrapped = await made.wrap(dek.slice(), CONTEXT)
      claimEqual(await made.unwrap(wrapped, CONTEXT), dek, 'the unwrapped data key')
      claimEqual(await (await wrapper()).unwrap(wrapped, CONTEXT), dek, 'the data key from a second wrapper')
    }
  })
  onWrapper('wrapping neither changes nor keeps the data key', async (made) => {
    const dek = newDek()
    const wrapped = await made.wrap(dek, CONTEXT)
    claimEqual(dek, DEK, 'the data key after it was wrapped')
    dek.fill(0)
    claimEqual(await made.unwrap(wrapped, CONTEXT), DEK, 'the data key, after the caller wiped his copy,')
  })
  onWrapper('unwrapping gives a buffer of the caller’s own, and leaves the wrap as it was', async (made) => {
    const wrapped = await made.wrap(newDek(), CONTEXT)
    const before = Uint8Array.from(wrapped.bytes)
    const first = await made.unwrap(wrapped, CONTEXT)
    first.fill(0)
    claimEqual(await made.unwrap(wrapped, CONTEXT), DEK, 'the data key, after the caller wiped an earlier one,')
    claimEqual(wrapped.bytes, before, 'the wrap after it was unwrapped')
  })
  onWrapper('a wrap with a changed bit is not authentic', async (made) => testAltered(made, kit.alterations ?? 64))
  onWrapper('a wrap that is cut, extended or empty is not authentic', async (made) => {
    const wrapped = await made.wrap(newDek(), CONTEXT)
    const { length } = wrapped.bytes
    for (const bytes of [wrapped.bytes.subarray(0, length - 1), wrapped.bytes.subarray(1), new Uint8Array(0), extended(wrapped.bytes)]) {
      await claimRefused(
        () => made.unwrap({ ...wrapped, bytes }, CONTEXT),
        NOT_OURS,
        `a wrap of ${bytes.length} bytes instead of ${length}`,
      )
    }
  })
  onWrapper('a wrap of another key is refused', async (made) => {
    const foreign = await (await other()).wrap(newDek(), CONTEXT)
    await claimRefused(() => made.unwrap(foreign, CONTEXT), NOT_OURS, 'a wrap of another key')
  })
  onWrapper(`${AT_ONCE} calls at once do not get into each other’s way`, async (made) => {
    const deks = Array.from({ length: AT_ONCE }, (_, i) => insecureBytes(32, i))
    const wraps = await Promise.all(deks.map((dek) => made.wrap(dek.slice(), CONTEXT)))
    const opened = await Promise.all(wraps.map((wrapped) => made.unwrap(wrapped, CONTEXT)))
    for (const [i, dek] of deks.entries()) claimEqual(opened[i], dek, `data key ${i} of ${AT_ONCE}`)
  })
  onWrapper('printing it shows no key', async (made) => testSilence(made))
  onWrapper('records seal and open under it, and move to another key and back', async (made) => testRecords(made, await other()))
  onWrapper('its sync twins, where it has them, do the same', testSync)
  onWrapper('its batches, where it has them, give what one by one gives', async (made) => testBatches(made, await other()))
  onWrapper('moving a wrap within its service, where it can, keeps the data key', async (made) => testRewrap(made, await other(), newDek, CONTEXT))
  testFailing(kit)
}

function testFailing({ test, unreachable, denied }: KeyWrapperKit): void {
  for (const [make, code, what] of [
    [unreachable, 'ERR_KEY_UNAVAILABLE', 'whose service is out of reach'],
    [denied, 'ERR_KEY_DENIED', 'that the caller may not use'],
  ] as const) {
    if (make === undefined) continue
    test(`key wrapper: a key ${what} ends in ${code}`, async () => {
      const made = await make()
      await claimRefused(() => made.wrap(newDek(), CONTEXT), [code], 'wrapping')
      const wrapped = { materialId: new Uint8Array(MATERIAL_ID_LENGTH), bytes: insecureBytes(184, 2) }
      // some services look at the wrap before they look at the caller
      await claimRefused(() => made.unwrap(wrapped, CONTEXT), [code, 'ERR_NOT_AUTHENTIC'], 'unwrapping')
    })
  }
}

function extended(bytes: Uint8Array): Uint8Array {
  const longer = new Uint8Array(bytes.length + 1)
  longer.set(bytes)
  return longer
}

async function testAltered(made: KeyWrapper, alterations: number): Promise<void> {
  const wrapped = await made.wrap(newDek(), CONTEXT)
  for (const bit of spread(wrapped.bytes.length * 8, alterations)) {
    const altered = { ...wrapped, bytes: withBitFlipped(wrapped.bytes, bit) }
    await claimRefused(() => made.unwrap(altered, CONTEXT), NOT_OURS, `a wrap with bit ${bit} changed`)
  }
  for (const bit of spread(MATERIAL_ID_LENGTH * 8, Math.min(alterations, 8))) {
    const altered = { ...wrapped, materialId: withBitFlipped(wrapped.materialId, bit) }
    await claimRefused(() => made.unwrap(altered, CONTEXT), ['ERR_NOT_AUTHENTIC'], `a material id with bit ${bit} changed`)
  }
}

/** Looks through all that a logger could reach: nothing longer than the key id may be there as bytes, and no object may print itself as a key. */
async function testSilence(made: KeyWrapper): Promise<void> {
  await made.unwrap(await made.wrap(newDek(), CONTEXT), CONTEXT)
  const seen = new Set<unknown>()
  const walk = (value: unknown, path: string): void => {
    if (typeof value !== 'object' || value === null || seen.has(value)) return
    seen.add(value)
    claim(!ArrayBuffer.isView(value) || value.byteLength <= KEY_ID_LENGTH, `${path} shows ${(value as Uint8Array).byteLength} bytes`)
    for (const key of Reflect.ownKeys(value)) walk(Reflect.get(value, key), `${path}.${String(key)}`)
  }
  walk(made, 'the wrapper')
  const printed = JSON.stringify(made).replaceAll(made.id, '')
  claim(!/[0-9a-f]{64}|[\w+/-]{43}/i.test(printed), 'printed, the wrapper shows what may be a key')
}

async function testRecords(made: KeyWrapper, other: KeyWrapper): Promise<void> {
  const [here, there] = [createKeyring({ active: made, decryptOnly: [other] }), createKeyring({ active: other, decryptOnly: [made] })]
  const payload = insecureBytes(300, 3)
  const sealed = await seal(here, payload, PAIRS)
  const moved = await rewrap(there, sealed, PAIRS)
  claim(inspect(moved).keyId !== inspect(sealed).keyId, 'a rewrapped record stands under the same key id')
  for (const envelope of [sealed, moved, await rewrap(here, moved, PAIRS)]) {
    claimEqual(await open(here, envelope, PAIRS), payload, 'the opened record')
    await claimRefused(() => open(here, envelope, { ...PAIRS, id: '2' }), ['ERR_NOT_AUTHENTIC'], 'a record in another context')
  }
  const both = await seal(createKeyring({ active: made, recovery: [other] }), payload, PAIRS)
  for (const one of [made, other]) claimEqual(await open(createKeyring({ active: one }), both, PAIRS), payload, 'a record with two entries')
}

async function testSync(made: KeyWrapper): Promise<void> {
  if (!isSyncKeyWrapper(made)) return
  claimEqual(made.unwrapSync(await made.wrap(newDek(), CONTEXT), CONTEXT), DEK, 'the data key from unwrapSync')
  const wrapped = made.wrapSync(newDek(), CONTEXT)
  claimEqual(await made.unwrap(wrapped, CONTEXT), DEK, 'the data key of wrapSync')
  const altered = { ...wrapped, bytes: withBitFlipped(wrapped.bytes, 0) }
  await claimRefused(() => made.unwrapSync(altered, CONTEXT), ['ERR_NOT_AUTHENTIC'], 'a wrap with a changed bit')
}
