/** `requireFips` in processes of its own: FIPS mode is a matter of how Node is started. */
import { execFile } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import * as backend from '#backend'
import { temporaryFolder } from '@keyfold/test-support'
import { describe, expect, test } from 'vitest'
import { requireFips } from '../../src/fips.ts'
import { openTextSync, sealSync } from '../../src/index.ts'
import { insecureKeyring } from '../keys.ts'
import { hex, unhex } from '../vectors.ts'

const source = (name: string): string => pathToFileURL(resolve(import.meta.dirname, '../../src', name)).href
const helpers = pathToFileURL(resolve(import.meta.dirname, '../keys.ts')).href

const PRELUDE = `
  import * as crypto from 'node:crypto'
  import { syncBuiltinESMExports } from 'node:module'
  import { requireFips } from '${source('fips.ts')}'
  import * as core from '${source('index.ts')}'
  import * as noble from '${source('backend-noble.ts')}'
  import { insecureKeyring } from '${helpers}'
  const attempt = (call) => { try { return call() } catch (error) { return { code: error.code, message: error.message, hint: error.hint } } }
  const context = { id: '1' }
`

/** Runs a script that prints one document. */
async function run(script: string, env: Record<string, string> = {}, ...flags: string[]): Promise<unknown> {
  const args = ['--no-warnings', '--conditions=@keyfold/source', ...flags, '--input-type=module', '--eval', PRELUDE + script]
  const { stdout } = await promisify(execFile)(process.execPath, args, { env: { PATH: process.env['PATH'] ?? '', ...env } })
  return JSON.parse(stdout)
}

describe('without a FIPS provider', () => {
  test('here and now: refused, and nothing else changes', () => {
    const expected = backend.BACKEND.fips ? 'FIPS mode of node:crypto is off' : 'Keyfold runs on @noble here, which is no FIPS module'
    expect(requireFips).toThrow(expect.objectContaining({ code: 'ERR_FIPS', message: expected }))
    const keyring = insecureKeyring('a')
    expect(openTextSync(keyring, sealSync(keyring, 'x', { id: '1' }), { id: '1' })).toBe('x')
  })

  test('setFips(1) "succeeds" and breaks every cipher: the self-test says so', async () => {
    const result = await run(`
      crypto.setFips(1)
      console.log(JSON.stringify({ fips: crypto.getFips(), refused: attempt(requireFips) }))
    `)
    expect(result).toMatchObject({ fips: 1, refused: { code: 'ERR_FIPS', message: 'the self-test of SHA-256 failed' } })
    expect((result as { refused: { hint: string } }).refused.hint).toContain('docs/fips.md')
  })

  test('a program that binds itself takes no wrap and no HMAC of ours from then on, whatever it had made before', async () => {
    const result = await run(`
      import { requireApproved } from '${source('approved.ts')}'
      const keyring = insecureKeyring('a')
      for (let i = 0; i < 20; i++) core.sealSync(keyring, 'x', context) // leaves wraps that were made in few calls of AES
      const used = new Set()
      for (const name of ['createCipheriv', 'createHmac']) {
        const original = crypto.default[name]
        crypto.default[name] = (algorithm, ...rest) => (used.add(algorithm), original(algorithm, ...rest))
      }
      syncBuiltinESMExports()
      core.sealSync(keyring, 'x', context)
      const unbound = [...used].sort()
      requireApproved(() => true)
      core.sealSync(keyring, 'x', context)
      console.log(JSON.stringify({ unbound, bound: [...used].sort() }))
    `)
    expect(result).toEqual({ unbound: ['aes-256-gcm'], bound: ['aes-256-gcm', 'id-aes256-wrap-pad', 'sha512'] })
  })

  test('Node itself does not start with --enable-fips, nor with a configuration that asks for what is not there', async () => {
    await expect(run('console.log(7)', {}, '--enable-fips')).rejects.toThrow()
    const conf = join(temporaryFolder(), 'openssl.cnf')
    writeFileSync(conf, 'nodejs_conf = init\n[init]\nalg_section = algorithms\n[algorithms]\ndefault_properties = fips=yes\n')
    await expect(run('console.log(7)', { OPENSSL_CONF: conf })).rejects.toThrow()
  })
})

// A FIPS provider comes in no package: tools/fips/build-module.sh makes one to try, whose folder this names.
const moduleFolder = process.env['KEYFOLD_FIPS_MODULE']
if (moduleFolder !== undefined) describe('with a FIPS provider', () => withProvider(resolve(moduleFolder)))

function withProvider(folder: string): void {
  /** Beside the FIPS provider: `base`, which has no ciphers, or `default`, which has them all. */
  const environment = (beside: 'base' | 'default'): Record<string, string> => {
    const conf = join(temporaryFolder(), 'openssl.cnf')
    const lines = [
      'nodejs_conf = init',
      `.include ${folder}/fipsmodule.cnf`,
      '[init]',
      'providers = providers',
      'alg_section = algorithms',
      '[providers]',
      'fips = fips_sect',
      `${beside} = beside_sect`,
      '[beside_sect]',
      'activate = 1',
      '[algorithms]',
      'default_properties = fips=yes',
    ]
    writeFileSync(conf, `${lines.join('\n')}\n`)
    return { OPENSSL_CONF: conf, OPENSSL_MODULES: folder }
  }

  test('it is there', () => expect(['fips.so', 'fipsmodule.cnf'].map((name) => existsSync(join(folder, name)))).toEqual([true, true]))

  test.each(['base', 'default'] as const)('beside `%s`: bound; noble is refused, and everything once FIPS mode is off', async (beside) => {
    const result = await run(
      `
      const before = noble.sha256(new Uint8Array(1)).length
      requireFips()
      requireFips()
      const keyring = insecureKeyring('a')
      const seal = () => core.openTextSync(keyring, core.sealSync(keyring, 'x', context), context)
      const first = attempt(seal)
      const refused = attempt(() => noble.sha256(new Uint8Array(1)))
      crypto.setFips(0)
      console.log(JSON.stringify({ before, first, refused, off: attempt(seal) }))
    `,
      environment(beside),
    )
    expect(result).toMatchObject({
      before: 32,
      first: 'x',
      refused: { code: 'ERR_FIPS', message: '@noble is not approved' },
      off: { code: 'ERR_FIPS', message: 'FIPS mode was switched off' },
    })
  })

  test('batches open outside of FIPS mode, and the other way round; streams work', async () => {
    const ours = Array.from({ length: 20 }, (_, i) => hex(sealSync(insecureKeyring('a'), `ours ${i}`, { id: '1' })))
    const result = (await run(
      `
      requireFips()
      const keyring = insecureKeyring('a')
      const text = (outcome) => Buffer.from(outcome.value).toString()
      const records = Array.from({ length: 20 }, (_, i) => ({ plaintext: 'theirs ' + i, context }))
      const sealed = core.sealManySync(keyring, records).map((envelope) => Buffer.from(envelope).toString('hex'))
      const batch = ${JSON.stringify(ours)}.map((one) => ({ envelope: Buffer.from(one, 'hex'), context }))
      const opened = core.openManySync(keyring, batch).map(text)
      const moved = core.rewrapManySync(insecureKeyring('b', 'a'), batch).map(({ status }) => status)
      const stream = new Blob(['streamed']).stream().pipeThrough(core.sealStream(keyring, context)).pipeThrough(core.openStream(keyring, context))
      console.log(JSON.stringify({ sealed, opened, moved, streamed: await new Response(stream).text() }))
    `,
      environment('base'),
    )) as { sealed: string[]; opened: string[]; moved: string[]; streamed: string }
    expect(result.sealed.map((one) => openTextSync(insecureKeyring('a'), unhex(one), { id: '1' }))).toEqual(
      Array.from({ length: 20 }, (_, i) => `theirs ${i}`),
    )
    expect(result.opened).toEqual(Array.from({ length: 20 }, (_, i) => `ours ${i}`))
    expect(result.moved).toEqual(Array(20).fill('fulfilled'))
    expect(result.streamed).toBe('streamed')
  })

  test('in FIPS mode a batch is wrapped by the provider’s own key wrap, elsewhere in few calls of AES', async () => {
    const script = `
      const used = {}
      for (const name of ['createCipheriv', 'createDecipheriv']) {
        const original = crypto.default[name]
        crypto.default[name] = (algorithm, ...rest) => ((used[algorithm] = (used[algorithm] ?? 0) + 1), original(algorithm, ...rest))
      }
      syncBuiltinESMExports()
      const keyring = insecureKeyring('a')
      const sealed = core.sealManySync(keyring, Array.from({ length: 50 }, () => ({ plaintext: '', context })))
      core.openManySync(keyring, sealed.map((envelope) => ({ envelope, context })))
      console.log(JSON.stringify(used))
    `
    expect(await run(script, environment('base'))).toEqual({ 'aes-256-gcm': 100, 'id-aes256-wrap-pad': 100 })
    expect(await run(script)).toEqual({ 'aes-256-gcm': 100, 'aes-256-ecb': 2 })
  })

  test('a program that used MD5 before it switched to FIPS mode keeps MD5: refused', async () => {
    const script = `
      crypto.setFips(0)
      crypto.createHash('md5')
      crypto.setFips(1)
      console.log(JSON.stringify({ fips: crypto.getFips(), refused: attempt(requireFips) }))
    `
    expect(await run(script, environment('default'))).toMatchObject({
      fips: 1,
      refused: { code: 'ERR_FIPS', message: 'MD5 works, so node:crypto does not keep to its FIPS provider' },
    })
  })

  test('--enable-fips does for a configuration without default properties', async () => {
    const env = environment('default')
    writeFileSync(
      env['OPENSSL_CONF']!,
      `nodejs_conf = init\n.include ${folder}/fipsmodule.cnf\n[init]\nproviders = p\n[p]\nfips = fips_sect\ndefault = d\n[d]\nactivate = 1\n`,
    )
    const script = 'console.log(JSON.stringify({ refused: attempt(requireFips) ?? null }))'
    expect(await run(script, env, '--enable-fips')).toEqual({ refused: null })
    expect(await run(script, env)).toMatchObject({ refused: { message: 'FIPS mode of node:crypto is off' } })
  })
}
