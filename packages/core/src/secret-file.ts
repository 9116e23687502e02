/**
 * Reads a file that holds a secret, and refuses one that others could have read or planted. What is checked is the open descriptor, and what is
 * read comes from the same one: a file swapped in between changes nothing.
 */
import { closeSync, constants, fstatSync, lstatSync, openSync, readlinkSync, readSync } from 'node:fs'
import type { Stats } from 'node:fs'
import { dirname, join, parse, resolve, sep } from 'node:path'
import { KeyfoldError } from './errors.ts'

const ROOT = 0
const MAX_LINKS = 40
const OPEN_FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)

/**
 * @param path the file; links are refused, but under /run/secrets and $CREDENTIALS_DIRECTORY, where the container runtime or systemd makes
 *   them, those owned by root are followed
 * @param maxBytes a larger file is refused before it is read
 * @returns its bytes, in a buffer that the caller wipes
 * @throws KeyfoldError ERR_KEY_FILE_MISSING, ERR_KEY_FILE_ACCESS, ERR_KEY_FILE_FORMAT
 */
export function readSecretFile(path: string, maxBytes: number): Uint8Array {
  const absolute = resolve(path)
  const mounted = isMountedSecret(absolute)
  const fd = openFile(mounted ? followRootLinks(absolute, path) : absolute, path)
  try {
    const stats = fstatSync(fd)
    checkKind(stats, path)
    if (process.platform !== 'win32') checkAccess(stats, mounted, path)
    if (stats.size === 0) throw new KeyfoldError('ERR_KEY_FILE_FORMAT', `${path} is empty`)
    if (stats.size > maxBytes)
      throw new KeyfoldError('ERR_KEY_FILE_FORMAT', `${path} has ${stats.size} bytes, a key file at most ${maxBytes}`)
    return readAll(fd, stats.size)
  } finally {
    closeSync(fd)
  }
}

function isMountedSecret(absolute: string): boolean {
  const folders = ['/run/secrets', process.env['CREDENTIALS_DIRECTORY']]
  return folders.some((folder) => folder !== undefined && folder !== '' && absolute.startsWith(resolve(folder) + sep))
}

function openFile(absolute: string, path: string): number {
  try {
    return openSync(absolute, OPEN_FLAGS)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') throw new KeyfoldError('ERR_KEY_FILE_MISSING', `there is no file ${path}`)
    throw refused(path, code === 'ELOOP' ? 'it is a symbolic link' : `it cannot be opened (${code})`)
  }
}

function checkKind(stats: Stats, path: string): void {
  if (stats.isFile()) return
  throw refused(path, stats.isDirectory() ? 'it is a directory' : 'it is not a regular file')
}

function checkAccess({ mode, uid }: Stats, mounted: boolean, path: string): void {
  if (uid !== ROOT && uid !== process.geteuid?.()) throw refused(path, 'another user owns it')
  // A mounted secret may be readable by its group (0440), as Kubernetes and systemd hand it to a process that is not root.
  const forbidden = mounted ? 0o037 : 0o077
  if ((mode & forbidden) !== 0)
    throw refused(path, `its mode is ${(mode & 0o777).toString(8).padStart(4, '0')}, others than its owner have access`)
}

function readAll(fd: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size)
  let length = 0
  while (length < size) {
    const count = readSync(fd, bytes, length, size - length, null)
    if (count === 0) break
    length += count
  }
  return bytes.subarray(0, length)
}

/** Resolves links one by one, as long as root owns every component and nobody else can replace it. */
function followRootLinks(absolute: string, path: string): string {
  let rest = absolute.slice(parse(absolute).root.length).split(sep)
  let at = parse(absolute).root
  let links = 0
  while (rest.length > 0) {
    const [name, ...others] = rest as [string, ...string[]]
    const next = join(at, name)
    const stats = lstatOf(next, path)
    if (stats.isSymbolicLink()) {
      if (stats.uid !== ROOT) throw refused(path, 'it lies behind a link that root does not own')
      if (++links > MAX_LINKS) throw refused(path, 'it lies behind too many links')
      const target = resolve(dirname(next), readlinkSync(next))
      rest = [...target.slice(parse(target).root.length).split(sep), ...others]
      at = parse(target).root
    } else {
      if (stats.isDirectory()) checkFolder(stats, path)
      rest = others
      at = next
    }
  }
  return at
}

function checkFolder({ uid, mode }: Stats, path: string): void {
  const replaceable = (mode & 0o022) !== 0 && (mode & 0o1000) === 0
  if (uid !== ROOT || replaceable) throw refused(path, 'it lies in a folder that others than root can change')
}

function lstatOf(file: string, path: string): Stats {
  try {
    return lstatSync(file)
  } catch {
    throw new KeyfoldError('ERR_KEY_FILE_MISSING', `there is no file ${path}`)
  }
}

function refused(path: string, why: string): KeyfoldError {
  return new KeyfoldError('ERR_KEY_FILE_ACCESS', `the key file ${path} is refused: ${why}`)
}
