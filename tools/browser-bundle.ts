import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import type { Metafile } from 'esbuild'
import { build } from 'esbuild'

/** What a browser's user names: whoever imports less gets less. */
export const BROWSER_ENTRY = `
  export {
    createKeyring, inspect, KeyfoldError, open, openStream, openSync, openText, reencrypt, rewrap, seal, sealStream, sealSync,
  } from '@keyfold/core'
  export { insecureRawKey } from '@keyfold/core/raw-key'
`

/** Bytes that `BROWSER_ENTRY` may have after gzip: 20,387 were measured, of which @noble has about half; 8 % is room for what is to come. */
export const GZIP_LIMIT = 22_000

export interface BrowserBundle {
  readonly code: Uint8Array
  /** Every file that is in it, and every module that it still imports. */
  readonly modules: readonly string[]
}

/**
 * Bundles a program as a browser's user does, and minifies it.
 *
 * @param source its text
 * @param folder where its imports are looked for
 * @param conditions those that a bundler sets for its platform, beside `browser`, `import` and `module`
 */
export async function bundleForBrowser(source: string, folder: string, conditions: readonly string[] = []): Promise<BrowserBundle> {
  const { outputFiles, metafile } = await build({
    stdin: { contents: source, resolveDir: folder },
    absWorkingDir: folder,
    bundle: true,
    write: false,
    minify: true,
    format: 'esm',
    platform: 'browser',
    conditions: ['module', ...conditions],
    // it would be an error of the bundler; here it is to be seen
    external: ['node:*'],
    metafile: true,
    logLevel: 'silent',
  })
  return { code: outputFiles[0]!.contents, modules: modulesOf(metafile) }
}

function modulesOf({ inputs, outputs }: Metafile): string[] {
  return [...Object.keys(inputs), ...Object.values(outputs).flatMap(({ imports }) => imports.map(({ path }) => path))]
}

/** Modules that no browser has or wants. */
export function strangersIn({ modules }: BrowserBundle): string[] {
  return modules.filter((path) => /^node:|^crypto$|backend-(?:node|bun)|@aws-sdk|@smithy/.test(path))
}

/** Bytes: minified, and what is sent of it. */
export function sizesOf({ code }: BrowserBundle): { minified: number; gzip: number; brotli: number } {
  return {
    minified: code.length,
    gzip: gzipSync(code, { level: constants.Z_BEST_COMPRESSION }).length,
    brotli: brotliCompressSync(code).length,
  }
}
