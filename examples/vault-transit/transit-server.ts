/** The part of Vault's Transit engine that the example calls, for its test: keys with versions, encrypt and decrypt in batches. Not Vault. */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

interface Item {
  readonly plaintext?: string
  readonly ciphertext?: string
  readonly associated_data?: string
}

export interface TransitServer {
  readonly address: string
  /** The token that is let in. */
  readonly token: string
  /** Requests so far. */
  readonly requests: () => number
  /** Adds a version to a key, which encrypts from then on. */
  rotate(key: string): void
  close(): Promise<void>
}

/** Starts the server with these keys, on this machine alone. */
export async function startTransit(...names: string[]): Promise<TransitServer> {
  const keys = new Map(names.map((name) => [name, [randomBytes(32)]]))
  const token = `insecure-${randomBytes(8).toString('hex')}`
  let requests = 0
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    requests++
    const body = await bodyOf(request)
    if (request.headers['x-vault-token'] !== token) return answer(response, 403, { errors: ['permission denied'] })
    const [, operation, name] = /^\/v1\/transit\/(encrypt|decrypt)\/(\w+)$/.exec(request.url ?? '') ?? []
    const versions = keys.get(name ?? '')
    if (versions === undefined) return answer(response, 400, { errors: ['encryption key not found'] })
    const { batch_input: items } = JSON.parse(body) as { batch_input: readonly Item[] }
    const results = items.map((item) => (operation === 'encrypt' ? encrypt(versions, item) : decrypt(versions, item)))
    const allBad = results.every((result) => 'error' in result)
    return answer(response, allBad ? 400 : 200, { data: { batch_results: results } })
  }
  const server = createServer((request, response) => void serve(request, response))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    token,
    requests: () => requests,
    rotate: (key) => void keys.get(key)!.push(randomBytes(32)),
    close: async () => {
      server.closeAllConnections()
      await once(server.close(), 'close')
    },
  }
}

function encrypt(versions: readonly Buffer[], { plaintext = '', associated_data: aad = '' }: Item): object {
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', versions.at(-1)!, nonce).setAAD(Buffer.from(aad, 'base64'))
  const sealed = Buffer.concat([nonce, cipher.update(plaintext, 'base64'), cipher.final(), cipher.getAuthTag()])
  return { ciphertext: `vault:v${versions.length}:${sealed.toString('base64')}`, key_version: versions.length }
}

function decrypt(versions: readonly Buffer[], { ciphertext = '', associated_data: aad = '' }: Item): object {
  const [, version, text = ''] = /^vault:v(\d+):(.*)$/.exec(ciphertext) ?? []
  const key = versions[Number(version) - 1]
  const sealed = Buffer.from(text, 'base64')
  if (key === undefined || sealed.length < 28) return { error: 'invalid ciphertext: no such version, or too short' }
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, 12), { authTagLength: 16 })
  decipher.setAAD(Buffer.from(aad, 'base64')).setAuthTag(sealed.subarray(-16))
  try {
    return { plaintext: Buffer.concat([decipher.update(sealed.subarray(12, -16)), decipher.final()]).toString('base64') }
  } catch {
    return { error: 'cipher: message authentication failed' }
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
