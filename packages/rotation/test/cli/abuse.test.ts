import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { kmsRotate } from './process.ts'
import { workspace } from './workspace.ts'

const hex = randomBytes(32).toString('hex')
const base64 = randomBytes(32).toString('base64')

describe('wrong usage writes nothing', () => {
  test.for([
    ['abuse 39: 64 hex digits', ['keys', 'create', hex], hex],
    ['abuse 39: 64 hex digits as the value of an option', ['run', `--key=${hex}`], hex],
    ['abuse 39: base64 of 32 bytes', ['keys', 'create', 'third', '--out', base64], base64],
    ['abuse 39: base64url of 32 bytes, without padding', ['inspect', Buffer.from(`A1b${'x'.repeat(29)}`).toString('base64url')], 'QTFi'],
    ['abuse 39: a key in a key URI', ['retire', `key-file:${hex}`], hex],
  ] as const)('%s in the arguments is refused and not repeated', async ([, args, secret], { expect: is }) => {
    const { folder, snapshot } = workspace(3)
    const before = snapshot()
    for (const more of [[], ['--json'], ['--debug']]) {
      const { code, stdout, stderr } = await kmsRotate(folder, [...args, ...more])
      is(code).toBe(64)
      is(stderr).toContain('ERR_SECRET_IN_ARGUMENTS')
      is(stdout + stderr).not.toContain(secret.slice(0, 12))
    }
    is(snapshot()).toEqual(before)
  })

  test.for([
    ['an unknown flag', ['run', '--forec']],
    ['an unknown command', ['rnu']],
    ['one argument too many', ['run', 'a.json', 'b.json']],
    ['a flag without its value', ['run', '--batch']],
    ['a wrong batch size', ['run', '--batch', '10001']],
  ] as const)('abuse 39: %s', async ([, args], { expect: is }) => {
    const { folder, snapshot } = workspace(3)
    const before = snapshot()
    is((await kmsRotate(folder, args)).code).toBe(64)
    is(snapshot()).toEqual(before)
  })

  test.for([
    ['the wrong database', './first.key', 'email'],
    ['a database that is not there', './other.db', 'email'],
    ["a typo in a column's name", './app.db', 'emial'],
  ] as const)('abuse 39: %s', async ([, path, column], { expect: is }) => {
    const { folder, configure, snapshot } = workspace(3)
    configure(({ stores: [store] }) => {
      store!.path = path
      store!.tables[0]!.columns[0] = column
    })
    const before = snapshot()
    for (const command of ['status', 'plan', 'run', 'verify']) is((await kmsRotate(folder, [command])).code).toBe(64)
    is(snapshot()).toEqual(before)
  })
})

test.each([
  'key-file:https://127.0.0.1:9/x.key',
  'key-file://127.0.0.1/x.key',
  'https://127.0.0.1:9/x.key',
  'file:./first.key',
  'constructor:x',
  '__proto__:x',
])('abuse 18: the key %s is refused by its name alone', async (uri) => {
  const { folder, configure } = workspace(1)
  configure(({ keyring }) => (keyring.active = uri))
  const { code, stderr } = await kmsRotate(folder, ['status'])
  expect(code).toBe(64)
  expect(stderr).toMatch(/ERR_KEY_SCHEME_UNKNOWN|ERR_KEY_ID_INVALID|ERR_CONFIG_INVALID/)
})

test('abuse 40: a config that nests 100,000 deep ends with a limit error', async () => {
  const { folder } = workspace(1)
  const { writeFileSync } = await import('node:fs')
  writeFileSync(`${folder}/kms-rotate.config.json`, '['.repeat(100_000))
  const { code, stderr } = await kmsRotate(folder, ['status'])
  expect(code).toBe(1)
  expect(stderr).toContain('ERR_LIMIT')
})
