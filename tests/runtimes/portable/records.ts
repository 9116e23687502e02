import {
  createKeyring, inspect, KeyfoldError, open, openSync, openText, openTextSync, reencrypt, rewrap, rewrapSync, seal, sealSync, toText,
} from '@keyfold/core'
import { testKeyWrapper } from '@keyfold/core/testing'
import type { Case } from './case.ts'
import { codeOf, hex, insecureBytes, refused, same, withBitFlipped } from './case.ts'
import { insecureKey, sharedKeyring } from './keys.ts'

const CONTEXT = { table: 'users', column: 'ssn', id: '42' }
/** A record of the shared keyring. */
const sealed = (plaintext: string | Uint8Array = 'x'): Uint8Array => sealSync(sharedKeyring(), plaintext, CONTEXT)

/** Around the block of the cipher, and more than getRandomValues gives at once. */
const LENGTHS = [0, 1, 15, 16, 17, 255, 256, 4096, 70_000]

/** Round trips of records, and what is refused. */
export function recordCases(): Case[] {
  return [...LENGTHS.map(roundTrip), ...MOVES, ...REFUSALS, ...MISUSES.map(misuse), ...conformance()]
}

function roundTrip(length: number): Case {
  return {
    name: `record: ${length} bytes come back, sealed at once or not`,
    async run() {
      const [payload, keyring] = [insecureBytes(length, 5), sharedKeyring()]
      const [one, other] = [sealSync(keyring, payload, CONTEXT), await seal(keyring, payload, CONTEXT)]
      if (hex(one) === hex(other)) throw new Error('two records have one envelope')
      for (const envelope of [one, other]) {
        for (const opened of [openSync(keyring, envelope, CONTEXT), await open(keyring, toText(envelope), CONTEXT)]) {
          same(hex(opened), hex(payload))
          same(Object.getPrototypeOf(opened) === Uint8Array.prototype, true)
        }
      }
    },
  }
}

const MOVES: Case[] = [
  {
    name: 'record: rewrap changes the key and leaves the body',
    async run() {
      const [before, after] = [createKeyring({ active: insecureKey(2) }), sharedKeyring()]
      const old = sealSync(before, 'moved', CONTEXT)
      for (const moved of [await rewrap(after, old, CONTEXT), rewrapSync(after, old, CONTEXT)]) {
        same(openTextSync(createKeyring({ active: insecureKey(1) }), moved, CONTEXT), 'moved')
        same(hex(moved).slice(-100), hex(old).slice(-100))
        await refused('ERR_KEY_NOT_FOUND', () => openSync(before, moved, CONTEXT))
      }
    },
  },
  {
    name: 'record: re-encryption makes a new body',
    async run() {
      const before = toText(sealed('again'))
      const again = await reencrypt(sharedKeyring(), before, CONTEXT)
      same(await openText(sharedKeyring(), again, CONTEXT), 'again')
      if (again.slice(-40) === before.slice(-40)) throw new Error('the body is the same')
    },
  },
]

const REFUSALS: Case[] = [
  {
    name: 'abuse 1: any one bit of an envelope flipped is refused',
    async run() {
      const envelope = sealed('sixteen bytes...')
      for (let bit = 0; bit < envelope.length * 8; bit++) {
        const code = await codeOf(() => openSync(sharedKeyring(), withBitFlipped(envelope, bit), CONTEXT))
        if (!/^ERR_(?!ARGUMENT)/.test(code)) throw new Error(`bit ${bit}: ${code}`)
      }
    },
  },
  {
    name: 'abuse 2: an envelope that is cut at any place is refused',
    async run() {
      const envelope = sealed('cut')
      for (let length = 0; length < envelope.length; length++) {
        const code = await codeOf(() => openSync(sharedKeyring(), envelope.subarray(0, length), CONTEXT))
        if (code !== 'ERR_NOT_SEALED' && code !== 'ERR_ENVELOPE_MALFORMED') throw new Error(`at ${length}: ${code}`)
      }
    },
  },
  {
    name: 'abuse 13: an error says what to do and not what was sealed',
    run() {
      const envelope = sealed('the plaintext')
      try {
        openSync(sharedKeyring(), envelope, { ...CONTEXT, id: 'a value' })
      } catch (error) {
        same(error instanceof KeyfoldError && [error.name, error.code, error.hint !== ''], ['KeyfoldError', 'ERR_NOT_AUTHENTIC', true])
        same(/the plaintext|a value/.test(`${String(error)} ${JSON.stringify(error)} ${(error as Error).stack}`), false)
        return
      }
      throw new Error('it was opened')
    },
  },
]

/** Calls that are wrong, with the code that each ends with in every runtime. */
const MISUSES: ReadonlyArray<readonly [what: string, code: string, call: () => unknown]> = [
  ['a lone surrogate as plaintext', 'ERR_ARGUMENT', () => sealed('a\ud800')],
  ['a number as plaintext', 'ERR_ARGUMENT', () => sealed(42 as unknown as string)],
  ['bytes that are no text, as text', 'ERR_NOT_TEXT', () => openTextSync(sharedKeyring(), sealed(Uint8Array.of(0xff)), CONTEXT)],
  ['plaintext in place of an envelope', 'ERR_NOT_SEALED', () => openSync(sharedKeyring(), 'plaintext', CONTEXT)],
  ['bytes with a wrong magic', 'ERR_NOT_SEALED', () => inspect(Uint8Array.of(1, 2, 3))],
  ['another context', 'ERR_NOT_AUTHENTIC', () => openSync(sharedKeyring(), sealed(), {})],
  ['a context that is no object', 'ERR_CONTEXT_INVALID', () => sealSync(sharedKeyring(), 'x', 'users' as unknown as Record<string, string>)],
  ['a context with a lone surrogate', 'ERR_CONTEXT_INVALID', () => sealSync(sharedKeyring(), 'x', { id: '\udc00' })],
  ['one key twice in a keyring', 'ERR_KEYRING_INVALID', () => createKeyring({ active: insecureKey(1), decryptOnly: [insecureKey(1)] })],
  ['a key that is not in the keyring', 'ERR_KEY_NOT_FOUND', () => openSync(createKeyring({ active: insecureKey(4) }), sealed(), CONTEXT)],
]

function misuse([what, code, call]: (typeof MISUSES)[number]): Case {
  return { name: `misuse: ${what} ends in ${code}`, run: () => refused(code, call) }
}

/** The kit that third parties run on their own wrappers, on the raw key. */
function conformance(): Case[] {
  const cases: Case[] = []
  testKeyWrapper({ test: (name, run) => cases.push({ name, run }), wrapper: () => insecureKey(1), other: () => insecureKey(2) })
  return cases
}
