// Starts every root script: sees to the right Node, pnpm, the packages and their build, then runs what was asked.
// Where all of that is there it only looks, writes nothing and needs no network. Plain JavaScript that Node 20 runs.
//
//   node tools/bootstrap.mjs [--built] [--caller] (--run FILE | --node) [ARGS…]
//
//   --built    build the packages whose sources are newer than their dist/
//   --caller   run in the folder in which npm was called, not in the repository's
//   --run FILE run this file of the repository; --node hands all ARGS to Node
import { resolve } from 'node:path'
import { buildPackages, staleBuilds } from './bootstrap/build.mjs'
import { BootstrapError } from './bootstrap/errors.mjs'
import { installIsStale, installPackages } from './bootstrap/install.mjs'
import { withLock } from './bootstrap/lock.mjs'
import { root } from './bootstrap/paths.mjs'
import { runAndExit } from './bootstrap/run.mjs'
import { bringToolchain } from './bootstrap/toolchain.mjs'

/** @param {readonly string[]} args */
function parse(args) {
  const flags = new Set()
  let index = 0
  while (args[index] === '--built' || args[index] === '--caller') flags.add(args[index++])
  const [verb, ...rest] = args.slice(index)
  if (verb === '--run' && rest[0] !== undefined) {
    return { built: flags.has('--built'), caller: flags.has('--caller'), command: [resolve(root, rest[0]), ...rest.slice(1)] }
  }
  if (verb === '--node') return { built: flags.has('--built'), caller: flags.has('--caller'), command: rest }
  throw new BootstrapError('tools/bootstrap.mjs was called without --run FILE or --node', 'see the scripts of package.json')
}

/** @param {boolean} built @param {import('./bootstrap/toolchain.mjs').Toolchain} toolchain */
async function prepare(built, toolchain) {
  const ready = () => !installIsStale() && !(built && staleBuilds().length > 0)
  if (ready()) return
  await withLock(async () => {
    // asked again: whoever held the lock before may have done it
    if (installIsStale()) await installPackages(toolchain)
    if (built) await buildPackages(toolchain)
  })
}

try {
  const { built, caller, command } = parse(process.argv.slice(2))
  const toolchain = await bringToolchain()
  await prepare(built, toolchain)
  const folder = caller ? (process.env.INIT_CWD ?? process.cwd()) : root
  runAndExit(toolchain, command, folder)
} catch (error) {
  if (!(error instanceof BootstrapError)) throw error
  process.stderr.write(`keyfold: ${error.message}\n  hint: ${error.hint}\n`)
  process.exitCode = 1
}
