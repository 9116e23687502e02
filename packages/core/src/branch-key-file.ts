/** Branch keys in one file of this machine. */
import type { Stats } from 'node:fs'
import { closeSync, constants, fstatSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { randomBytes } from '#backend'
import type { LogLine } from './branch-key-log.ts'
import { decodeLine, encodeLine, isBlank, sealedWithin } from './branch-key-log.ts'
import { BranchKeyTable } from './branch-key-memory.ts'
import { equalBytes, toHex } from './bytes.ts'
import { KeyfoldError } from './errors.ts'
import { syncFolder } from './sync-folder.ts'
import type { StoredBranchKey, SyncBranchKeyStore } from './types.ts'

const NEWLINE = 0x0a
/** More than a million branch keys: a database is the place for them. */
const MOST_BYTES = 0x2000_0000
const WRONG_FILE = 'Check the path: it names a file of branch keys, or none yet.'
const OPEN_FLAGS = constants.O_RDWR | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)
const APPEND_FLAGS = constants.O_WRONLY | constants.O_APPEND | (constants.O_NOFOLLOW ?? 0)

/**
 * A branch key store in one file: for up to some 100,000 keys, on a local file system (not on a network share), shared by any number of
 * processes. The file is made with mode 600 where it is not there yet. Changes are appended and synced; what a change replaces is overwritten.
 *
 * @param path the file; its folder exists
 * @throws KeyfoldError ERR_ARGUMENT; ERR_BRANCH_KEY_STORE, at its first use, for a file that is none of branch keys
 * @example const keys = createBranchKeys({ keyring, store: fileBranchKeyStore('./branch-keys.log'), partition: { by: 'tenant' } })
 */
export function fileBranchKeyStore(path: string): SyncBranchKeyStore {
  if (typeof path !== 'string' || path === '' || path.includes('\0')) throw new KeyfoldError('ERR_ARGUMENT', 'a branch key store has a path')
  return new FileBranchKeyStore(path)
}

/** Where the sealed bytes of a line stand in the file. */
interface Span {
  readonly at: number
  readonly length: number
}

/** What was read of the file so far. */
class View {
  readonly table: BranchKeyTable
  /** Which file it is: another one may come to stand at the path. */
  readonly inode: number
  /** Up to here it was read: the end of a line. */
  end = 0
  /** The number of each key's last change, and where its sealed bytes are. */
  readonly last = new Map<string, { readonly change: number; readonly span: Span | undefined }>()

  constructor(name: string, inode: number) {
    this.table = new BranchKeyTable(name)
    this.inode = inode
  }

  /** Whether the line counts, and what it replaces in the file. */
  apply({ keyId, change, place, sealed }: LogLine, span: Span | undefined): { readonly counts: boolean; readonly replaced?: Span | undefined } {
    const id = toHex(keyId)
    const last = this.last.get(id)
    const known = this.table.find(keyId)
    const counts =
      place === null
        ? known !== undefined && change === last!.change + 1 && this.table.replace(known, sealed)
        : this.table.insert({ ...place, keyId, sealed })
    if (!counts) return { counts }
    this.last.set(id, { change, span })
    return { counts, replaced: known?.sealed && !isBlank(known.sealed) ? last!.span : undefined }
  }
}

class FileBranchKeyStore implements SyncBranchKeyStore {
  readonly name: string
  readonly #path: string
  #view: View | undefined

  constructor(path: string) {
    this.name = path
    this.#path = resolve(path)
  }

  versions(partition: string): StoredBranchKey[] {
    return this.#use(({ table }) => table.versions(partition))
  }

  find(keyId: Uint8Array): StoredBranchKey | undefined {
    return this.#use(({ table }) => table.find(keyId))
  }

  list(options: { readonly after?: Uint8Array; readonly limit: number }): StoredBranchKey[] {
    return this.#use(({ table }) => table.list(options))
  }

  insert({ keyId, partition, version, createdAt, sealed }: StoredBranchKey): boolean {
    return this.#use(({ table }, fd) => {
      if (table.find(keyId) !== undefined || table.versions(partition).some((key) => key.version === version)) return false
      return this.#append(fd, { id: newId(), keyId, change: 0, place: { partition, version, createdAt }, sealed })
    })
  }

  replace({ keyId, sealed: before }: StoredBranchKey, sealed: Uint8Array | null): boolean {
    return this.#use(({ table, last }, fd) => {
      const known = table.find(keyId)?.sealed ?? null
      if (known === null || before === null || !equalBytes(known, before)) return false
      return this.#append(fd, { id: newId(), keyId, change: last.get(toHex(keyId))!.change + 1, place: null, sealed })
    })
  }

  #use<T>(work: (view: View, fd: number) => T): T {
    const fd = openSync(this.#path, OPEN_FLAGS, 0o600)
    try {
      this.#refresh(fd)
      return work(this.#view!, fd)
    } finally {
      closeSync(fd)
    }
  }

  /** Whether the line counts: of those that change the same thing at the same time, the first one does. */
  #append(fd: number, line: LogLine): boolean {
    const appending = openSync(this.#path, APPEND_FLAGS)
    try {
      // A line end before it, too: what a crash cut stays a line of its own. In one call: the system keeps those of several processes apart.
      const bytes = Buffer.from(`\n${encodeLine(line)}\n`)
      if (writeSync(appending, bytes) !== bytes.length)
        throw new KeyfoldError('ERR_KEY_UNAVAILABLE', 'a branch key could not be written whole', { hint: 'Make room on the disk, and try again.' })
      fsyncSync(appending)
    } finally {
      closeSync(appending)
    }
    return this.#refresh(fd).has(line.id)
  }

  /** Reads what was added to the file; gives the ids of the added lines that count. */
  #refresh(fd: number): ReadonlySet<string> {
    const counted = new Set<string>()
    const replaced: Span[] = []
    // Again where the file grew meanwhile: what was read may be overwritten already, and the line that replaces it stands behind.
    for (let { size } = this.#checked(fd); size > this.#view!.end; ) {
      const view = this.#view!
      const added = readFrom(fd, view.end, size)
      for (const { at, bytes } of wholeLines(added)) {
        const line = decodeLine(bytes.toString())
        if (line === undefined) continue
        const within = sealedWithin(bytes, line)
        const result = view.apply(line, within && { at: view.end + at + within.from, length: within.length })
        if (result.counts) counted.add(line.id)
        if (result.replaced !== undefined) replaced.push(result.replaced)
      }
      view.end += added.lastIndexOf(NEWLINE) + 1
      const { size: now } = fstatSync(fd)
      if (now === size) break
      size = now
    }
    this.#assertBranchKeys()
    overwrite(fd, replaced)
    return counted
  }

  /** What the file is now; a fresh view where another file, or an older copy, came to its place. */
  #checked(fd: number): Stats {
    const stats = fstatSync(fd)
    if (!stats.isFile()) throw new KeyfoldError('ERR_BRANCH_KEY_STORE', `${this.name} is no regular file`, { hint: WRONG_FILE })
    if (stats.size > MOST_BYTES)
      throw new KeyfoldError('ERR_LIMIT', `${this.name} has ${stats.size} bytes, a file of branch keys at most ${MOST_BYTES}`, {
        hint: 'Keep so many branch keys in a database.',
      })
    if (stats.size === 0) syncFolder(dirname(this.#path))
    if (this.#view?.inode !== stats.ino || stats.size < this.#view.end) this.#view = new View(this.name, stats.ino)
    return stats
  }

  #assertBranchKeys(): void {
    const { end, last } = this.#view!
    // blank lines are all that a crash leaves of the first write
    if (end > 2 && last.size === 0) throw new KeyfoldError('ERR_BRANCH_KEY_STORE', `${this.name} holds no branch keys`, { hint: WRONG_FILE })
  }
}

function newId(): string {
  return toHex(randomBytes(8))
}

function readFrom(fd: number, from: number, to: number): Buffer {
  const bytes = Buffer.alloc(to - from)
  let length = 0
  while (length < bytes.length) {
    const count = readSync(fd, bytes, length, bytes.length - length, from + length)
    if (count === 0) break
    length += count
  }
  return bytes.subarray(0, length)
}

function* wholeLines(bytes: Buffer): Generator<{ readonly at: number; readonly bytes: Buffer }> {
  let at = 0
  for (let end = bytes.indexOf(NEWLINE); end >= 0; at = end + 1, end = bytes.indexOf(NEWLINE, at)) {
    if (end > at) yield { at, bytes: bytes.subarray(at, end) }
  }
}

/** With what decodes to zeros. Whoever is killed before this leaves it to the next one who reads the file. */
function overwrite(fd: number, spans: readonly Span[]): void {
  if (spans.length === 0) return
  for (const { at, length } of spans) writeSync(fd, Buffer.alloc(length, 'A'), 0, length, at)
  fsyncSync(fd)
}
