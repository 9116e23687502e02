import { closeSync, fstatSync, fsyncSync, linkSync, openSync, readSync, renameSync, unlinkSync, writeFileSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { basename, dirname, join } from 'node:path'
import { KeyfoldError } from '@keyfold/core'

/** Reads stdin up to its end, of at most `limit` bytes. */
export async function readStdin(limit: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of process.stdin as AsyncIterable<Uint8Array>) {
    length += part.length
    if (length > limit) throw tooLarge('stdin', limit)
    parts.push(part)
  }
  return Buffer.concat(parts)
}

/** Reads a whole file of at most `limit` bytes; more is refused before it is read. */
export function readCapped(file: string, limit: number): Uint8Array {
  const fd = openToRead(file)
  try {
    const { size } = fstatSync(fd)
    if (size > limit) throw tooLarge(file, limit)
    return readUpTo(fd, limit, file)
  } catch (error) {
    throw accessError(error, file)
  } finally {
    closeSync(fd)
  }
}

function openToRead(file: string): number {
  try {
    return openSync(file, 'r')
  } catch (error) {
    throw accessError(error, file)
  }
}

function readUpTo(fd: number, limit: number, file: string): Uint8Array {
  const parts: Uint8Array[] = []
  let length = 0
  for (;;) {
    const part = new Uint8Array(65_536)
    const read = readSync(fd, part, 0, part.length, null)
    if (read === 0) return Buffer.concat(parts)
    length += read
    if (length > limit) throw tooLarge(file, limit)
    parts.push(part.subarray(0, read))
  }
}

function tooLarge(file: string, limit: number): KeyfoldError {
  return new KeyfoldError('ERR_LIMIT', `${file} has more than ${limit} bytes`, { hint: 'Check that this is the right file.' })
}

function accessError(error: unknown, file: string): unknown {
  if (error instanceof KeyfoldError) return error
  const { code } = error as NodeJS.ErrnoException
  if (code === 'ENOENT') return new KeyfoldError('ERR_FILE_MISSING', `there is no file ${file}`, { hint: 'Check the path.' })
  return new KeyfoldError('ERR_FILE_ACCESS', `${file} cannot be read or written (${code})`, {
    hint: 'Check its permissions, those of its folder, and the space on the disk.',
  })
}

/** Writes a file as a whole: a reader sees what was there before, or all of the new. */
export function writeWhole(file: string, text: string): void {
  withDraft(file, text, (draft) => renameSync(draft, file))
}

/** As `writeWhole`, and never in place of another file: false where one is there, which a link, unlike a rename, leaves alone. */
export function writeNewWhole(file: string, text: string): boolean {
  return withDraft(file, text, (draft) => {
    try {
      linkSync(draft, file)
      return true
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
      throw error
    } finally {
      removeQuietly(draft)
    }
  })
}

function withDraft<T>(file: string, text: string, publish: (draft: string) => T): T {
  const draft = join(dirname(file), `.${basename(file)}.${randomBytes(6).toString('hex')}.tmp`)
  try {
    const fd = openSync(draft, 'wx')
    try {
      writeFileSync(fd, text)
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
    return publish(draft)
  } catch (error) {
    removeQuietly(draft)
    throw accessError(error, file)
  }
}

function removeQuietly(file: string): void {
  try {
    unlinkSync(file)
  } catch {
    // It was never made, or has its new name already.
  }
}
