import { join } from 'node:path'
import { build } from 'esbuild'

/** Joins the parts of a test program into `folder`; what it imports of packages stays an import, found in the folder's own node_modules. */
export async function joinParts(name: string, folder: string): Promise<string> {
  const outfile = join(folder, `${name}.mjs`)
  const entryPoints = [join(import.meta.dirname, `${name}.ts`)]
  await build({ entryPoints, outfile, bundle: true, format: 'esm', platform: 'neutral', external: ['@keyfold/*', 'node:*'] })
  return outfile
}
