import { spawnSync } from 'node:child_process'
import { cpSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import tls from 'node:tls'
import { repositoryRoot, temporaryFolder } from '@keyfold/test-support'
import { describe, expect, test } from 'vitest'
import { canonicalContext } from '../../src/index.ts'
import { awsKms, resolveAwsKms } from '../../src/wrappers/aws-kms.ts'
import { codeOf, codeOfAsync } from '../keys.ts'
import { errorOf } from './aws-kms-support.ts'

const arn = 'arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab'
const multi = 'arn:aws:kms:eu-central-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab'
const canonical = canonicalContext({})
const dek = new Uint8Array(32)
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

describe('the name of a key', () => {
  test('gives the same 12 bytes for ever, from the ARN alone', () => {
    // sha256('keyfold aws-kms key id v1' || 00 || ARN), cut; frozen, since envelopes carry it
    expect(hex(awsKms(arn).keyId)).toBe('5d4ae83e5efaaad43548df86')
    expect(hex(awsKms(multi).keyId)).toBe('301c89e137e1116856217558')
    expect(awsKms(`aws-kms:${arn}`).id).toBe(`aws-kms:${arn}`)
  })

  test('of a multi-region key leaves the region out, of another key it does not', () => {
    const sister = (name: string) => name.replace('eu-central-1', 'us-east-1')
    expect(awsKms(sister(multi)).keyId).toEqual(awsKms(multi).keyId)
    expect(awsKms(sister(arn)).keyId).not.toEqual(awsKms(arn).keyId)
  })

  test.each([
    ['an alias', 'alias/payroll'],
    ['the ARN of an alias', 'arn:aws:kms:eu-central-1:111122223333:alias/payroll'],
    ['a bare key id', '1234abcd-12ab-34cd-56ef-1234567890ab'],
    ['another service', arn.replace(':kms:', ':s3:')],
    ['a region with a host name in it', arn.replace('eu-central-1', 'evil.example')],
    ['a path', `${arn}/../x`],
    ['a line end', `${arn}\n`],
    ['nothing', ''],
    ['no text', undefined as unknown as string],
  ])('abuse 18: %s is refused at once', (_, name) => {
    expect(codeOf(() => awsKms(name))).toBe('ERR_KEY_ID_INVALID')
  })
})

test('settings that cannot be are refused at once', () => {
  const refused = (options: object) => codeOf(() => awsKms(arn, options))
  expect(refused({ regions: ['eu-central-1', 'us-east-1'] })).toBe('ERR_ARGUMENT')
  expect(refused({ regions: [] })).toBe('ERR_ARGUMENT')
  expect(refused({ clearContext: ['keyfold'] })).toBe('ERR_ARGUMENT')
  expect(refused({ clearContext: 'tenant' })).toBe('ERR_ARGUMENT')
  expect(refused({ timeoutMs: 0 })).toBe('ERR_ARGUMENT')
  expect(refused({ attempts: 100 })).toBe('ERR_ARGUMENT')
  expect(refused({ minTls: '1.1' })).toBe('ERR_ARGUMENT')
  expect(codeOf(() => awsKms(multi, { regions: ['x.example/'] }))).toBe('ERR_ARGUMENT')
})

test('an alias without a region is refused before any call', async () => {
  expect(await codeOfAsync(resolveAwsKms('alias/payroll', {}))).toBe('ERR_ARGUMENT')
})

test('without the AWS SDK the first call says what to install', () => {
  const folder = temporaryFolder()
  const core = join(repositoryRoot, 'packages/core')
  for (const part of ['package.json', 'src']) cpSync(join(core, part), join(folder, part), { recursive: true })
  const script = `
    import { awsKms } from './src/wrappers/aws-kms.ts'
    import { canonicalContext } from './src/context.ts'
    const error = await awsKms('${arn}').wrap(new Uint8Array(32), canonicalContext({})).catch((error) => error)
    console.log(JSON.stringify([error.code, error.message, error.hint]))`
  writeFileSync(join(folder, 'user.mjs'), script)
  const { stdout } = spawnSync(process.execPath, ['--conditions=@keyfold/source', join(folder, 'user.mjs')], { encoding: 'utf8' })
  const [code, message, hint] = JSON.parse(stdout) as string[]
  expect([code, message]).toEqual(['ERR_RUNTIME', 'Cannot import @aws-sdk/client-kms'])
  expect(hint).toContain('npm install @aws-sdk/client-kms')
})

describe('the wire', () => {
  test('http: is refused but on this machine, wherever the endpoint comes from', async () => {
    expect(await codeOfAsync(awsKms(arn, { endpoint: 'http://kms.example' }).wrap(dek, canonical))).toBe('ERR_ARGUMENT')
    process.env['AWS_ENDPOINT_URL_KMS'] = 'http://kms.example'
    try {
      expect(await codeOfAsync(awsKms(arn).wrap(dek, canonical))).toBe('ERR_ARGUMENT')
    } finally {
      delete process.env['AWS_ENDPOINT_URL_KMS']
    }
  })

  test.each([
    ['1.2', ['0304', '0303']],
    ['1.3', ['0304']],
  ] as const)('TLS %s is the oldest that is offered, though Node be told otherwise', async (minTls, expected) => {
    const before = tls.DEFAULT_MIN_VERSION
    tls.DEFAULT_MIN_VERSION = 'TLSv1'
    try {
      expect(
        await offeredVersions((endpoint) => awsKms(arn, { endpoint, minTls, attempts: 1, timeoutMs: 2000 }).wrap(dek, canonical)),
      ).toEqual(expected)
    } finally {
      tls.DEFAULT_MIN_VERSION = before
    }
  })
})

/** The TLS versions in the greeting of a client, which gets no answer to it. */
async function offeredVersions(call: (endpoint: string) => Promise<unknown>): Promise<string[]> {
  let hello = Buffer.alloc(0)
  const server = createServer((socket) => {
    socket.once('data', (chunk) => {
      hello = chunk
      socket.destroy()
    })
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const error = await errorOf(call(`https://127.0.0.1:${(server.address() as { port: number }).port}`))
  server.close()
  expect(error.code).toBe('ERR_KEY_UNAVAILABLE')
  return versionsIn(hello)
}

/** RFC 8446, section 4.1.2: the versions of the extension supported_versions (43), or the one of the greeting itself. */
function versionsIn(hello: Buffer): string[] {
  let at = 5 + 4 + 2 + 32 // record, handshake, version, random
  at += 1 + hello.readUInt8(at) // session id
  at += 2 + hello.readUInt16BE(at) // cipher suites
  at += 1 + hello.readUInt8(at) // compression
  for (at += 2; at < hello.length; at += 4 + hello.readUInt16BE(at + 2)) {
    if (hello.readUInt16BE(at) !== 43) continue
    return hello.toString('hex', at + 5, at + 5 + hello.readUInt8(at + 4)).match(/.{4}/g) ?? []
  }
  return [hello.toString('hex', 9, 11)]
}
