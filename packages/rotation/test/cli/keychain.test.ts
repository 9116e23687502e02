/** What the transcripts do not show of keys in a keychain: the person at a terminal, and what is in the files. */
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createKeyring, inspect, seal, toBytes, toText } from '@keyfold/core'
import { createKeyFile, keyFile } from '@keyfold/core/key-file'
import { startKmsEmulator } from '@keyfold/kms-emulator'
import { noKeychainSession, requireOrSkip, startKeychainSession } from '@keyfold/test-support'
import type { KeychainSession } from '@keyfold/test-support'
import type { TestContext } from 'vitest'
import { expect, onTestFinished, test } from 'vitest'
import { findLedger } from '../../src/index.ts'
import type { LedgerEscrow } from '../../src/index.ts'
import { kmsRotate } from './process.ts'
import { hasTerminal, runOnTerminal } from './terminal.ts'
import type { Workspace } from './workspace.ts'
import { workspace } from './workspace.ts'

const CREATE = ['keys', 'create', 'keychain:payroll/q4']
const PLACE = 'A file for a copy of keychain:payroll/q4, on another disk: '
const CONFIRM = 'Is there a copy of it that survives this machine? Type yes: '
const missing = noKeychainSession()

async function scene(context: TestContext): Promise<Workspace & KeychainSession> {
  requireOrSkip(context, missing === undefined, missing ?? '')
  const session = await startKeychainSession()
  onTestFinished(() => session.stop())
  return { ...workspace(3), ...session }
}

async function escrowsOf(folder: string): Promise<readonly LedgerEscrow[]> {
  const ledger = await findLedger(join(folder, 'ledger.db'))
  try {
    return ledger?.escrows.all() ?? []
  } finally {
    ledger?.close()
  }
}

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

test('a person is asked for the place of the escrow, and to vouch for it', async (context) => {
  requireOrSkip(context, hasTerminal, 'no `script` of util-linux')
  const { folder, env } = await scene(context)
  const answers = { [PLACE]: 'usb-q4.key\r', [CONFIRM]: 'yes\r' }
  const { code, stdout } = await runOnTerminal(folder, CREATE.join(' '), { env, answers })
  expect([code, stdout]).toEqual([0, expect.stringContaining('usb-q4.key was written, and opens. ')])
  const keyId = hexOf(keyFile(join(folder, 'usb-q4.key')).keyId)
  expect(await escrowsOf(folder)).toEqual([
    {
      id: 'keychain:payroll/q4', keyId, place: join(folder, 'usb-q4.key'), wrappedUnder: null, confirmedBy: 'prompt',
      confirmedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) as string,
    },
  ])
  expect(stdout).toContain(keyId)
  expect(stdout).not.toMatch(/[0-9a-f]{64}|[\w-]{43}/)
})

test.for([
  ['no', { [CONFIRM]: 'no\r' }],
  ['nothing', { [CONFIRM]: '\r' }],
  ['Ctrl-D', { [CONFIRM]: '\u0004' }],
  ['Ctrl-C', { [CONFIRM]: '\u0003' }],
] as const)('an escrow that is answered by %s is removed again, and no key is made', async ([, answers], context) => {
  requireOrSkip(context, hasTerminal, 'no `script` of util-linux')
  const { folder, env, snapshot } = await scene(context)
  const before = snapshot()
  const { code, stdout } = await runOnTerminal(folder, [...CREATE, '--escrow-to', 'usb-q4.key'].join(' '), { env, answers })
  expect([code, stdout]).toEqual([1, expect.stringContaining('ERR_ESCROW_UNCONFIRMED')])
  expect(snapshot()).toEqual(before)
  const escrow = ['keychain', 'escrow', 'keychain:payroll/q4', '--escrow-to', 'x.key', '--escrow-confirmed']
  expect((await kmsRotate(folder, escrow, { env })).stderr).toContain('ERR_KEYCHAIN_ENTRY_MISSING')
})

test('a keychain that is locked while the person thinks: the escrow stays, and the error says how to go on', async (context) => {
  requireOrSkip(context, hasTerminal, 'no `script` of util-linux')
  const { folder, env, lock } = await scene(context)
  const typed = (): string => {
    lock()
    return 'yes\r'
  }
  const flags = ['--escrow-to', 'usb.envelope', '--escrow-under', 'key-file:./second.key']
  const { code, stdout } = await runOnTerminal(folder, [...CREATE, ...flags].join(' '), { env, answers: { [CONFIRM]: typed } })
  expect([code, stdout]).toEqual([12, expect.stringContaining('the escrow is made, the key is not in the keychain: the keychain is locked')])
  expect(stdout).toContain('kms-rotate keychain restore keychain:payroll/q4 --escrow-from usb.envelope --escrow-under KEY')
  expect(existsSync(join(folder, 'usb.envelope'))).toBe(true)
})

test('a person who names no place makes no key', async (context) => {
  requireOrSkip(context, hasTerminal, 'no `script` of util-linux')
  const { folder, env, snapshot } = await scene(context)
  const before = snapshot()
  const { code, stdout } = await runOnTerminal(folder, [...CREATE, '--escrow-confirmed'].join(' '), { env, answers: { [PLACE]: '\r' } })
  expect([code, stdout]).toEqual([64, expect.stringContaining('a key in a keychain needs an escrow')])
  expect(snapshot()).toEqual(before)
})

test('an escrow is for its owner alone; wrapped, it says under which key, and shows nothing', async (context) => {
  const { folder, env } = await scene(context)
  const second = keyFile(join(folder, 'second.key'))
  const flags = ['--escrow-to', 'usb.envelope', '--escrow-under', 'key-file:./second.key', '--escrow-confirmed']
  const { code, stdout, stderr } = await kmsRotate(folder, [...CREATE, ...flags, '--json'], { env })
  expect([code, stderr]).toEqual([0, ''])
  expect(JSON.parse(stdout)).toMatchObject({
    message_type: 'key_created', id: 'keychain:payroll/q4', escrow: { wrappedUnder: 'key-file:second', confirmedBy: 'flag' },
  })
  const text = readFileSync(join(folder, 'usb.envelope'), 'utf8')
  expect(text).toMatch(/^[\w.:-]+\n$/)
  expect(inspect(toBytes(text.trim())).keyId).toBe(hexOf(second.keyId))
  const asKeyFile = await kmsRotate(folder, ['keys', 'create', 'keychain:payroll/q5', '--escrow-to', 'usb.key', '--escrow-confirmed'], { env })
  expect(asKeyFile.code).toBe(0)
  for (const file of ['usb.envelope', 'usb.key']) expect(statSync(join(folder, file)).mode & 0o777).toBe(0o600)
  expect(stdout + asKeyFile.stdout + asKeyFile.stderr).not.toContain(readFileSync(join(folder, 'usb.key'), 'utf8').trim())
})

test('an escrow may be wrapped under a key of AWS KMS, reached as the config says', async (context) => {
  const { folder, env, configure } = await scene(context)
  const kms = await startKmsEmulator()
  onTestFinished(() => kms.close())
  const made = await fetch(kms.endpoint, { method: 'POST', headers: { 'x-amz-target': 'TrentService.CreateKey' }, body: '{}' })
  const { KeyMetadata } = (await made.json()) as { KeyMetadata: { Arn: string } }
  const under = ['--escrow-under', `aws-kms:${KeyMetadata.Arn}`]
  // names of pairs that the records have, and an escrow has not
  configure((config) => (config.awsKms = { endpoint: kms.endpoint, clearContext: ['table'] }))
  const credentials = { AWS_ACCESS_KEY_ID: 'emulated', AWS_SECRET_ACCESS_KEY: 'emulated' }
  const create = [...CREATE, '--escrow-to', 'usb.envelope', ...under, '--escrow-confirmed']
  const created = await kmsRotate(folder, create, { env: { ...env, ...credentials } })
  expect([created.code, created.stdout]).toEqual([0, expect.stringContaining(KeyMetadata.Arn)])
  const other = await startKeychainSession()
  onTestFinished(() => other.stop())
  const restore = ['keychain', 'restore', 'keychain:payroll/q4', '--escrow-from', 'usb.envelope', ...under]
  const restored = await kmsRotate(folder, restore, { env: { ...other.env, ...credentials } })
  expect([restored.code, restored.stdout]).toEqual([0, expect.stringContaining('restored')])
})

test('an entry that is there already is found before an escrow is written', async (context) => {
  const { folder, env, snapshot } = await scene(context)
  createKeyFile(join(folder, 'x.key'))
  const restore = ['keychain', 'restore', 'keychain:payroll/q4', '--escrow-from', 'x.key']
  expect((await kmsRotate(folder, restore, { env })).code).toBe(0)
  const before = snapshot()
  const { code, stderr } = await kmsRotate(folder, [...CREATE, '--escrow-to', 'usb.key', '--escrow-confirmed'], { env })
  expect([code, stderr]).toEqual([1, expect.stringContaining('ERR_KEYCHAIN_ENTRY_EXISTS')])
  expect(snapshot()).toEqual(before)
  createKeyFile(join(folder, 'y.key'))
  const other = await kmsRotate(folder, [...restore.slice(0, -1), 'y.key'], { env })
  expect([other.code, other.stderr]).toEqual([1, expect.stringContaining('ERR_KEYCHAIN_ENTRY_EXISTS')])
})

test('where the confirmation cannot be recorded, or the escrow not written, no key is made and no escrow is left', async (context) => {
  const { folder, env, configure } = await scene(context)
  configure((config) => (config.ledger = './nowhere/ledger.db'))
  const cases = [
    ['usb.key', /ERR_LEDGER_/],
    [join('nowhere', 'usb.key'), /ERR_KEY_FILE_ACCESS/],
  ] as const
  for (const [file, code] of cases) {
    const { stderr } = await kmsRotate(folder, [...CREATE, '--escrow-to', file, '--escrow-confirmed'], { env })
    expect(stderr).toMatch(code)
    configure((config) => (config.ledger = './ledger.db'))
  }
  expect(readdirSync(folder).filter((name) => name.includes('usb'))).toEqual([])
  expect((await kmsRotate(folder, [...CREATE, '--escrow-to', 'usb.key', '--escrow-confirmed'], { env })).code).toBe(0)
})

test('what is no escrow is refused: garbage, a longer secret, a file that others can read', async (context) => {
  const { folder, env } = await scene(context)
  writeFileSync(join(folder, 'garbage'), 'garbage', { mode: 0o600 })
  const [keyring, about] = [createKeyring({ active: keyFile(join(folder, 'second.key')) }), 'keychain:payroll/q4']
  const longer = await seal(keyring, new Uint8Array(33), { purpose: 'keyfold keychain escrow', key: about })
  writeFileSync(join(folder, 'longer'), toText(longer))
  createKeyFile(join(folder, 'open.key'))
  chmodSync(join(folder, 'open.key'), 0o644)
  const restore = async (...flags: string[]): Promise<string> =>
    (await kmsRotate(folder, ['keychain', 'restore', 'keychain:payroll/q4', '--escrow-from', ...flags], { env })).stderr
  expect(await restore('garbage')).toContain('ERR_ESCROW_INVALID')
  expect(await restore('garbage', '--escrow-under', 'key-file:./second.key')).toContain('ERR_ESCROW_INVALID')
  expect(await restore('longer', '--escrow-under', 'key-file:./second.key')).toContain('it holds 33 bytes')
  expect(await restore('open.key')).toContain('ERR_KEY_FILE_ACCESS')
  expect(await restore('garbage', '--escrow-under', 'key-file:./none.key')).toContain('ERR_KEY_FILE_MISSING')
  expect(existsSync(join(folder, 'ledger.db'))).toBe(false)
})

test('an escrow of a key that the ledger knows otherwise is not made', async (context) => {
  const { folder, env } = await scene(context)
  expect((await kmsRotate(folder, [...CREATE, '--escrow-to', 'usb.key', '--escrow-confirmed'], { env })).code).toBe(0)
  const other = await startKeychainSession()
  onTestFinished(() => other.stop())
  createKeyFile(join(folder, 'x.key'))
  const restore = ['keychain', 'restore', 'keychain:payroll/q4', '--escrow-from', '../x.key']
  mkdirSync(join(folder, 'empty'))
  // a config that is named must be there; none at all is fine
  expect((await kmsRotate(join(folder, 'empty'), [...restore, '--config', 'x.json'], { env: other.env })).code).toBe(10)
  expect((await kmsRotate(join(folder, 'empty'), restore, { env: other.env })).code).toBe(0)
  const escrow = ['keychain', 'escrow', 'keychain:payroll/q4', '--escrow-to', 'wrong.key', '--escrow-confirmed']
  const { code, stderr } = await kmsRotate(folder, escrow, { env: other.env })
  expect([code, stderr]).toEqual([12, expect.stringContaining('ERR_KEY_MISMATCH')])
  expect(existsSync(join(folder, 'wrong.key'))).toBe(false)
})

test('abuse 23: without a keychain the exit code is 13, and nobody is asked', async (context) => {
  const { folder, configure, snapshot } = workspace(1)
  requireOrSkip(context, missing === undefined, missing ?? '')
  configure(({ keyring }) => (keyring.active = 'keychain:payroll/q4'))
  const before = snapshot()
  for (const args of [['status'], ['run'], [...CREATE, '--escrow-to', 'usb.key', '--escrow-confirmed']]) {
    const { code, stderr } = await kmsRotate(folder, args)
    expect([code, stderr]).toEqual([13, expect.stringContaining('ERR_KEYCHAIN_UNAVAILABLE')])
  }
  expect(snapshot()).toEqual(before)
})
