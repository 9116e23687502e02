/** The keychain of a Linux desktop: GNOME Keyring on a D-Bus session of the test's own, through both libraries. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { KeychainSession, KeychainSessionOptions } from '@keyfold/test-support'
import { noKeychainSession, noKeytar, requireOrSkip, startKeychainSession, temporaryFolder } from '@keyfold/test-support'
import { AsyncEntry } from '@napi-rs/keyring'
import type { TestContext } from 'vitest'
import { describe, expect, onTestFinished, test } from 'vitest'
import { LibraryError, storeError } from '../../src/wrappers/keychain-errors.ts'
import { encodeEntry } from '../../src/wrappers/keychain-entry.ts'
import { askingFirst } from '../../src/wrappers/keychain-store.ts'
import type { Task } from '../children/keychain.ts'
import { codeOfAsync, insecureKey } from '../keys.ts'

interface Answer {
  value?: unknown
  code?: string
  message?: string
  hint?: string
}

type Env = Readonly<Record<string, string>>

const CHILD = join(import.meta.dirname, '../children/keychain.ts')
const nowhere: Env = { PATH: process.env['PATH'] ?? '' }
const reason = noKeychainSession()
const reasonKeytar = noKeytar()

/** Performs tasks in a process of its own, in nothing but this environment, and without a terminal. */
async function perform(env: Env, tasks: readonly Task[], flags: readonly string[] = []): Promise<Answer[]> {
  const args = ['--conditions=@keyfold/source', '--disable-warning=ExperimentalWarning', ...flags, CHILD, JSON.stringify(tasks)]
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] })
  let out = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
  await once(child, 'close')
  return JSON.parse(out) as Answer[]
}

async function session(context: TestContext, options?: KeychainSessionOptions): Promise<KeychainSession> {
  requireOrSkip(context, reason === undefined, reason ?? '')
  const started = await startKeychainSession(options)
  onTestFinished(() => started.stop())
  return started
}

const codes = (answers: readonly Answer[]): unknown[] => answers.map(({ code }) => code)

describe.each(['keyring', 'keytar'] as const)('%s', (backend) => {
  const other = backend === 'keytar' ? 'keyring' : 'keytar'
  const needed = (context: TestContext): void => {
    if (backend === 'keytar') requireOrSkip(context, reasonKeytar === undefined, reasonKeytar ?? '')
  }
  const task = (does: Task['does'], place = 'payroll/2026q4', by: Task['backend'] = backend): Task => ({ does, place, backend: by })

  test('makes a key once, opens it in another process, and says "no entry" only where there is none', async (context) => {
    needed(context)
    const { env } = await session(context)
    const [before, made, again, elsewhere] = await perform(env, [task('open'), task('create'), task('create'), task('open', 'payroll/none')])
    expect(codes([before!, again!, elsewhere!])).toEqual([
      'ERR_KEYCHAIN_ENTRY_MISSING', 'ERR_KEYCHAIN_ENTRY_EXISTS', 'ERR_KEYCHAIN_ENTRY_MISSING',
    ])
    expect(made!.value).toEqual({ id: 'keychain:payroll/2026q4', keyId: expect.stringMatching(/^[0-9a-f]{24}$/) as string })
    const uri = `keychain:payroll/2026q4?backend=${backend}`
    const [text, opened, byUri, deleted, after] = await perform(env, [
      task('library get'), task('open'), { ...task('open', uri), backend: undefined }, task('library delete'), task('open'),
    ])
    expect(text!.value).toMatch(/^keyfold-kek-v1:[0-9a-f]{24}:[\w-]{43}$/)
    expect([opened, byUri]).toEqual([made, made])
    expect([deleted!.value, after!.code]).toEqual([true, 'ERR_KEYCHAIN_ENTRY_MISSING'])
  })

  test('refuses an entry of the wrong length, or that is none of ours, and leaves it', async (context) => {
    needed(context)
    const { env } = await session(context)
    const texts = [encodeEntry(insecureKey('a')).slice(0, -1), 'correct horse battery staple']
    for (const text of texts) {
      const tasks = [{ ...task('library set'), text }, task('open'), task('create'), task('library get')]
      const [, opened, made, kept] = await perform(env, tasks)
      expect(codes([opened!, made!])).toEqual(['ERR_KEYCHAIN_ENTRY_INVALID', 'ERR_KEYCHAIN_ENTRY_EXISTS'])
      expect(opened!.message).not.toContain('horse')
      expect(kept!.value).toBe(text)
    }
  })

  test('copies a key to the other library, which does not see it before, and leaves the entry', async (context) => {
    requireOrSkip(context, reasonKeytar === undefined, reasonKeytar ?? '')
    const { env } = await session(context)
    const [made, unseen, copied, again, here, there] = await perform(env, [
      task('create'), task('open', undefined, other), task('copy'), task('copy'), task('open'), task('open', undefined, other),
    ])
    expect(unseen!.code).toBe('ERR_KEYCHAIN_ENTRY_MISSING')
    expect([copied, again, here, there]).toEqual([made, made, made, made])
    const [taken, missing, , refused, kept] = await perform(env, [
      task('create', 'payroll/b', other), task('copy', 'payroll/b'), task('create', 'payroll/b'), task('copy', 'payroll/b'),
      task('open', 'payroll/b', other),
    ])
    expect(codes([missing!, refused!])).toEqual(['ERR_KEYCHAIN_ENTRY_MISSING', 'ERR_KEYCHAIN_ENTRY_EXISTS'])
    expect(kept).toEqual(taken)
  })

  test('abuse 23: a locked keychain is an error of its own, and nobody is asked', async (context) => {
    needed(context)
    const { env, lock, wasPrompted } = await session(context)
    await perform(env, [task('create')])
    lock()
    const answers = await perform(env, [task('open'), task('open', 'payroll/none'), task('create'), task('create', 'payroll/new')])
    expect(codes(answers)).toEqual(Array.from({ length: 4 }, () => 'ERR_KEYCHAIN_LOCKED'))
    expect(answers[0]!.hint).toMatch(/server.*key file/)
    expect(wasPrompted()).toBe(false)
  })

  test('abuse 23: a keychain that nobody unlocked since the machine started is locked, not empty', async (context) => {
    needed(context)
    const home = temporaryFolder()
    const before = await session(context, { home })
    await perform(before.env, [task('create')])
    before.stop()
    const { env, wasPrompted } = await session(context, { home, daemon: 'cold' })
    expect(codes(await perform(env, [task('open'), task('create')]))).toEqual(['ERR_KEYCHAIN_LOCKED', 'ERR_KEYCHAIN_LOCKED'])
    expect(wasPrompted()).toBe(false)
  })

  test('abuse 23: without a keychain, a service, a session, or a daemon that lives, it is unavailable', async (context) => {
    needed(context)
    const killed = await session(context)
    killed.killDaemon()
    const cases: [Env, string][] = [
      [(await session(context, { daemon: 'cold' })).env, 'has no keychain yet'],
      [(await session(context, { daemon: 'none' })).env, 'is installed or running'],
      [killed.env, 'is installed or running'],
      [{ ...nowhere, DBUS_SESSION_BUS_ADDRESS: `unix:path=${temporaryFolder()}/none` }, 'ENOENT'],
      [nowhere, 'no D-Bus session'],
    ]
    for (const [env, fact] of cases) {
      for (const { code, message, hint } of await perform(env, [task('open'), task('create')])) {
        expect([code, message]).toEqual(['ERR_KEYCHAIN_UNAVAILABLE', expect.stringContaining(fact)])
        expect(hint).toMatch(/server.*key file.*dbus-run-session/)
      }
    }
  })

  test('abuse 23: a daemon that answers nothing is unavailable in time, and holds up no exit', async (context) => {
    needed(context)
    const { env, freeze } = await session(context)
    freeze()
    const [answer] = await perform(env, [{ ...task('open'), timeoutMs: 200 }])
    expect(answer).toMatchObject({ code: 'ERR_KEYCHAIN_UNAVAILABLE', message: 'the keychain did not answer within 200 ms' })
  })

  test('never falls back to a store that a restart empties', async (context) => {
    needed(context)
    const [set, get, made] = await perform(nowhere, [{ ...task('library set'), text: 'x' }, task('library get'), task('create')])
    expect([set!.value, get!.value]).toEqual([undefined, undefined])
    expect(made!.code).toBe('ERR_KEYCHAIN_UNAVAILABLE')
    // where an entry that fell back would be
    const kernel = new AsyncEntry('payroll', '2026q4', { linux: { store: 'keyutils' } })
    expect(await kernel.getPassword().catch(() => null)).toBe(null)
  })

  test('that cannot be loaded says what to install', async (context) => {
    needed(context)
    const name = backend === 'keytar' ? 'keytar' : '@napi-rs/keyring'
    const hook = `import { registerHooks } from 'node:module'
      registerHooks({ resolve: (name, context, next) => next(name === '${name}' ? 'keyfold-none' : name, context) })`
    const [answer] = await perform(nowhere, [task('open')], ['--import', `data:text/javascript,${encodeURIComponent(hook)}`])
    expect(answer).toMatchObject({ code: 'ERR_RUNTIME', message: `Cannot load ${name} (ERR_MODULE_NOT_FOUND)` })
    expect(answer!.hint).toContain(`npm install ${name}@${backend === 'keytar' ? '7.9.0' : '2.1.2'}. `)
  })
})

describe('abuse 23: a refused prompt', () => {
  test('is a refusal where the library says so', async (context) => {
    const { env, lock, wasPrompted } = await session(context, { prompt: 'refused' })
    const task: Task = { does: 'create', place: 'payroll/2026q4', backend: 'keyring', text: 'x' }
    await perform(env, [task])
    lock()
    const answers = await perform(env, (['library get', 'library set', 'library delete'] as const).map((does) => ({ ...task, does })))
    for (const { message = '' } of answers) expect(storeError(new LibraryError(message), 'keychain:a/b').code).toBe('ERR_KEY_DENIED')
    expect(wasPrompted()).toBe(true)
  })

  test('is a refusal, and never "no key", where the library gives null', async (context) => {
    requireOrSkip(context, reasonKeytar === undefined, reasonKeytar ?? '')
    const { env, lock, wasPrompted } = await session(context, { prompt: 'refused' })
    const task: Task = { does: 'create', place: 'payroll/2026q4', backend: 'keytar', text: 'x' }
    await perform(env, [task])
    lock()
    const [got, set] = await perform(env, [{ ...task, does: 'library get' }, { ...task, does: 'library set' }])
    expect(got!.value).toBe(null)
    expect(wasPrompted()).toBe(true)
    const store = askingFirst({ get: () => got!.value as null, set: () => undefined, delete: () => undefined }, async () => 'present')
    expect(await codeOfAsync(Promise.resolve(store.get('payroll', '2026q4')))).toBe('ERR_KEY_DENIED')
    expect(storeError(new LibraryError(set!.message ?? ''), 'keychain:a/b').code).toBe('ERR_KEYCHAIN_LOCKED')
  })
})
