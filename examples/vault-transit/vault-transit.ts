/** A key wrapper of a third party: HashiCorp Vault's Transit engine over its HTTP API. Copy it, and run `testKeyWrapper` on your copy. */
import { createHash } from 'node:crypto'
import type { BatchKeyWrapper, CanonicalContext, WrappedKey } from '@keyfold/core'
import { KeyfoldError } from '@keyfold/core'

export interface VaultTransitOptions {
  /** Where Vault listens: `https://vault.example.org:8200`. */
  readonly address: string
  /** The name of a Transit key of type aes256-gcm96. */
  readonly key: string
  /** Where the engine is mounted; `transit` by default. */
  readonly mount?: string
  /** Gives the token at each call, so that a renewed one is found: `() => readFileSync('/run/secrets/vault-token', 'utf8').trim()`. */
  readonly token: () => string
}

interface BatchItem {
  readonly ciphertext?: string
  readonly plaintext?: string
  readonly key_version?: number
  readonly error?: string
}

const TIMEOUT_MS = 5000
const CIPHERTEXT = /^vault:v([1-9]\d{0,8}):([A-Za-z0-9+/]+={0,2})$/

/** Calls Vault once a batch, whatever its size: a wrap alone is a batch of one. The context goes along as associated data, hashed. */
export function vaultTransit({ address, key, mount = 'transit', token }: VaultTransitOptions): BatchKeyWrapper {
  const id = `vault-transit:${key}`
  const url = (operation: string): string => `${address}/v1/${mount}/${operation}/${encodeURIComponent(key)}`
  const call = async (operation: string, items: readonly object[]): Promise<readonly BatchItem[]> => {
    if (items.length === 0) return []
    const results = await post(id, url(operation), token(), { batch_input: items, partial_failure_response_code: 200 })
    if (results.length !== items.length) throw unavailable(id, `Vault gave ${results.length} results for ${items.length} items`)
    return results
  }

  async function wrapMany(deks: readonly Uint8Array[], contexts: readonly CanonicalContext[]): Promise<WrappedKey[]> {
    const items = deks.map((dek, i) => ({ plaintext: base64(dek), associated_data: hashOf(contexts[i]!) }))
    return (await call('encrypt', items)).map((item) => wrapOf(id, item))
  }

  async function unwrapMany(wraps: readonly WrappedKey[], contexts: readonly CanonicalContext[]): Promise<Array<Uint8Array | Error>> {
    const items = wraps.map((wrap, i) => ({ ciphertext: ciphertextOf(wrap), associated_data: hashOf(contexts[i]!) }))
    return (await call('decrypt', items)).map((item) => dekOf(id, item))
  }

  return {
    id,
    // Vault gives no key out to be bound to: the id is that of the place where the key is.
    keyId: createHash('sha256')
      .update(`keyfold vault-transit v1\0${url('key')}`)
      .digest()
      .subarray(0, 12),
    wrapMany,
    unwrapMany,
    wrap: async (dek, context) => (await wrapMany([dek], [context]))[0]!,
    unwrap: async (wrapped, context) => {
      const [dek] = await unwrapMany([wrapped], [context])
      if (dek instanceof Uint8Array) return dek
      throw dek!
    },
  }
}

/** `vault:v3:…` as the version, which is the material id, and the bytes: base64 has several texts for the same bytes, and a wrap has one form. */
function wrapOf(id: string, { ciphertext }: BatchItem): WrappedKey {
  const [, version, text] = CIPHERTEXT.exec(ciphertext ?? '') ?? []
  if (version === undefined || text === undefined) throw unavailable(id, 'Vault did not wrap the data key')
  const materialId = new Uint8Array(6)
  new DataView(materialId.buffer).setUint32(2, Number(version))
  return { materialId, bytes: Uint8Array.from(Buffer.from(text, 'base64')) }
}

function ciphertextOf({ materialId, bytes }: WrappedKey): string {
  return `vault:v${Buffer.from(materialId).readUIntBE(0, 6)}:${base64(bytes)}`
}

function dekOf(id: string, { plaintext, error }: BatchItem): Uint8Array | Error {
  const dek = Buffer.from(plaintext ?? '', 'base64')
  if (error !== undefined || dek.length !== 32) return new KeyfoldError('ERR_NOT_AUTHENTIC', `${id} did not wrap this data key`)
  return Uint8Array.from(dek)
}

async function post(id: string, url: string, token: string, body: object): Promise<readonly BatchItem[]> {
  let response: Response
  let answer: { data?: { batch_results?: readonly BatchItem[] } }
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    response = await fetch(url, {
      method: 'POST',
      headers: { 'X-Vault-Token': token },
      body: JSON.stringify(body),
      signal,
      redirect: 'error',
    })
    answer = (await response.json()) as typeof answer
  } catch (cause) {
    throw unavailable(id, 'Vault did not answer, or not as Vault does', cause)
  }
  // 400 comes with results where every item of the batch is bad
  const results = answer.data?.batch_results
  if (results !== undefined) return results
  if (response.status === 403) throw new KeyfoldError('ERR_KEY_DENIED', `${id} may not be used with this token`)
  if (response.status === 400 || response.status === 404) throw new KeyfoldError('ERR_KEY_NOT_FOUND', `Vault has no key ${id}`)
  throw unavailable(id, `Vault answered with HTTP ${response.status}`)
}

function unavailable(id: string, fact: string, cause?: unknown): KeyfoldError {
  return new KeyfoldError('ERR_KEY_UNAVAILABLE', `${id}: ${fact}`, { cause })
}

function hashOf({ bytes }: CanonicalContext): string {
  return createHash('sha256').update(bytes).digest('base64')
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}
