/** The real file system, with a record of what is done to files, and a hand that can make a call fall short as a full or dying disk does. */
import type * as Fs from 'node:fs'
import { basename } from 'node:path'

/** `open a.key`, `write a.key`, … in their order; an open file is named by its last path component. */
export const calls: string[] = []
/** Files that are open now. */
export const openFiles = new Map<number, string>()

/** What happens in a call's place, or before it; gets what does the call as it is. */
export const hands: {
  write?: (write: () => number, fd: number, bytes: Uint8Array) => number
  read?: (read: (length: number) => number, length: number) => number
} = {}

/** Forgets the record, and takes the hands away. */
export function forgetCalls(): void {
  calls.length = 0
  delete hands.write
  delete hands.read
}

/** For `vi.mock('node:fs', …)`. */
export function recorded(real: typeof Fs): Partial<typeof Fs> {
  const record = (what: string, fd: number): void => void calls.push(`${what} ${openFiles.get(fd)}`)
  return {
    ...real,
    openSync: (path, ...how) => {
      const fd = real.openSync(path, ...how)
      openFiles.set(fd, basename(String(path)))
      record('open', fd)
      return fd
    },
    closeSync: (fd) => {
      record('close', fd)
      openFiles.delete(fd)
      real.closeSync(fd)
    },
    fsyncSync: (fd) => {
      record('fsync', fd)
      real.fsyncSync(fd)
    },
    writeSync: ((fd: number, bytes: Uint8Array, ...where: never[]) => {
      record('write', fd)
      const write = (): number => real.writeSync(fd, bytes, ...where)
      return hands.write === undefined ? write() : hands.write(write, fd, Buffer.from(bytes))
    }) as typeof Fs.writeSync,
    writeFileSync: (file, ...content) => {
      if (typeof file === 'number') record('write', file)
      real.writeFileSync(file, ...content)
    },
    linkSync: (from, to) => {
      calls.push(`link ${basename(String(to))}`)
      real.linkSync(from, to)
    },
    unlinkSync: (file) => {
      calls.push(`unlink ${basename(String(file))}`)
      real.unlinkSync(file)
    },
    readSync: ((fd: number, bytes: Uint8Array, offset: number, length: number, position: number | null) => {
      const read = (most: number): number => real.readSync(fd, bytes, offset, most, position)
      return hands.read === undefined ? read(length) : hands.read(read, length)
    }) as typeof Fs.readSync,
  }
}
