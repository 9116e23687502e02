import { spawnSync } from 'node:child_process'
import { cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryRoot, temporaryFolder } from '@keyfold/test-support'
import { expect, test } from 'vitest'

const arn = 'arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab'

test('without the AWS SDK the first call says what to install', () => {
  const folder = temporaryFolder()
  const core = join(repositoryRoot, 'packages/core')
  for (const part of ['package.json', 'src']) cpSync(join(core, part), join(folder, part), { recursive: true })
  const script = `
    import { awsKms } from './src/wrappers/aws-kms.ts'
    import { canonicalContext } from './src/context.ts'
    const error = await awsKms('${arn}').wrap(new Uint8Array(32), canonicalContext({})).catch((error) => error)
    console.log(JSON.stringify([error.code, error.message, error.hint]))`
  writeFileSync(join(folder, 'user.mjs'), script)
  const { stdout } = spawnSync(process.execPath, ['--conditions=@keyfold/source', join(folder, 'user.mjs')], { encoding: 'utf8' })
  const [code, message, hint] = JSON.parse(stdout) as string[]
  expect([code, message]).toEqual(['ERR_RUNTIME', 'Cannot import @aws-sdk/client-kms'])
  expect(hint).toContain('npm install @aws-sdk/client-kms')
})
