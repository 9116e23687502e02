import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import type { Outcome, SealedRecord } from '../src/index.ts'
import {
  createKeyring, inspect, KeyfoldError, openSync, reencryptMany, reencryptManySync, reencryptSync, sealManySync, toBytes, toText,
} from '../src/index.ts'
import { insecureKeyring, insecureWrapper, remoteWrapper } from './keys.ts'
import { hex } from './vectors.ts'

const contextOf = (id: number) => ({ table: 'users', column: 'ssn', id: String(id) })
const payloads = Array.from({ length: 20 }, (_, i) => Uint8Array.from(randomBytes(i * 7)))
const old = insecureKeyring('a')
const next = insecureKeyring('b', 'a')
const plain = payloads.map((plaintext, i) => ({ plaintext, context: contextOf(i) }))
const sealed = (): SealedRecord<Uint8Array>[] =>
  sealManySync(old, plain).map((envelope, i) => ({ envelope, context: contextOf(i) }))
const codes = (outcomes: ReadonlyArray<Outcome<unknown>>): Array<string | undefined> =>
  outcomes.map((one) => (one.status === 'rejected' ? one.reason.code : undefined))

test.each([
  ['async', async (records: readonly SealedRecord[]) => reencryptMany(next, records)],
  [
    'keys of a service',
    async (records: readonly SealedRecord[]) =>
      reencryptMany(createKeyring({ active: remoteWrapper('b'), decryptOnly: [remoteWrapper('a')] }), records),
  ],
  ['sync', async (records: readonly SealedRecord[]) => reencryptManySync(next, records)],
])('%s: every record gets a data key and a body of its own, under the active key, in the form that was given', async (_, reencrypt) => {
  const records: SealedRecord[] = sealed()
  records[3] = { envelope: toText(toBytes(records[3]!.envelope)), context: contextOf(3) }
  const outcomes = await reencrypt(records)
  const commitments = new Set<string>()
  for (const [i, outcome] of outcomes.entries()) {
    const envelope = outcome.status === 'fulfilled' ? outcome.value : expect.unreachable()
    expect(typeof envelope).toBe(i === 3 ? 'string' : 'object')
    expect(inspect(envelope).entries.map(({ keyId }) => keyId)).toEqual([hex(insecureWrapper('b').keyId)])
    expect(hex(openSync(insecureKeyring('b'), envelope, contextOf(i)))).toBe(hex(payloads[i]!))
    for (const bytes of [toBytes(envelope), toBytes(records[i]!.envelope)]) commitments.add(hex(bytes.subarray(66, 98)))
  }
  expect(commitments.size).toBe(2 * payloads.length)
})

test('a record that does not open is refused in its place, as `reencrypt` refuses it, and holds up no other', () => {
  const records: SealedRecord[] = sealed()
  records[2] = { envelope: records[2]!.envelope, context: contextOf(200) }
  records[5] = { envelope: withByte(toBytes(records[5]!.envelope), 30), context: contextOf(5) }
  records[6] = { envelope: 'x', context: contextOf(6) }
  records[7] = { envelope: sealManySync(insecureKeyring('elsewhere'), [{ plaintext: 'y', context: contextOf(7) }])[0]!, context: contextOf(7) }
  records[9] = { envelope: withByte(toBytes(records[9]!.envelope), 70), context: contextOf(9) }
  const singly = records.map(({ envelope, context }) => {
    try {
      reencryptSync(next, envelope, context)
      return undefined
    } catch (error) {
      return (error as KeyfoldError).code
    }
  })
  expect(codes(reencryptManySync(next, records))).toEqual(singly)
  expect(singly.filter((code) => code !== undefined)).toEqual([
    'ERR_NOT_AUTHENTIC', 'ERR_NOT_AUTHENTIC', 'ERR_NOT_SEALED', 'ERR_KEY_NOT_FOUND', 'ERR_KEY_COMMITMENT',
  ])
})

test('a key that does not wrap takes along what it was to seal, and nothing is left half done', async () => {
  const refuses = {
    ...remoteWrapper('b'),
    wrap: async () => {
      throw new KeyfoldError('ERR_KEY_DENIED', 'as the test asks')
    },
  }
  const keyring = createKeyring({ active: refuses, decryptOnly: [insecureWrapper('a')] })
  expect(new Set(codes(await reencryptMany(keyring, sealed())))).toEqual(new Set(['ERR_KEY_DENIED']))
})

test('a batch over its limits is refused before any work', async () => {
  const many = Array.from({ length: 65_537 }, () => ({ envelope: '', context: {} }))
  await expect(reencryptMany(next, many)).rejects.toMatchObject({ code: 'ERR_LIMIT' })
  expect(() => reencryptManySync(next, many)).toThrow('65537 records')
})

function withByte(bytes: Uint8Array, at: number): Uint8Array {
  return bytes.map((byte, i) => (i === at ? byte ^ 0x10 : byte))
}
