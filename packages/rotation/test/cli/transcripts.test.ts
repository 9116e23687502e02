import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { noKeychainSession, noKeytar, requireOrSkip, temporaryFolder } from '@keyfold/test-support'
import { describe, test } from 'vitest'
import { replay } from './transcript.ts'

const folder = join(import.meta.dirname, 'transcripts')
const transcripts = readdirSync(folder).filter((name) => name.endsWith('.transcript'))

// `pnpm exec vitest run --project rotation transcripts -u` writes them anew: read the difference before you keep it.
describe('what kms-rotate prints, word for word', () => {
  // each starts dozens of processes
  test.for(transcripts)('%s', { timeout: 180_000 }, async (name, { expect, skip }) => {
    const file = join(folder, name)
    const transcript = readFileSync(file, 'utf8')
    const missing = /^\$ keychain /m.test(transcript) ? (noKeychainSession() ?? noKeytar()) : undefined
    requireOrSkip({ skip }, missing === undefined, missing ?? '')
    await expect(await replay(transcript, temporaryFolder())).toMatchFileSnapshot(file)
  })
})
