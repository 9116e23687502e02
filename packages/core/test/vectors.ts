import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryRoot } from '@keyfold/test-support'
import type { ContextCase, InvalidCase, ValidCase } from '../../../tools/vectors/case.ts'
import type { Keyring, SyncKeyWrapper } from '../src/index.ts'
import { createKeyring } from '../src/index.ts'
import { localKeyWrapper } from '../src/local-wrap.ts'

interface Vectors {
  valid: ValidCase[]
  invalid: InvalidCase[]
  contexts: ContextCase[]
}

/** The published vectors, as they lie in the repository. */
export const vectorsPath = join(repositoryRoot, 'vectors', 'envelope-v1.json')
export const streamVectorsPath = join(repositoryRoot, 'vectors', 'stream-v1.json')
export const vectors = JSON.parse(readFileSync(vectorsPath, 'utf8')) as Vectors

export const unhex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'))
export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** A keyring that opens with `keks`; where a case has none, with a key that is in no case. */
export function keyringOf(keks: readonly string[]): Keyring<SyncKeyWrapper> {
  const [active, ...others] = keks.map((kek, i) => localKeyWrapper(`key-file:vector-${i}`, unhex(kek)))
  return createKeyring({ active: active ?? localKeyWrapper('key-file:none', new Uint8Array(32).fill(7)), decryptOnly: others })
}
