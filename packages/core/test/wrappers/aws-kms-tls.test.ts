import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SecureVersion } from 'node:tls'
import { createServer } from 'node:tls'
import { pathToFileURL } from 'node:url'
import { repositoryRoot, requireOrSkip } from '@keyfold/test-support'
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import { describeOnEmulator, faultyKms } from './aws-kms-support.ts'

const folder = mkdtempSync(join(tmpdir(), 'keyfold-test-'))
const [keyPath, certificatePath] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')]
const core = pathToFileURL(join(repositoryRoot, 'packages/core/src')).href
let kms: Awaited<ReturnType<typeof faultyKms>>
let arn: string

const hasOpenssl = spawnSync('openssl', ['version']).status === 0

/** Speaks whatever it is offered; without it Node itself would refuse TLS 1.1, and the test would show nothing. */
const LAX = ['--tls-min-v1.0', '--tls-cipher-list=DEFAULT@SECLEVEL=0']

describeOnEmulator('the TLS to AWS KMS', () => {
  beforeAll(async () => {
    kms = await faultyKms()
    arn = await kms.createKey()
    if (hasOpenssl) makeCertificate()
  })
  beforeEach((context) => requireOrSkip(context, hasOpenssl, 'openssl, which makes the certificate, is missing'))
  afterAll(async () => {
    await kms.close()
    rmSync(folder, { recursive: true })
  })

  test.each([
    ['TLSv1.1', '1.2', 'ERR_KEY_UNAVAILABLE'],
    ['TLSv1.2', '1.2', 'sealed'],
    ['TLSv1.3', '1.2', 'sealed'],
    ['TLSv1.1', '1.3', 'ERR_KEY_UNAVAILABLE'],
    ['TLSv1.2', '1.3', 'ERR_KEY_UNAVAILABLE'],
    ['TLSv1.3', '1.3', 'sealed'],
  ] as const)('with a server that speaks %s alone, and minTls %s: %s', async (version, minTls, expected) => {
    const endpoint = await serving(version)
    const outcome = await client(wrapping(endpoint, { minTls }), { NODE_EXTRA_CA_CERTS: certificatePath })
    expect(outcome.split(':')[0]).toBe(expected)
  })

  test('it is not the client’s Node that refuses TLS 1.1', async () => {
    const endpoint = await serving('TLSv1.1')
    const get = `
      import { get } from 'node:https'
      get('${endpoint}', { agent: false }, (answer) => console.log(answer.resume().socket.getProtocol())).on('error', console.log)`
    expect(await client(get, { NODE_EXTRA_CA_CERTS: certificatePath })).toBe('TLSv1.1')
  })

  test('a certificate that nobody vouches for is refused, even where the environment says that it be taken', async () => {
    const endpoint = await serving('TLSv1.3')
    for (const env of [{}, { NODE_TLS_REJECT_UNAUTHORIZED: '0' }]) {
      expect(await client(wrapping(endpoint), env)).toMatch(/^ERR_KEY_UNAVAILABLE: .*SELF_SIGNED_CERT/)
    }
  })

  test('a certificate of another host is refused', async () => {
    const endpoint = (await serving('TLSv1.3')).replace('localhost', '[::1]')
    const outcome = await client(wrapping(endpoint), { NODE_EXTRA_CA_CERTS: certificatePath })
    expect(outcome).toMatch(/^ERR_KEY_UNAVAILABLE: .*ERR_TLS_CERT_ALTNAME_INVALID/)
  })
})

function makeCertificate(): void {
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
  const options = ['-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-keyout', keyPath, '-out', certificatePath]
  execFileSync('openssl', ['req', ...options, ...subject], { stdio: 'ignore' })
}

/** The emulator behind TLS of one version. */
async function serving(version: SecureVersion): Promise<string> {
  const secrets = { key: readFileSync(keyPath), cert: readFileSync(certificatePath) }
  const server = createServer({ ...secrets, minVersion: version, maxVersion: version, ciphers: 'DEFAULT@SECLEVEL=0' }, (socket) => {
    const behind = connect(Number(new URL(kms.endpoint).port), '127.0.0.1')
    socket.on('error', () => behind.destroy()).pipe(behind)
    behind.on('error', () => socket.destroy()).pipe(socket)
  })
  await new Promise<void>((resolve) => void server.listen(0, '::', resolve))
  onTestFinished(() => void server.close())
  return `https://localhost:${(server.address() as AddressInfo).port}`
}

const wrapping = (endpoint: string, options = {}) => `
  import { awsKms } from '${core}/wrappers/aws-kms.ts'
  import { canonicalContext } from '${core}/context.ts'
  const wrapper = awsKms('${arn}', ${JSON.stringify({ endpoint, attempts: 1, timeoutMs: 20_000, ...options })})
  const outcome = await wrapper.wrap(new Uint8Array(32), canonicalContext({})).then(
    () => 'sealed',
    (error) => error.code + ': ' + error.cause?.message,
  )
  console.log(outcome)
  process.exit()`

/** Runs a program in a process of its own, whose trust its environment decides; gives what it printed. */
async function client(program: string, env: Record<string, string>): Promise<string> {
  const flags = ['--conditions=@keyfold/source', '--disable-warning=ExperimentalWarning', ...LAX, '--input-type=module', '-e', program]
  const child = spawn(process.execPath, flags, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'ignore'] })
  let printed = ''
  for await (const chunk of child.stdout.setEncoding('utf8')) printed += chunk as string
  return printed.trim()
}
