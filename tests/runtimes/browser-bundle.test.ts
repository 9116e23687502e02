import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { repositoryRoot } from '@keyfold/test-support'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { BROWSER_ENTRY, bundleForBrowser, GZIP_LIMIT, sizesOf, strangersIn } from '../../tools/browser-bundle.ts'
import { unpackCore } from '../pack.ts'

const folder = mkdtempSync(join(tmpdir(), 'keyfold-bundle-'))

beforeAll(() => unpackCore(folder), 300_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test.each([
  ['a browser', []],
  ['a web worker', ['worker']],
  ['Cloudflare Workers', ['workerd', 'worker']],
  ['Cloudflare Workers with the modules of Node', ['workerd', 'worker', 'node']],
  ['Vercel Edge', ['edge-light', 'worker']],
  ['a bundler that sets the condition of Node too', ['node']],
])('a bundle of core for %s has neither node:crypto nor the AWS SDK', async (_name, conditions) => {
  const bundle = await bundleForBrowser(BROWSER_ENTRY, folder, conditions)
  expect(strangersIn(bundle)).toEqual([])
  expect(bundle.modules).toContain('node_modules/@keyfold/core/dist/backend-noble.js')
  expect(bundle.modules.filter((path) => !/^(?:<stdin>|node_modules\/(?:@keyfold\/core\/dist|@noble\/(?:ciphers|hashes))\/[\w-]+\.js)$/.test(path))).toEqual([])
})

test('an entry that needs Node is seen to need it', async () => {
  const bundle = await bundleForBrowser("export { keyFile } from '@keyfold/core/key-file'", folder)
  expect(strangersIn(bundle)).toContain('node:fs')
})

test(`core adds at most ${GZIP_LIMIT} bytes to a page, after gzip`, async () => {
  const { minified, gzip, brotli } = sizesOf(await bundleForBrowser(BROWSER_ENTRY, folder))
  process.stderr.write(`core in a page: ${minified} bytes minified, ${gzip} gzip, ${brotli} brotli\n`)
  expect(gzip).toBeLessThanOrEqual(GZIP_LIMIT)
  // a bundle that is far smaller has lost a part
  expect(gzip).toBeGreaterThan(GZIP_LIMIT / 2)
})

test('npm run size prints the figures of the build last', () => {
  const { status, stdout } = spawnSync(process.execPath, [join(repositoryRoot, 'tools/size.ts')], { encoding: 'utf8' })
  expect(stdout).toMatch(/^size: \d+ bytes minified, \d+ gzip \(limit \d+\), \d+ brotli\n$/)
  expect(status).toBe(0)
})
