import { createKeyring, isKeyfoldError } from '@keyfold/core'
import type { Keyring, SyncKeyWrapper } from '@keyfold/core'
import { createKeyFile, keyFile } from '@keyfold/core/key-file'
import { temporaryFolder } from '@keyfold/test-support'
import Database from 'better-sqlite3'
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'

/** A key in a key file that is gone when the running test has ended. */
export function newKey(name = 'k1'): SyncKeyWrapper {
  const path = join(temporaryFolder(), `${name}.key`)
  createKeyFile(path)
  return keyFile(path)
}

/** A keyring of one fresh local key. */
export function newKeyring(name = 'k1'): Keyring<SyncKeyWrapper> {
  return createKeyring({ active: newKey(name) })
}

/** A database in a file, made by these statements; closed and gone when the running test has ended. */
export function newDatabase(sql: string): Database.Database {
  const db = new Database(join(temporaryFolder(), 'app.db'))
  onTestFinished(() => void db.close())
  // No test pulls the plug of the machine, and waiting for the disk is most of what they would do.
  db.exec('PRAGMA synchronous = OFF')
  db.exec(sql)
  return db
}

/** Another connection to the same file. */
export function connect({ name }: Database.Database): Database.Database {
  const db = new Database(name, { timeout: 0 })
  onTestFinished(() => void db.close())
  return db
}

/** A key that is reached by promises alone, as a key service is. */
export function remote({ id, keyId, wrap, unwrap }: SyncKeyWrapper) {
  return { id, keyId, wrap, unwrap }
}

/** The KeyfoldError that a call throws; fails the test where it throws none. */
export function errorOf(call: () => unknown) {
  try {
    call()
  } catch (error) {
    if (isKeyfoldError(error)) return error
    throw error
  }
  throw new Error('no error was thrown')
}

/** As `errorOf`, for promises. */
export async function rejectionOf(promise: Promise<unknown>) {
  return promise.then(
    () => {
      throw new Error('the promise was not rejected')
    },
    (error: unknown) => {
      if (isKeyfoldError(error)) return error
      throw error
    },
  )
}

/** Which files of a database (its log and journal too) hold these bytes. */
export function filesHolding(path: string, text: string | Buffer): string[] {
  const files = readdirSync(dirname(path)).filter((file) => file.startsWith(basename(path)))
  return files.filter((file) => existsSync(join(dirname(path), file)) && readFileSync(join(dirname(path), file)).includes(text))
}

export const NO_STRACE = 'no strace, or it may not trace here'

/** Whether strace can make system calls fail. */
export function canInject(): boolean {
  return spawnSync('strace', ['-f', '--seccomp-bpf', '-e', 'inject=pwrite64:error=ENOSPC:when=1', 'true']).status === 0
}
