import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { digestOf, filesBelow, packages, readText, root, toolsFolder } from './paths.mjs'
import { environment, step } from './run.mjs'

const stampFolder = join(toolsFolder, 'built')
/** @param {string} name */
const folderOf = (name) => join(root, 'packages', name)

/**
 * A build is fresh when the sources, the settings, the packages before it and the built files all are what they were when it was made.
 * Contents are compared, not times: a checkout, a copy or an edit of dist/ by hand must not pass for a build.
 * @param {string} name
 */
function state(name) {
  const before = packages.slice(0, packages.indexOf(name))
  const files = [
    ...filesBelow(join(folderOf(name), 'src')),
    ...before.flatMap((other) => filesBelow(join(folderOf(other), 'dist'))),
    ...['package.json', 'tsup.config.ts', 'tsconfig.json'].map((file) => join(folderOf(name), file)),
    ...['tsconfig.base.json', 'pnpm-lock.yaml', 'tools/tsup-base.ts'].map((file) => join(root, file)),
  ]
  return `${digestOf(files)} ${digestOf(filesBelow(join(folderOf(name), 'dist')))}\n`
}

/** @param {string} name */
function isStale(name) {
  return !hasDist(name) || readText(join(stampFolder, name)) !== state(name)
}

/** @param {string} name */
function hasDist(name) {
  const dist = join(folderOf(name), 'dist')
  return existsSync(dist) && readdirSync(dist).length > 0
}

/** The names of the packages that must be built before dist/ may be used. */
export function staleBuilds() {
  return packages.filter(isStale)
}

/** @param {import('./toolchain.mjs').Toolchain} toolchain */
export async function buildPackages(toolchain) {
  for (const name of packages) {
    if (!isStale(name)) continue
    process.stderr.write(`keyfold: building packages/${name}\n`)
    await step(`the build of packages/${name}`, toolchain.node, [join(root, 'node_modules', 'tsup', 'dist', 'cli-default.js')], {
      cwd: folderOf(name),
      env: environment(toolchain),
      hint: 'the messages above are of tsup; `npm run check` names type errors with their place',
    })
    mkdirSync(stampFolder, { recursive: true })
    writeFileSync(join(stampFolder, name), state(name))
  }
}
