import { closeSync, fsyncSync, openSync } from 'node:fs'

/** Makes it durable that a file was made in a folder. */
export function syncFolder(folder: string): void {
  if (process.platform === 'win32') return // a folder cannot be opened there
  const fd = openSync(folder, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
