import type { Keyring, KeyWrapper } from '@keyfold/core'
import type { KeyRoles, NamedKey } from './ledger/types.ts'

/** A key's `scheme:name` by the 24 hex digits that envelopes carry. */
export type KeyNames = (keyId: string) => string

/** Names the keys of a keyring and those that the ledger remembers; any other is `unknown:` and its digits. */
export function keyNames(keyring: Keyring, remembered: readonly NamedKey[] = []): KeyNames {
  const names = new Map(remembered.map(({ id, keyId }) => [keyId, id]))
  for (const { id, keyId } of keyring.wrappers) names.set(hexOf(keyId), id)
  return (keyId) => names.get(keyId) ?? `unknown:${keyId}`
}

/** The keys of a keyring as the ledger registers them. */
export function keyRoles(keyring: Keyring): KeyRoles {
  const named = ({ id, keyId }: KeyWrapper): { id: string; keyId: string } => ({ id, keyId: hexOf(keyId) })
  const [active, ...recovery] = keyring.sealing.map(named)
  return { active: active!, recovery, decryptOnly: keyring.wrappers.filter((wrapper) => !keyring.sealing.includes(wrapper)).map(named) }
}

export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
}
