import { destroyKeyFile, isKeyFileOf } from '@keyfold/core/key-file'
import { destroyKeychainKey, isKeychainKeyOf } from '@keyfold/core/keychain'
import type { AwsKmsKeyWrapper } from '@keyfold/core/aws-kms'
import type { KeyMaterial } from '../index.ts'
import { openAwsKms } from './aws-kms-keys.ts'
import type { KeySettings } from './keys.ts'
import { keyAt } from './keys.ts'
import { usageError } from './usage.ts'

/** What is to be done about the bytes of a key that is destroyed. */
export interface MaterialOf {
  /** Only of keys that this machine holds. */
  readonly material?: KeyMaterial
  /** Only of keys of a key service: Keyfold deletes none there, and asks when they were last used. */
  readonly wrapper?: AwsKmsKeyWrapper
}

/**
 * Where the bytes of a key are, by its URI.
 *
 * @param id of the key, `scheme:name`
 * @param uri of the flag or the config; undefined where neither names it
 */
export function materialOf(id: string, uri: string | undefined, settings: KeySettings): MaterialOf {
  const [scheme = '', ...rest] = (uri ?? id).split(':')
  if (uri !== undefined && keyAt(uri, settings, '--material').id !== id)
    throw usageError(`--material names another key than ${id}`, 'Nothing was done. It is the key as the config names it: key-file:PATH.')
  const place = rest.join(':')
  // the id of a key of the keychain is its place; that of a key file is its name alone
  if (scheme === 'keychain') return { material: inKeychain(place) }
  if (uri === undefined) return {}
  if (scheme === 'key-file') return { material: inFile(settings.path(place)) }
  return { wrapper: openAwsKms(place, settings.awsKms) }
}

function inFile(path: string): KeyMaterial {
  return { place: path, check: (keyId) => isKeyFileOf(path, keyId), destroy: (keyId) => destroyKeyFile(path, keyId) }
}

function inKeychain(place: string): KeyMaterial {
  return {
    place: `keychain:${place}`,
    check: (keyId) => isKeychainKeyOf(place, keyId),
    destroy: (keyId) => destroyKeychainKey(place, keyId),
  }
}
