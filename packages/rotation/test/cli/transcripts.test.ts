import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from '@keyfold/test-support'
import { describe, test } from 'vitest'
import { replay } from './transcript.ts'

const folder = join(import.meta.dirname, 'transcripts')
const transcripts = readdirSync(folder).filter((name) => name.endsWith('.transcript'))

// `pnpm exec vitest run --project rotation transcripts -u` writes them anew: read the difference before you keep it.
describe('what kms-rotate prints, word for word', () => {
  // each starts dozens of processes
  test.for(transcripts)('%s', { timeout: 180_000 }, async (name, { expect }) => {
    const file = join(folder, name)
    await expect(await replay(readFileSync(file, 'utf8'), temporaryFolder())).toMatchFileSnapshot(file)
  })
})
