/** What a keychain or a bus may hand over, under mutations: refused by a code, or read as exactly what it says. */
import { fuzzRuns } from '@keyfold/test-support'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isKeyfoldError } from '../../src/index.ts'
import { encodeCall, messageLength, parseReply } from '../../src/wrappers/keychain-dbus-message.ts'
import { encodeEntry, parseEntry } from '../../src/wrappers/keychain-entry.ts'
import { parsePlace, placeId } from '../../src/wrappers/keychain-place.ts'
import { insecureKey } from '../keys.ts'
import { failed, returned, signal } from './dbus-messages.ts'

const numRuns = fuzzRuns()
const edits = fc.array(fc.record({ kind: fc.constantFrom('set', 'insert', 'delete', 'cut'), at: fc.nat(), unit: fc.nat(255) }), { maxLength: 4 })

function mutate<T>(units: readonly T[], list: ReadonlyArray<{ kind: string; at: number; unit: number }>, unitOf: (n: number) => T): T[] {
  const out = [...units]
  for (const { kind, at, unit } of list) {
    const i = at % Math.max(1, out.length)
    if (kind === 'set') out[i] = unitOf(unit)
    else if (kind === 'insert') out.splice(i, 0, unitOf(unit))
    else if (kind === 'delete') out.splice(i, 1)
    else out.length = i
  }
  return out
}

/** Undefined where the call ends in a typed error; anything else fails the test. */
function typed<T>(call: () => T): T | undefined {
  try {
    return call()
  } catch (error) {
    if (!isKeyfoldError(error)) throw error
    return undefined
  }
}

test('an entry: what reads back is written the same', () => {
  const entry = encodeEntry(insecureKey('fuzz'))
  fc.assert(
    fc.property(edits, (list) => {
      const text = mutate([...entry], list, (n) => String.fromCharCode(n)).join('')
      const kek = typed(() => parseEntry(text, 'keychain:a/b'))
      if (kek !== undefined) expect(encodeEntry(kek)).toBe(text)
      // the key id in it leaves no room for an accident
      if (text !== entry) expect(kek).toBe(undefined)
    }),
    { numRuns },
  )
})

test('a key of any bytes goes into an entry and comes out', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (kek) => {
      expect(parseEntry(encodeEntry(kek), 'x')).toEqual(Uint8Array.from(kek))
    }),
    { numRuns },
  )
})

test('a place: what is accepted gives an id that is accepted and gives itself', () => {
  const part = fc.string({ unit: fc.constantFrom(...'aZ09._-/?= \n\u00e4'), maxLength: 12 })
  fc.assert(
    fc.property(part, part, fc.constantFrom('', '?backend=keytar', '?backend=x'), (service, account, query) => {
      const place = typed(() => parsePlace(`${service}/${account}${query}`))
      if (place === undefined) return
      expect(placeId(place)).toBe(`keychain:${service}/${account}`)
      expect(parsePlace(placeId(place))).toEqual({ ...place, backend: undefined })
    }),
    { numRuns },
  )
})

test('a reply of a bus: read or refused, never a crash', () => {
  const replies = [
    returned(3, [['ao', ['/a', '/b']], ['ao', []]]), returned(3, [['v', ['b', true]]], false), failed(3, 'org.example.Failed'), signal(),
    encodeCall(3, { destination: 'a.b', path: '/', interface: 'a.b', member: 'C', args: ['x', { y: 'z' }] }),
  ]
  fc.assert(
    fc.property(fc.constantFrom(...replies), edits, (reply, list) => {
      const bytes = Uint8Array.from(mutate([...reply], list, (n) => n))
      const parsed = parseReply(bytes)
      if (parsed !== undefined) expect(messageLength(bytes)).toBe(bytes.length)
    }),
    { numRuns },
  )
})
