import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { digestOf, packages, readText, root } from './paths.mjs'
import { environment, step } from './run.mjs'

const stamp = join(root, 'node_modules', '.keyfold-installed')
const members = [...packages.map((name) => join('packages', name)), 'examples', 'bench', join('tools', 'test-support')]

/** What decides how node_modules must look: the lock, the settings, every manifest, and the system (native packages differ). */
function wanted() {
  const manifests = ['.', ...members].map((folder) => join(root, folder, 'package.json'))
  const files = [join(root, 'pnpm-lock.yaml'), join(root, 'pnpm-workspace.yaml'), ...manifests]
  return `${digestOf(files)} ${process.platform}-${process.arch}\n`
}

export function installIsStale() {
  const whole = ['.', ...members].every((folder) => isFilled(join(root, folder, 'node_modules')))
  return !whole || readText(stamp) !== wanted()
}

/** @param {string} folder */
function isFilled(folder) {
  return existsSync(folder) && readdirSync(folder).length > 0
}

/** @param {import('./toolchain.mjs').Toolchain} toolchain */
export async function installPackages(toolchain) {
  process.stderr.write('keyfold: installing the packages that pnpm-lock.yaml names\n')
  const env = { ...environment(toolchain), ...buildSettings(toolchain), CI: 'true' }
  await step('pnpm install', 'pnpm', ['install', '--frozen-lockfile'], {
    env,
    hint: 'pnpm needs the npm registry for this once: check the network and the npm settings, then run the command again',
  })
  writeFileSync(stamp, wanted())
}

/**
 * One package (keytar, optional) is built here where the machine has what that takes: from its sources, never a binary from somewhere else, and
 * with the headers of the Node that will load it.
 * @param {import('./toolchain.mjs').Toolchain} toolchain
 */
function buildSettings(toolchain) {
  const folder = dirname(dirname(toolchain.node))
  const hasHeaders = existsSync(join(folder, 'include', 'node', 'node_api.h'))
  return { npm_config_build_from_source: 'true', ...(hasHeaders && { npm_config_nodedir: folder }) }
}
