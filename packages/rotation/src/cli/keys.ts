import { createKeyring, KeyfoldError } from '@keyfold/core'
import type { Keyring, KeyWrapper } from '@keyfold/core'
import { keyFile, keyFileId } from '@keyfold/core/key-file'
import { keychain, keychainId } from '@keyfold/core/keychain'
import { suggestion } from '../nearest.ts'
import { looksSecret } from '../secret-shape.ts'
import type { AwsKmsSettings } from './aws-kms-keys.ts'
import { awsKmsId, openAwsKms } from './aws-kms-keys.ts'
import type { LoadedConfig } from './load-config.ts'

/** What of a config the keys are opened with. */
export interface KeySettings {
  /** Turns a relative path into one that can be opened. */
  path(relative: string): string
  readonly awsKms?: AwsKmsSettings | undefined
}

/** How keys of one scheme are named and opened. `id` touches neither file nor network. */
interface Scheme {
  /** Whether what follows the scheme is the path of a file. */
  readonly isPath: boolean
  id(place: string): string
  open(place: string, awsKms: KeySettings['awsKms']): KeyWrapper | Promise<KeyWrapper>
}

/** Every scheme that a config may name. Nothing else is ever loaded by a name out of a file. */
const SCHEMES: ReadonlyMap<string, Scheme> = new Map<string, Scheme>([
  ['key-file', { isPath: true, id: keyFileId, open: (path) => keyFile(path) }],
  ['keychain', { isPath: false, id: keychainId, open: (account) => keychain(account) }],
  ['aws-kms', { isPath: false, id: awsKmsId, open: openAwsKms }],
])

/** A key by its URI, before it was opened. */
export interface KeyAt {
  readonly id: string
  /** The URI as given. */
  readonly uri: string
  open(): Promise<KeyWrapper>
}

/** A key as the config names it. */
export interface NamedKey extends KeyAt {
  readonly role: 'active' | 'decrypt-only'
}

/**
 * The keys of a config, the active one first, by id. Opens none of them.
 *
 * @param kmsAttempts how often a call of AWS KMS is tried; as the SDK has it where it is left out
 * @throws KeyfoldError ERR_KEY_SCHEME_UNKNOWN, ERR_KEY_ID_INVALID, ERR_CONFIG_INVALID for two keys of one id
 */
export function namedKeys({ config, path }: LoadedConfig, kmsAttempts?: number): NamedKey[] {
  const { active, decryptOnly } = config.keyring
  const awsKms = kmsAttempts === undefined ? config.awsKms : { ...config.awsKms, attempts: kmsAttempts }
  const settings = { path, awsKms }
  const keys = [named(active, 'active', settings), ...decryptOnly.map((uri) => named(uri, 'decrypt-only', settings))]
  const double = keys.find(({ id }, i) => keys.findIndex((key) => key.id === id) < i)
  if (double === undefined) return keys
  throw new KeyfoldError('ERR_CONFIG_INVALID', `two keys of the keyring have the id ${double.id}`, {
    hint: 'A key has one place in the keyring, and a name of its own: for a key file, the file name without its extension.',
  })
}

function named(uri: string, role: NamedKey['role'], settings: KeySettings): NamedKey {
  return { ...keyAt(uri, settings, `keyring.${role}`), role }
}

/**
 * The key that a URI names. Opens nothing.
 *
 * @param where the URI stands, for the error's text
 * @throws KeyfoldError ERR_KEY_SCHEME_UNKNOWN, ERR_KEY_ID_INVALID
 */
export function keyAt(uri: string, { path, awsKms }: KeySettings, where: string): KeyAt {
  const colon = uri.indexOf(':')
  const scheme = SCHEMES.get(uri.slice(0, colon))
  if (scheme === undefined) throw unknownScheme(uri.slice(0, colon))
  const rest = uri.slice(colon + 1)
  // No other machine is ever asked for a key file.
  if (scheme.isPath && /^\w*:?\/\//.test(rest)) throw new KeyfoldError('ERR_KEY_ID_INVALID', `${where}: a key is a path, not a URL`)
  const place = scheme.isPath ? path(rest) : rest
  return { id: scheme.id(place), uri, open: async () => scheme.open(place, awsKms) }
}

function unknownScheme(name: string): KeyfoldError {
  const known = Array.from(SCHEMES.keys())
  const shown = looksSecret(name) || name.length > 32 ? 'this scheme' : `the scheme "${name}"`
  return new KeyfoldError('ERR_KEY_SCHEME_UNKNOWN', `no kind of key has ${shown}${suggestion(name, known)}`, {
    hint: `Known schemes: ${known.join(', ')}. A key is written scheme:place, such as key-file:./keys/2026q4.key.`,
  })
}

/**
 * Opens the keys of a config and makes the keyring.
 *
 * @param out ids that the ledger has taken out of service: they are left out, so that nothing is opened or sealed with them
 * @throws KeyfoldError ERR_KEY_FILE_…, ERR_KEYCHAIN_…, ERR_KEYRING_INVALID; ERR_KEY_DISABLED where the active key is out of service
 */
export async function openKeyring(keys: readonly NamedKey[], out: ReadonlySet<string>): Promise<Keyring> {
  const active = keys.find(({ role }) => role === 'active')!
  if (out.has(active.id)) throw outOfService(active.id)
  const rest = keys.filter((key) => key !== active && !out.has(key.id))
  // one after the other: a keychain may ask the user
  const opened: KeyWrapper[] = []
  for (const key of [active, ...rest]) opened.push(await key.open())
  return createKeyring({ active: opened[0]!, decryptOnly: opened.slice(1) })
}

function outOfService(id: string): KeyfoldError {
  return new KeyfoldError('ERR_KEY_DISABLED', `the active key ${id} was retired, by the ledger`, {
    hint: 'A retired key seals nothing more. Make a new key with `kms-rotate keys create NAME` and set it as keyring.active.',
  })
}
