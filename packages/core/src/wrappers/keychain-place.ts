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

const SCHEME = 'keychain:'
const PART = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/
const BACKEND_QUERY: Readonly<Record<string, KeychainBackend>> = { '?backend=keyring': 'keyring', '?backend=keytar': 'keytar' }

/**
 * Reads `service/account`, with or without `keychain:` before and `?backend=keytar` behind it.
 *
 * @throws KeyfoldError ERR_KEY_ID_INVALID
 */
export function parsePlace(place: string): KeychainPlace {
  const text = typeof place !== 'string' ? '' : place.startsWith(SCHEME) ? place.slice(SCHEME.length) : place
  const [, path = '', query] = /^([^?]*)(\?.*)?$/s.exec(text) ?? []
  const [service = '', account = '', ...more] = path.split('/')
  const backend = query === undefined ? undefined : BACKEND_QUERY[query]
  if (!PART.test(service) || !PART.test(account) || more.length > 0) throw invalid('is written service/account')
  if (query !== undefined && backend === undefined) throw invalid('may name ?backend=keytar or ?backend=keyring, and nothing else')
  return { service, account, backend }
}

function invalid(rule: string): KeyfoldError {
  return new KeyfoldError('ERR_KEY_ID_INVALID', `a place in a keychain ${rule}`, {
    hint: 'Such as keychain:payroll/2026q4. Service and account have letters, digits, `.`, `_` and `-`, and start with a letter or digit.',
  })
}

/** The key's id, `keychain:service/account`: the same whichever library reads it. */
export function placeId({ service, account }: KeychainPlace): string {
  return `${SCHEME}${service}/${account}`
}
