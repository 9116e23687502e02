import { toHex } from './bytes.ts'
import { suiteName } from './cipher.ts'
import { parse, parseKeyIds, VERSION } from './format.ts'
import type { Keyring } from './keyring.ts'
import { toBytes } from './text-form.ts'

/** What an envelope shows without a key. */
export interface Inspection {
  readonly version: number
  readonly suite: { readonly id: number; readonly name: string }
  /** The first entry's key id, 24 hex digits. */
  readonly keyId: string
  readonly entries: ReadonlyArray<{ readonly keyId: string; readonly materialId: string; readonly wrappedBytes: number }>
  readonly payloadBytes: number
  readonly totalBytes: number
}

/**
 * Reads the public part of an envelope: which keys it needs, how large it is. Needs no key, and vouches for nothing: only opening
 * authenticates a record, and the list of entries is not authenticated even then.
 *
 * @param envelope its bytes or its text form
 * @throws KeyfoldError ERR_NOT_SEALED or ERR_ENVELOPE_… for what is no intact envelope
 */
export function inspect(envelope: Uint8Array | string): Inspection {
  const bytes = toBytes(envelope)
  const { suite, entries, body } = parse(bytes)
  return {
    version: VERSION,
    suite: { id: suite, name: suiteName(suite) },
    keyId: toHex(entries[0]!.keyId),
    entries: entries.map(({ keyId, materialId, wrapped }) => ({
      keyId: toHex(keyId),
      materialId: toHex(materialId),
      wrappedBytes: wrapped.length,
    })),
    payloadBytes: body.ciphertext.length,
    totalBytes: bytes.length,
  }
}

/**
 * Whether an envelope stands under exactly the keys with which this keyring seals today: what a rotation leaves alone. Entries of keys that
 * the keyring does not hold do not count.
 *
 * @throws KeyfoldError as `inspect`
 */
export function isCurrent(keyring: Keyring, envelope: Uint8Array | string): boolean {
  const { sealing } = keyring
  let current = 0
  for (const { keyId } of parseKeyIds(toBytes(envelope))) {
    const wrapper = keyring.find(keyId)
    if (wrapper === undefined) continue
    if (!sealing.includes(wrapper)) return false
    current++
  }
  return current === sealing.length
}
