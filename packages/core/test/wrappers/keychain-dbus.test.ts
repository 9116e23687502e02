/** The questions to the Secret Service, against buses that misbehave; a real one answers in keychain-processes.test.ts. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from '@keyfold/test-support'
import { describe, expect, test, vi } from 'vitest'
import type { KeyfoldError } from '../../src/index.ts'
import { sessionBusPath, withSessionBus } from '../../src/wrappers/keychain-dbus.ts'
import { encodeCall, messageLength, parseReply } from '../../src/wrappers/keychain-dbus-message.ts'
import { entryState } from '../../src/wrappers/keychain-secret-service.ts'
import type { Typed } from './dbus-messages.ts'
import { failed, message, returned, signal } from './dbus-messages.ts'
import { alias, fakeBus, found, hello, openConnections, property, useBus, useNoBus } from './fake-bus.ts'

const ATTRIBUTES = { service: 'a', username: 'b' }

async function failure(promise: Promise<unknown>): Promise<[string, string]> {
  return promise.then(() => expect.fail('should fail'), ({ code, message: fact }: KeyfoldError) => [code, fact])
}

describe('the state of an entry', () => {
  test.each([
    ['present', [found(['/i/1'], [])]],
    ['ambiguous', [found(['/i/1', '/i/2'], [])]],
    ['locked', [found([], ['/i/1'])]],
    ['locked', [found(['/i/1'], ['/i/2'])]],
    ['absent', [found([], []), alias('/c'), property(false)]],
    ['locked', [found([], []), alias('/c'), property(true)]],
    ['no-keychain', [found([], []), alias('/')]],
    // whatever is no clear "not locked"
    ['locked', [found([], []), alias('/c'), (serial: number) => returned(serial, [['v', ['s', 'no']]])]],
    ['locked', [found([], []), alias('/c'), (serial: number) => returned(serial, [])]],
    ['no-keychain', [found([], []), (serial: number) => returned(serial, [])]],
  ] as const)('is %s', async (state, replies) => {
    const calls = await fakeBus({ replies: [hello, ...replies] })
    expect(await entryState(ATTRIBUTES, 5_000)).toBe(state)
    expect(calls).toHaveLength(1 + replies.length)
  })

  test('is asked for by the attributes, of the service, and then of the keychain that the alias names', async () => {
    const calls = await fakeBus({ replies: [hello, found([], []), alias('/c/login'), property(false)] })
    await entryState(ATTRIBUTES, 5_000)
    const [greeting, search, read, get] = calls.map((call) => Buffer.from(call).toString('latin1'))
    for (const part of ['org.freedesktop.DBus\0', 'Hello', '/org/freedesktop/DBus']) expect(greeting).toContain(part)
    for (const part of ['/org/freedesktop/secrets', 'org.freedesktop.Secret.Service', 'SearchItems', 'org.freedesktop.secrets', 'a{ss}', 'username'])
      expect(search).toContain(`${part}\0`)
    for (const part of ['ReadAlias', 'default', '/org/freedesktop/secrets']) expect(read).toContain(`${part}\0`)
    for (const part of ['org.freedesktop.DBus.Properties', 'Get', 'org.freedesktop.Secret.Collection', 'Locked', '/c/login', 'ss'])
      expect(get).toContain(`${part}\0`)
  })

  test('is asked for again, a few times, where the service does not know the method yet', async () => {
    const unknown = (serial: number) => failed(serial, 'org.freedesktop.DBus.Error.UnknownMethod')
    await fakeBus({ replies: [hello, unknown, unknown, unknown, found(['/i/1'], [])] })
    expect(await entryState(ATTRIBUTES, 5_000)).toBe('present')
    const calls = await fakeBus({ replies: [hello, unknown, unknown, unknown, unknown, found(['/i/1'], [])] })
    const fact = 'the keychain service failed (org.freedesktop.DBus.Error.UnknownMethod)'
    expect(await failure(entryState(ATTRIBUTES, 5_000))).toEqual(['ERR_KEYCHAIN_UNAVAILABLE', fact])
    expect(calls).toHaveLength(5)
  })

  test('survives answers in single bytes, in the other byte order, and behind signals and answers to others', async () => {
    const noise = (serial: number): Uint8Array =>
      Buffer.concat([signal(), signal([['t', 0]]), returned(serial + 100, [['s', 'x']]), returned(serial, [['ao', []], ['ao', ['/i/1']]], false)])
    await fakeBus({ replies: [hello, noise], pieces: 1 })
    expect(await entryState(ATTRIBUTES, 5_000)).toBe('locked')
  })
})

describe('a bus that', () => {
  const wrongTypes = 'the keychain service gave an answer of other types than it should'
  const noService = 'no keychain service (Secret Service) is installed or running'
  const unreadable = 'the keychain service gave an answer that cannot be read'
  const error = (name: string) => (serial: number) => failed(serial, name)
  const nameless = (serial: number) => message({ kind: 3, fields: [[5, 'u', serial]], body: [] })
  const ofLength = (length: number) => (serial: number) => {
    const bytes = returned(serial, [['s', 'x']])
    new DataView(bytes.buffer).setUint32(4, length, true)
    return bytes
  }
  test.each([
    ['has no keychain service', [hello, error('org.freedesktop.DBus.Error.ServiceUnknown')], noService],
    ['fails', [hello, error('org.freedesktop.DBus.Error.NoReply')], 'the keychain service failed (org.freedesktop.DBus.Error.NoReply)'],
    ['fails without a name', [hello, nameless], 'the keychain service failed (no valid name)'],
    ['fails by a name that is none', [hello, error('a b\n')], 'the keychain service failed (no valid name)'],
    ['fails by a long name', [hello, error('a'.repeat(101))], 'the keychain service failed (no valid name)'],
    ['answers with texts', [hello, (serial: number) => returned(serial, [['s', 'a'], ['s', 'b']])], wrongTypes],
    ['answers with one list', [hello, (serial: number) => returned(serial, [['ao', []]])], wrongTypes],
    ['answers with nothing', [hello, (serial: number) => returned(serial, [])], wrongTypes],
    ['answers with types that no such answer has', [hello, (serial: number) => returned(serial, [['t', 0]])], unreadable],
    ['answers with garbage', [() => Buffer.alloc(64, 'garbage!')], unreadable],
    ['announces 4 GiB', [ofLength(0xffffffff)], unreadable],
    ['announces more than any answer has', [ofLength(65_536)], unreadable],
    ['closes after the greeting', [hello, 'close'], 'the D-Bus session closed the connection'],
    ['closes at once', ['close'], 'the D-Bus session closed the connection'],
  ] as const)('%s', async (_name, replies, fact) => {
    await fakeBus({ replies })
    expect(await failure(entryState(ATTRIBUTES, 5_000))).toEqual(['ERR_KEYCHAIN_UNAVAILABLE', fact])
  })

  test('denies the call, or belongs to somebody else', async () => {
    await fakeBus({ replies: [hello, error('org.freedesktop.DBus.Error.AccessDenied')] })
    expect(await failure(entryState(ATTRIBUTES, 5_000))).toEqual(['ERR_KEY_DENIED', 'the D-Bus session refused the call'])
    for (const auth of ['REJECTED EXTERNAL', 'OKAY', 'OK ', 'ERROR', ' OK 0123']) {
      const calls = await fakeBus({ auth, replies: [hello] })
      expect(await failure(entryState(ATTRIBUTES, 5_000))).toEqual(['ERR_KEY_DENIED', 'the D-Bus session belongs to another user'])
      expect(calls).toEqual([])
    }
  })

  test('never comes to the end of a line is no bus', async () => {
    await fakeBus({ auth: 'x'.repeat(100_000), replies: [] })
    expect(await failure(entryState(ATTRIBUTES, 5_000))).toEqual(['ERR_KEYCHAIN_UNAVAILABLE', 'what answers is no D-Bus session'])
  })

  test.each([[['silence']], [[hello, 'silence']], [[hello, found([], []), 'silence']]] as const)('abuse 23: falls silent: %#', async (replies) => {
    await fakeBus({ replies })
    expect(await failure(entryState(ATTRIBUTES, 100))).toEqual(['ERR_KEYCHAIN_UNAVAILABLE', 'the keychain service did not answer within 100 ms'])
  })

  test('is not there', async () => {
    useBus(`unix:path=${temporaryFolder()}/none`)
    expect(await failure(entryState(ATTRIBUTES, 5_000))).toEqual(['ERR_KEYCHAIN_UNAVAILABLE', 'the D-Bus session cannot be used (ENOENT)'])
    useNoBus()
    expect(await failure(entryState(ATTRIBUTES, 5_000))).toEqual([
      'ERR_KEYCHAIN_UNAVAILABLE', 'there is no D-Bus session, through which a keychain is reached on Linux',
    ])
  })

  test('is left when the work is done, and when it fails', async () => {
    await fakeBus({ replies: [hello] })
    await expect(withSessionBus(5_000, async () => 7)).resolves.toBe(7)
    await fakeBus({ replies: [hello] })
    expect(await failure(withSessionBus(5_000, () => Promise.reject(new TypeError('a fault'))))).toEqual([
      'ERR_KEYCHAIN_UNAVAILABLE', 'the D-Bus session cannot be used (no valid answer)',
    ])
    await vi.waitFor(() => expect(openConnections()).toBe(0))
    const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
    const before = timers()
    await fakeBus({ replies: [hello] })
    await withSessionBus(600_000, async () => 7)
    expect(timers()).toBeLessThanOrEqual(before)
  })
})

describe('the address of the session bus', () => {
  test.each([
    ['unix:path=/run/user/1000/bus', '/run/user/1000/bus'],
    ['unix:guid=0,path=/a', '/a'],
    ['unix:abstract=/tmp/dbus-x,guid=0', '\0/tmp/dbus-x'],
    ['tcp:host=127.0.0.1,port=1;unix:path=/b', '/b'],
    ['unixexec:path=/bin/sh;unix:path=/b', '/b'],
    ['unix:path=;unix:path=/b', '/b'],
    ['unix:path=/a%20b%2c', '/a b,'],
    ['unix:path=/a%;unix:path=/b', '/b'],
    ['unix:tmpdir=/tmp', undefined],
    ['unix:xpath=/a', undefined],
    ['autolaunch:', undefined],
    ['garbage', undefined],
  ])('%s is %j', (address, path) => expect(sessionBusPath({ DBUS_SESSION_BUS_ADDRESS: address })).toBe(path))

  test('is that of systemd where none is named, and it is there', () => {
    const folder = temporaryFolder()
    expect(sessionBusPath({ XDG_RUNTIME_DIR: folder })).toBe(undefined)
    mkdirSync(join(folder, 'bus'))
    expect(sessionBusPath({ XDG_RUNTIME_DIR: folder })).toBe(join(folder, 'bus'))
    expect(sessionBusPath({ XDG_RUNTIME_DIR: folder, DBUS_SESSION_BUS_ADDRESS: 'autolaunch:' })).toBe(undefined)
    expect(sessionBusPath({ XDG_RUNTIME_DIR: '', DBUS_SESSION_BUS_ADDRESS: '' })).toBe(undefined)
    expect(sessionBusPath({})).toBe(undefined)
  })
})

describe('a message', () => {
  const call = { destination: 'org.example', path: '/org/example', interface: 'org.example.I', member: 'Do' }
  const fields = [[1, 'o', '/org/example'], [2, 's', 'org.example.I'], [3, 's', 'Do'], [6, 's', 'org.example']] as const

  test.each([
    [[], []],
    [['text'], [['s', 'text']]],
    [['', 'Zürich', '12345678'], [['s', ''], ['s', 'Zürich'], ['s', '12345678']]],
    [[{}], [['a{ss}', {}]]],
    [[{ a: 'b', service: 'x', '': 'ü' }], [['a{ss}', { a: 'b', service: 'x', '': 'ü' }]]],
    [['x', { a: 'b' }, 'y'], [['s', 'x'], ['a{ss}', { a: 'b' }], ['s', 'y']]],
    [[{ long: 'x'.repeat(70_000) }], [['a{ss}', { long: 'x'.repeat(70_000) }]]],
  ] as const)('is written as the specification says: %#', (args, body: readonly Typed[]) => {
    const signature = body.map(([type]) => type).join('')
    const expected = message({ kind: 1, serial: 0x01020304, fields: signature === '' ? fields : [...fields, [8, 'g', signature]], body })
    expect(Buffer.from(encodeCall(0x01020304, { ...call, args })).toString('hex')).toBe(Buffer.from(expected).toString('hex'))
  })

  const parsed = (bytes: Uint8Array) => parseReply(bytes)?.body

  test.each([true, false])('is read in either byte order (little: %s)', (little) => {
    const simple: Typed[] = [['s', 'ü'], ['b', true], ['b', false], ['u', 0xfffffffe], ['g', 'ao'], ['o', '/a']]
    const lists: Typed[] = [['ao', ['/a', '/bcd']], ['aas', [['x'], []]], ['v', ['u', 7]]]
    const expected = ['ü', true, false, 0xfffffffe, 'ao', '/a', ['/a', '/bcd'], [['x'], []], 7]
    expect(parsed(returned(9, [...simple, ...lists], little))).toEqual(expected)
  })

  test('says what it is, what it answers, and which error it is', () => {
    expect(parseReply(returned(9, []))).toEqual({ kind: 'return', replyTo: 9, errorName: undefined, body: [] })
    expect(parseReply(failed(8, 'a.B'))).toEqual({ kind: 'error', replyTo: 8, errorName: 'a.B', body: ['why it failed'] })
    expect(parseReply(signal([['t', 0]]))).toEqual({ kind: 'other', replyTo: undefined, errorName: undefined, body: [] })
    expect(parseReply(message({ kind: 2, fields: [[5, 's', 'x'], [4, 'u', 1]], body: [] }))).toEqual({
      kind: 'return', replyTo: undefined, errorName: undefined, body: [],
    })
  })

  const reply = returned(9, [['ao', ['/a', '/b']], ['s', 'x']])
  const changed = (at: number, value: number): Uint8Array => Uint8Array.from(reply).fill(value, at, at + 1)

  test('that is cut, extended, of another version or byte order is refused', () => {
    for (let length = 0; length < reply.length; length++) expect(parseReply(reply.subarray(0, length))).toBe(undefined)
    expect(parseReply(Buffer.concat([reply, Buffer.of(0)]))).toBe(undefined)
    for (const [at, value] of [[0, 0x4c], [0, 0x62], [3, 0], [3, 2]] as const) expect(parseReply(changed(at, value))).toBe(undefined)
    // what would read well as big-endian, by a first byte that says neither
    const big = returned(9, [['s', 'x']], false)
    expect(parseReply(big)).toBeDefined()
    expect(parseReply(big.fill(0x62, 0, 1))).toBe(undefined)
  })

  test('of which a field, an element or the padding is other than its length says is refused', () => {
    const text = returned(9, [['s', 'x']])
    const list = returned(9, [['ao', ['/a']]])
    const with1 = (bytes: Uint8Array, at: number, value: number): Uint8Array => Uint8Array.from(bytes).fill(value, at, at + 1)
    for (const good of [text, list]) expect(parseReply(good)).toBeDefined()
    // 15 bytes of fields and one of padding before the body
    expect(text[12]).toBe(15)
    expect(parseReply(with1(text, 12, 14))).toBe(undefined)
    expect(parseReply(with1(text, 31, 1))).toBe(undefined)
    // the list's own length: its one element ends the message either way
    const at = list.length - 11
    expect(list[at]).toBe(7)
    expect(parseReply(with1(list, at, 5))).toBe(undefined)
  })

  test.each([
    ['a text without its zero byte', reply.length - 1, 1],
    ['a list that ends within an element', 8 * 5, 5],
  ])('%s is refused', (_name, at, value) => {
    expect(parseReply(reply)).toBeDefined()
    expect(parseReply(changed(at, value))).toBe(undefined)
  })

  test.each([
    ['of a type that is not read', [['t', 0]]],
    ['with a variant in a variant', [['v', ['v', ['b', true]]]]],
    ['with a list in a variant', [['v', ['as', []]]]],
    ['with a variant of no type', [['v', ['', '']]]],
    ['with a variant of two types', [['v', ['sb', 'x']]]],
    ['with a variant of a type that is not read', [['v', ['x', 'x']]]],
  ] as const)('%s is refused', (_name, body: readonly Typed[]) => expect(parsed(returned(9, body))).toBe(undefined))

  const others = ['a', 'aa', 's a', 'sa', '(s)', 'a{ss}', 'ss', 'x', 'h', 'y', 'd']
  test.each(others)('whose signature is %j and whose body is one text is refused', (types) => {
    expect(parsed(message({ kind: 2, fields: [[5, 'u', 9], [8, 'g', types]], body: [['s', 'x']] }))).toBe(undefined)
  })

  test.each([
    ['a', []],
    ['aa', []],
    ['ax', [['ao', []]]],
    ['sa', [['s', 'x']]],
  ] as const)('whose signature is %j is refused, though nothing of another type is in its body', (types, body: readonly Typed[]) => {
    expect(parsed(message({ kind: 2, fields: [[5, 'u', 9], [8, 'g', types]], body }))).toBe(undefined)
  })

  test('without a signature has no body', () => {
    expect(parsed(message({ kind: 2, fields: [[5, 'u', 9]], body: [['s', 'x']] }))).toBe(undefined)
  })

  test('that is no UTF-8 is refused', () => {
    const bytes = returned(9, [['s', 'xxx']])
    bytes[bytes.length - 2] = 0xff
    expect(parsed(bytes)).toBe(undefined)
  })

  test('has its length in its first 16 bytes, and at most 64 KiB', () => {
    expect(messageLength(reply.subarray(0, 16))).toBe(reply.length)
    expect(messageLength(reply.subarray(0, 15))).toBe(undefined)
    const head = (fieldBytes: number, bodyBytes: number): Uint8Array => {
      const bytes = Uint8Array.from(reply.subarray(0, 16))
      new DataView(bytes.buffer).setUint32(12, fieldBytes, true)
      new DataView(bytes.buffer).setUint32(4, bodyBytes, true)
      return bytes
    }
    expect(messageLength(head(9, 100))).toBe(16 + 16 + 100)
    expect(messageLength(head(16, 65_536 - 32))).toBe(65_536)
    expect(messageLength(head(16, 65_536 - 31))).toBe(undefined)
    expect(messageLength(head(65_537, 0))).toBe(undefined)
  })
})
