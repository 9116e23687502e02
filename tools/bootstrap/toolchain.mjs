import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { BootstrapError } from './errors.mjs'
import { digestOf, root, toolsFolder } from './paths.mjs'
import { step } from './run.mjs'

/**
 * @typedef {object} Toolchain
 * @property {string} node the right Node's executable
 * @property {readonly string[]} folders where `node` and `pnpm` lie, to lead PATH
 */

const pinFolder = join(root, 'tools', 'toolchain')
const pinFiles = ['package.json', 'package-lock.json']
const pins = JSON.parse(readFileSync(join(pinFolder, 'package.json'), 'utf8'))

/**
 * The scripts of the repository are TypeScript that Node runs itself, and tsup asks for these versions. (The published packages need less.)
 * @param {string} version like v24.21.0
 */
export function isRightNode(version) {
  const [major = 0, minor = 0] = version.slice(1).split('.').map(Number)
  return (major === 22 && minor >= 18) || (major === 24 && minor >= 11) || major >= 26
}

/** The npm package that holds the pinned Node of this machine, or undefined. */
function nodePackage() {
  const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`
  const header = /** @type {{ header?: { glibcVersionRuntime?: string } }} */ (process.report.getReport()).header
  // the packages for Linux are built against glibc
  const musl = process.platform === 'linux' && header?.glibcVersionRuntime === undefined
  return name in pins.optionalDependencies && !musl ? name : undefined
}

/** @param {string} program @param {NodeJS.ProcessEnv} [env] */
function versionOf(program, env = process.env) {
  // outside of the repository, where no `packageManager` field asks another pnpm to step in
  const result = spawnSync(program, ['--version'], { cwd: tmpdir(), env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  return result.status === 0 ? result.stdout.trim() : undefined
}

function machineHasPnpm() {
  // a corepack shim must not go and fetch one
  return versionOf('pnpm', { ...process.env, COREPACK_ENABLE_NETWORK: '0' }) === pins.dependencies.pnpm
}

/** @param {string} folder @returns {Toolchain} */
function toolchainIn(folder) {
  const modules = join(folder, 'node_modules')
  const name = nodePackage()
  if (isRightNode(process.version)) return { node: process.execPath, folders: [dirname(process.execPath), join(modules, '.bin')] }
  const bin = join(modules, String(name), 'bin')
  return { node: join(bin, process.platform === 'win32' ? 'node.exe' : 'node'), folders: [bin, join(modules, '.bin')] }
}

/** @returns {Promise<Toolchain>} */
export async function bringToolchain() {
  const folder = join(toolsFolder, `toolchain-${digestOf(pinFiles.map((file) => join(pinFolder, file))).slice(0, 12)}`)
  if (!isRightNode(process.version) && nodePackage() === undefined) {
    throw new BootstrapError(
      `this is Node ${process.version}, and no pinned Node is published for ${process.platform}-${process.arch} that it could bring`,
      'install Node 24 (or 22.18 and later) by hand, then run the command again',
    )
  }
  if (existsSync(folder)) return toolchainIn(folder)
  if (isRightNode(process.version) && machineHasPnpm()) return { node: process.execPath, folders: [dirname(process.execPath)] }
  await download(folder)
  return toolchainIn(folder)
}

/** Into a folder of its own, which is then renamed: nobody ever sees half of it. @param {string} folder */
async function download(folder) {
  process.stderr.write(`keyfold: bringing Node and pnpm ${pins.dependencies.pnpm} into .tools/ (once)\n`)
  mkdirSync(toolsFolder, { recursive: true })
  const fresh = mkdtempSync(join(toolsFolder, 'new-'))
  try {
    for (const file of pinFiles) copyFileSync(join(pinFolder, file), join(fresh, file))
    await npmInstall(fresh)
    const { node } = toolchainIn(fresh)
    if (!isRightNode(versionOf(node) ?? 'v0')) {
      throw new BootstrapError('the pinned Node does not run on this machine', 'install Node 24 by hand, then run the command again')
    }
    moveInPlace(fresh, folder)
  } finally {
    rmSync(fresh, { recursive: true, force: true })
  }
}

/** @param {string} fresh @param {string} folder */
function moveInPlace(fresh, folder) {
  try {
    renameSync(fresh, folder)
  } catch (error) {
    // another root script was faster: what it brought is the same
    if (!existsSync(folder)) throw error
  }
}

/** @param {string} folder */
async function npmInstall(folder) {
  const npm = process.env.npm_execpath
  const [program, ...first] = npm !== undefined && basename(npm) === 'npm-cli.js' ? [process.execPath, npm] : ['npm']
  // Every setting that the outer npm may have handed down (`--prefix`, `--silent`, …) is named again: a flag wins over the environment.
  const flags = [`--prefix=${folder}`, '--global=false', '--ignore-scripts=false', '--include=optional', '--omit=dev', '--dry-run=false',
    '--workspaces=false', '--loglevel=error', '--no-audit', '--no-fund', '--no-update-notifier',
    // npm would wait five minutes on a connection that has gone silent, and for minutes where there is no network
    '--fetch-timeout=30000', '--fetch-retries=1', '--fetch-retry-mintimeout=1000', '--fetch-retry-maxtimeout=5000']
  await step('npm install of the pinned Node and pnpm', program, [...first, 'install', ...flags], {
    cwd: folder,
    env: process.env,
    hint: 'npm needs its registry for this once: check the network and the npm settings (registry, proxy), then run the command again',
  })
}
