import { KeyfoldError } from '../errors.ts'

/** The libraries that reach a keychain: @napi-rs/keyring and keytar. */
export type KeychainBackend = 'keyring' | 'keytar'

/** Where a keychain keeps a key. */
export interface KeychainPlace {
  readonly service: string
  readonly account: string
  /** As the URI names it, if it does. */
  readonly backend: KeychainBackend | undefined
}

const PLACE = /^(?:keychain:)?([A-Za-z0-9][\w.-]{0,127})\/([A-Za-z0-9][\w.-]{0,127})(?:\?backend=(keyring|keytar))?$/

/**
 * Reads `service/account`, with or without `keychain:` before and `?backend=keytar` behind it.
 *
 * @throws KeyfoldError ERR_KEY_ID_INVALID
 */
export function parsePlace(place: string): KeychainPlace {
  const parts = PLACE.exec(place)
  if (parts !== null) return { service: parts[1]!, account: parts[2]!, backend: parts[3] as KeychainBackend | undefined }
  throw new KeyfoldError('ERR_KEY_ID_INVALID', 'a place in a keychain is written service/account, and ends so or with ?backend=keytar', {
    hint: 'Such as keychain:payroll/2026q4. Service and account have letters, digits, `.`, `_` and `-`, and start with a letter or digit.',
  })
}

/** The key's id, `keychain:service/account`: the same whichever library reads it. */
export function placeId({ service, account }: KeychainPlace): string {
  return `keychain:${service}/${account}`
}
