import { join } from 'node:path'
import type { Keyring, SyncKeyWrapper } from '@keyfold/core'
import { createKeyring, openTextSync } from '@keyfold/core'
import { createKeyFile, keyFile } from '@keyfold/core/key-file'
import { temporaryFolder } from '@keyfold/test-support'
import type { Ledger } from '../../src/index.ts'
import { openLedger } from '../../src/index.ts'
import type { MemoryStore } from './memory-store.ts'

/** Key files and a ledger in a folder of the test's own. */
export interface Bench {
  readonly folder: string
  readonly ledger: Ledger
  /** A keyring of key files, made when they are first named: the first is active. */
  readonly keyring: (active: string, ...decryptOnly: string[]) => Keyring<SyncKeyWrapper>
}

export async function bench(): Promise<Bench> {
  const folder = temporaryFolder()
  const made = new Map<string, SyncKeyWrapper>()
  const wrapper = (name: string): SyncKeyWrapper => {
    const path = join(folder, `${name}.key`)
    if (!made.has(name)) {
      createKeyFile(path)
      made.set(name, keyFile(path))
    }
    return made.get(name)!
  }
  const keyring = (active: string, ...older: string[]): Keyring<SyncKeyWrapper> =>
    createKeyring({ active: wrapper(active), decryptOnly: older.map(wrapper) })
  return { folder, ledger: await openLedger(join(folder, 'ledger.db')), keyring }
}

/** The values of a column as its readers get them; NULL stays null. */
export function opened(store: MemoryStore, column: string, keyring: Keyring<SyncKeyWrapper>): (string | null)[] {
  return [...store.cells.get(column)!].map(([id, value]) =>
    value === null ? null : openTextSync(keyring, value, store.context(column, id)),
  )
}

/** The code that a call ends with, or undefined where it succeeds. */
export async function codeOf(promise: Promise<unknown>): Promise<string | undefined> {
  return promise.then(
    () => undefined,
    (error: unknown) => (error as { code?: string }).code ?? `untyped: ${String(error)}`,
  )
}

export function names(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `person ${i + 1}`)
}

/** What a person reads of a refusal: code, fact and hint, in short lines and without what differs from run to run. */
export async function refusalOf(promise: Promise<unknown>): Promise<string> {
  const error = (await promise.then(() => new Error('nothing was refused'), (reason: unknown) => reason)) as Error & { code?: string; hint?: string }
  const text = `${error.code ?? 'untyped'}: ${error.message}${error.hint === undefined ? '' : `\n${error.hint}`}`
  return text
    .replace(/[^\s'"]*\/keyfold-[^/\s]+\//g, '<folder>/')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '<time>')
    .replace(/\b[0-9a-f]{24}\b/g, '<key id>')
    .replace(/\b[0-9a-f]{64}\b/g, '<sha256>')
    .replace(/\bprocess \d+ on \S+,/, 'process <pid> on <host>,')
    .replace(/(.{1,110})(?: |$)/gm, '$1\n')
    .replaceAll('\n\n', '\n')
    .trim()
}
