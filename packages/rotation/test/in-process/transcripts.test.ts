/**
 * The transcripts of the command once more, within this process: mutants of what is behind the command show there, as `npm run mutation` puts them
 * there, and cannot show in processes of their own.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isMainThread } from 'node:worker_threads'
import { temporaryFolder } from '@keyfold/test-support'
import { expect, test } from 'vitest'
import { replay } from '../cli/transcript.ts'
import { kmsRotateHere } from './here.ts'

const folder = join(import.meta.dirname, '../cli/transcripts')
const read = (name: string): string => readFileSync(join(folder, name), 'utf8')
// A keychain is reached through the session's bus, which is found once in a process.
const names = readdirSync(folder).filter((name) => name.endsWith('.transcript') && !/^\$ keychain /m.test(read(name)))

test.for(names)('%s', async (name, { skip }) => {
  if (!isMainThread) skip('a thread has no working folder of its own')
  expect(await replay(read(name), temporaryFolder(), kmsRotateHere)).toBe(read(name))
})
