import { expect, test, vi } from 'vitest'
import { canonicalContext } from '../../src/index.ts'
import { awsKms, resolveAwsKms } from '../../src/wrappers/aws-kms.ts'

vi.mock('@aws-sdk/client-kms', () => {
  throw new Error('it is not installed')
})

test('without the package of AWS, a key is named but not called, and the error says what to install', async () => {
  const wrapper = awsKms('arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab')
  const missing = {
    code: 'ERR_RUNTIME',
    message: 'Cannot import @aws-sdk/client-kms',
    hint: 'Install it beside Keyfold: npm install @aws-sdk/client-kms',
  }
  await expect(wrapper.wrap(new Uint8Array(32), canonicalContext({}))).rejects.toMatchObject(missing)
  await expect(resolveAwsKms('alias/payroll', { region: 'eu-central-1' })).rejects.toMatchObject(missing)
})
