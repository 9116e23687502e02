/** Envelopes that share buffers, and those that do not. */
import { expect, test } from 'vitest'
import type { Outcome } from '../src/index.ts'
import { createKeyring, openSync, reencryptMany, reencryptManySync, rewrapMany, rewrapManySync, sealManySync } from '../src/index.ts'
import { insecureWrapper } from './keys.ts'
import { hex } from './vectors.ts'

const [old, next] = ['a', 'b'].map((name) => insecureWrapper(name))
const keyring = createKeyring({ active: next!, decryptOnly: [old!] })
/** Small ones, and in the middle one that is too large to share. */
const plaintexts = Array.from({ length: 200 }, (_, i) => 'x'.repeat(i === 100 ? 10_000 : i))
const contextOf = (i: number) => ({ id: String(i) })
const records = sealManySync(createKeyring({ active: old! }), plaintexts.map((plaintext, i) => ({ plaintext, context: contextOf(i) })))
  .map((envelope, i) => ({ envelope, context: contextOf(i) }))
const shared = { shared: true }

const valuesOf = (outcomes: ReadonlyArray<Outcome<Uint8Array>>): Uint8Array[] =>
  outcomes.map((one) => (one.status === 'fulfilled' ? one.value : expect.unreachable(one.reason.code)))
const opened = (envelopes: readonly Uint8Array[]): string[] =>
  envelopes.map((envelope, i) => Buffer.from(openSync(keyring, envelope, contextOf(i))).toString())

test.for([
  ['rewrapManySync', () => rewrapManySync(keyring, records, shared)],
  ['rewrapMany', () => rewrapMany(keyring, records, shared)],
  ['reencryptManySync', () => reencryptManySync(keyring, records, shared)],
  ['reencryptMany', () => reencryptMany(keyring, records, shared)],
] as const)('%s: envelopes that share buffers have bytes of their own there', async ([, move]) => {
  const envelopes = valuesOf(await move())
  const before = envelopes.map(hex)
  expect(opened(envelopes)).toEqual(plaintexts)
  expect(new Set(envelopes.map(({ buffer }) => buffer)).size).toBeLessThan(10)
  expect(envelopes[100]!.buffer.byteLength).toBe(envelopes[100]!.length)
  // Whatever one does to the others, this one stays.
  for (const [i, envelope] of envelopes.entries()) if (i !== 50) envelope.fill(0)
  expect(hex(envelopes[50]!)).toBe(before[50])
  // Nor does a later batch write where an earlier one is.
  valuesOf(await move())
  expect(hex(envelopes[50]!)).toBe(before[50])
})

test.for([
  ['rewrapManySync', () => rewrapManySync(keyring, records)],
  ['rewrapMany', () => rewrapMany(keyring, records)],
  ['reencryptManySync', () => reencryptManySync(keyring, records)],
  ['reencryptMany', () => reencryptMany(keyring, records)],
] as const)('%s: each has a buffer of its own where nothing else is asked for', async ([, move]) => {
  for (const { buffer, length } of valuesOf(await move())) expect(buffer.byteLength).toBe(length)
})
