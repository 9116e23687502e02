import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = resolve(fileURLToPath(import.meta.url), '..', '..', '..')

/** What the bootstrap brings and remembers; ignored by git, safe to delete. */
export const toolsFolder = join(root, '.tools')

/** In the order in which they are built: each may need the types of those before it. */
export const packages = ['kms-emulator', 'core', 'sqlite', 'rotation']

/** All files below a folder, in one order on every system. @param {string} folder @returns {string[]} */
export function filesBelow(folder) {
  if (!existsSync(folder)) return []
  const entries = readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))
  return entries.flatMap((entry) => (entry.isDirectory() ? filesBelow(join(folder, entry.name)) : [join(folder, entry.name)]))
}

/** One digest of names and contents. @param {readonly string[]} files */
export function digestOf(files) {
  const hash = createHash('sha256')
  for (const file of files) {
    const content = existsSync(file) ? readFileSync(file) : undefined
    hash.update(`${relative(root, file).split(sep).join('/')}\0${content === undefined ? 'missing' : content.length}\0`)
    if (content !== undefined) hash.update(content)
  }
  return hash.digest('hex')
}

/** @param {string} file @returns {string | undefined} */
export function readText(file) {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
