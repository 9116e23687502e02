import { describe, expect, test } from 'vitest'
import { asKeyId, awsKmsId, openAwsKms } from '../../src/cli/aws-kms-keys.ts'
import { parseConfig } from '../../src/parse-config.ts'

const arn = 'arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab'
const multi = 'arn:aws:kms:eu-central-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab'
const regionless = multi.replace('eu-central-1', '')

describe('the id of a KMS key', () => {
  test('is its ARN; that of a multi-region key leaves the region out, and a person may name any of its regions', () => {
    expect([awsKmsId(arn), awsKmsId(multi)]).toEqual([`aws-kms:${arn}`, `aws-kms:${regionless}`])
    expect(asKeyId(`aws-kms:${multi}`)).toBe(`aws-kms:${regionless}`)
    expect(asKeyId(`aws-kms:${multi.replace('eu-central-1', 'us-east-1')}`)).toBe(`aws-kms:${regionless}`)
    expect(asKeyId(`aws-kms:${arn}`)).toBe(`aws-kms:${arn}`)
  })

  test.each(['key-file:2026q3', 'aws-kms:', 'aws-kms:alias/payroll', `aws-kms:${regionless}`])('other texts (%s) stay as they are', (text) => {
    expect(asKeyId(text)).toBe(text)
  })
})

test('regions are for multi-region keys; a key of one region beside them is called in its own', () => {
  const settings = { regions: ['us-east-1', 'eu-central-1'], reEncrypt: true }
  expect(openAwsKms(multi, settings)).toMatchObject({ arn: multi.replace('eu-central-1', 'us-east-1') })
  expect(openAwsKms(arn, settings)).toMatchObject({ arn })
  expect(openAwsKms(arn)).toMatchObject({ arn })
})

test('settings reach the key: what it refuses is refused', () => {
  expect(() => openAwsKms(arn, { endpoint: 'http://kms.example' })).toThrow(expect.objectContaining({ code: 'ERR_ARGUMENT' }))
  expect(() => openAwsKms(arn, { clearContext: ['keyfold'] })).toThrow(expect.objectContaining({ code: 'ERR_ARGUMENT' }))
})

describe('awsKms in a config', () => {
  const stores = [{ type: 'sqlite', path: 'a', tables: [{ table: 't', id: 'i', columns: ['c'] }] }]
  const parse = (awsKms: unknown) => parseConfig({ keyring: { active: `aws-kms:${arn}` }, awsKms, stores }, 'x')

  test('has settings, none of which is a credential', () => {
    const all = { endpoint: { 'eu-central-1': 'https://kms.example' }, regions: ['eu-central-1'], clearContext: ['table'], minTls: '1.3', reEncrypt: true }
    expect(parse(all).awsKms).toEqual(all)
    expect(parse({ endpoint: 'https://kms.example' }).awsKms).toEqual({ endpoint: 'https://kms.example' })
    expect(parse({}).awsKms).toEqual({})
  })

  test.each([
    [{ credentials: 'AKIA-something' }, 'awsKms: "credentials" is unknown'],
    [{ reencrypt: true }, 'awsKms: "reencrypt" is unknown; did you mean "reEncrypt"?'],
    [{ regions: [] }, 'awsKms.regions: names at least one region'],
    [{ minTls: '1.1' }, 'awsKms.minTls: is "1.2" or "1.3"'],
    [{ reEncrypt: 'yes' }, 'awsKms.reEncrypt: is true or false'],
    [{ endpoint: 7 }, 'awsKms.endpoint: an endpoint is a URL'],
    [{ clearContext: 'table' }, 'awsKms.clearContext: must be a list'],
  ])('%j is refused, by its field', (awsKms, message) => {
    expect(() => parse(awsKms)).toThrow(message)
    expect(() => parse(awsKms)).not.toThrow('AKIA-something')
  })
})
