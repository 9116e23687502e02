import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from '@keyfold/test-support'
import { keyFile } from '../../src/wrappers/key-file.ts'
import { insecureKey } from '../keys.ts'
import { hex } from '../vectors.ts'

export const key = insecureKey('key file')

export function keyFileOf(content: string | Uint8Array, mode = 0o600, name = 'a.key', folder = temporaryFolder()): string {
  const path = join(folder, name)
  writeFileSync(path, content, { mode: 0o600 })
  chmodSync(path, mode)
  return path
}

export const keyIdOf = (path: string): string => hex(keyFile(path).keyId)
