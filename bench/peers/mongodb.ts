import { randomBytes } from 'node:crypto'
import { Binary, deserialize, serialize } from 'bson'
import type { CryptContext } from 'mongodb-client-encryption'
import { MongoCrypt } from 'mongodb-client-encryption'
import type { Peer } from './peer.ts'
import { checkOpened } from './peer.ts'

const ALGORITHM = 'AEAD_AES_256_CBC_HMAC_SHA_512-Random'
/** The states in which the library waits for its caller (mongocrypt_ctx_state_t). */
const NEEDS_KEYS = 3
const READY = 5

/**
 * MongoDB's client-side encryption without a database: libmongocrypt is driven as the driver does it, with a local master key. A data key is a
 * document of its own; here each record gets one, which is stored beside it.
 */
export async function load(): Promise<Peer[]> {
  const kmsProviders = serialize({ local: { key: randomBytes(96) } })
  const crypt = new MongoCrypt({ kmsProviders, errorWrapper: (error) => error })
  const seal = (payload: Uint8Array): [key: Uint8Array, value: Uint8Array] => {
    const key = finished(crypt.makeDataKeyContext(serialize({ provider: 'local' }), {}))
    const keyId = (deserialize(key, { promoteValues: false })['_id'] as Binary).buffer
    const value = serialize({ v: new Binary(payload) })
    return [key, finished(crypt.makeExplicitEncryptionContext(value, { keyId, algorithm: ALGORITHM, expressionMode: false }), key)]
  }
  const open = ([key, value]: [Uint8Array, Uint8Array]): Uint8Array => {
    const opened = deserialize(finished(crypt.makeExplicitDecryptionContext(value), key), { promoteBuffers: true })
    return opened['v'] as Uint8Array
  }
  return [
    {
      name: 'mongodb-client-encryption, a data key a record', library: 'mongodb-client-encryption', freshKey: true, bindsContext: false,
      lacks: 'no context, no key commitment; AES-256-CBC with HMAC',
      async prepare(payload) {
        const sealed = seal(payload)
        checkOpened('mongodb-client-encryption', open(sealed), payload)
        return { seal: () => seal(payload), open: () => open(sealed), bytes: sealed[0].length + sealed[1].length }
      },
    },
  ]
}

/** Takes a context to its end; where it asks for keys of the vault, it gets the one. */
function finished(context: CryptContext, key?: Uint8Array): Uint8Array {
  if (context.state === NEEDS_KEYS && key !== undefined) {
    context.addMongoOperationResponse(key)
    context.finishMongoOperation()
  }
  if (context.state !== READY) throw new Error(`libmongocrypt stopped in state ${context.state}`)
  return context.finalize()
}
