/** From a branch key's 32 bytes to what a store keeps of it, and back. */
import { toHex, wipe } from './bytes.ts'
import { generateDek } from './cipher.ts'
import { KeyfoldError } from './errors.ts'
import type { Keyring } from './keyring.ts'
import { localKeyId, localKeyWrapper } from './local-wrap.ts'
import { openSteps, rewrapSteps, sealSteps } from './record.ts'
import { runAsync } from './steps.ts'
import type { EncryptionContext, StoredBranchKey, SyncKeyWrapper } from './types.ts'

/** A branch key that may be used: its wrapper holds the key, and nothing gives it out. */
export interface OpenBranchKey {
  readonly wrapper: SyncKeyWrapper
  readonly partition: string
  readonly version: number
  readonly createdAt: number
}

/** What a stored branch key is sealed to. The key id is not among it: it is bound to the key's own bytes. */
function contextOf({ partition, version, createdAt }: Omit<StoredBranchKey, 'keyId' | 'sealed'>): EncryptionContext {
  return { keyfold: 'branch key', partition, version: String(version), created: String(createdAt) }
}

/** Makes a branch key: one call of each sealing key of the keyring. */
export async function makeBranchKey(
  keyring: Keyring,
  place: { readonly partition: string; readonly version: number; readonly createdAt: number },
): Promise<{ readonly stored: StoredBranchKey; readonly open: OpenBranchKey }> {
  const key = generateDek()
  try {
    const wrapper = wrapperOf(key)
    const sealed = await runAsync(sealSteps(keyring, key, contextOf(place)))
    return { stored: { ...place, keyId: wrapper.keyId, sealed }, open: { ...place, wrapper } }
  } finally {
    wipe(key)
  }
}

/**
 * Opens a branch key: one call of the key that it is under.
 *
 * @throws KeyfoldError ERR_BRANCH_KEY_STORE where the row is not what was stored; ERR_BRANCH_KEY_DESTROYED; what the keyring throws
 */
export async function openBranchKey(keyring: Keyring, stored: StoredBranchKey): Promise<OpenBranchKey> {
  const { partition, version, createdAt } = stored
  const key = await ofStored(stored, (sealed) => runAsync(openSteps(keyring, sealed, contextOf(stored))))
  try {
    const wrapper = wrapperOf(key)
    if (toHex(wrapper.keyId) !== toHex(stored.keyId)) throw altered(stored)
    return { wrapper, partition, version, createdAt }
  } finally {
    wipe(key)
  }
}

/**
 * Puts a branch key under the keyring's sealing keys: the new envelope. Throws as `openBranchKey`.
 *
 * @param within let the key service move it by itself, where it can (`rewrap` says what that leaves unchecked)
 */
export function rewrapBranchKey(keyring: Keyring, stored: StoredBranchKey, within: boolean): Promise<Uint8Array> {
  return ofStored(stored, (sealed) => runAsync(rewrapSteps(keyring, sealed, contextOf(stored), within)))
}

function wrapperOf(key: Uint8Array): SyncKeyWrapper {
  return localKeyWrapper(branchKeyName(localKeyId(key)), key)
}

/** The name of a branch key for people: `branch-key:` and its key id. Not its partition, which may be the name of a person. */
export function branchKeyName(keyId: Uint8Array): string {
  return `branch-key:${toHex(keyId)}`
}

/** What an altered, swapped or mistaken row ends in; the codes of a master key that is missing, refused or out of reach pass as they are. */
const ALTERED = new Set<string>([
  'ERR_NOT_SEALED', 'ERR_ENVELOPE_MALFORMED', 'ERR_ENVELOPE_VERSION', 'ERR_ENVELOPE_SUITE', 'ERR_ENVELOPE_FLAGS', 'ERR_LIMIT',
  'ERR_KEY_COMMITMENT', 'ERR_NOT_AUTHENTIC', 'ERR_CONTEXT_INVALID', 'ERR_ARGUMENT',
])

async function ofStored(stored: StoredBranchKey, use: (sealed: Uint8Array) => Promise<Uint8Array>): Promise<Uint8Array> {
  if (stored.sealed === null) throw destroyed(stored.keyId)
  try {
    return await use(stored.sealed)
  } catch (error) {
    throw error instanceof KeyfoldError && ALTERED.has(error.code) ? altered(stored, error) : error
  }
}

function altered({ keyId }: StoredBranchKey, cause?: KeyfoldError): KeyfoldError {
  return new KeyfoldError('ERR_BRANCH_KEY_STORE', `the store's row of ${branchKeyName(keyId)} was altered, or is another key's`, { cause })
}

export function destroyed(keyId: Uint8Array): KeyfoldError {
  return new KeyfoldError('ERR_BRANCH_KEY_DESTROYED', `${branchKeyName(keyId)} was destroyed`)
}
