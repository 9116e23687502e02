import { cpSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { repositoryRoot } from '@keyfold/test-support'
import { run } from './install.ts'

/** A folder with the tarballs of these packages, as `npm publish` would send them; and how to remove it. */
export interface Packed {
  readonly tarballs: readonly string[]
  remove(): void
}

export function pack(...names: readonly string[]): Packed {
  // builds what is stale; does nothing under `npm test`
  run(process.execPath, [join(repositoryRoot, 'tools/bootstrap.mjs'), '--built', '--node', '-e', '0'], repositoryRoot)
  const folder = mkdtempSync(join(tmpdir(), 'keyfold-packed-'))
  for (const name of names) run('pnpm', ['pack', '--pack-destination', folder], join(repositoryRoot, 'packages', name))
  return {
    tarballs: readdirSync(folder).map((file) => join(folder, file)),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}

/**
 * Lays the packed core and what it depends on into `folder`/node_modules, as npm would, without a registry: the dependencies are copied from
 * where pnpm has put them.
 */
export function unpackCore(folder: string): void {
  const packed = pack('core')
  try {
    const core = join(folder, 'node_modules', '@keyfold', 'core')
    mkdirSync(core, { recursive: true })
    run('tar', ['-xzf', packed.tarballs[0]!, '-C', core, '--strip-components=1'], folder)
    for (const name of ['ciphers', 'hashes']) {
      const from = join(repositoryRoot, 'packages', 'core', 'node_modules', '@noble', name)
      cpSync(realpathSync(from), join(folder, 'node_modules', '@noble', name), { recursive: true })
    }
  } finally {
    packed.remove()
  }
}
