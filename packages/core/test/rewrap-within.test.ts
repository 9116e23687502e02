/** Rewraps that a key service does by itself. docs/format.md, "Rewrapping". */
import { describe, expect, test } from 'vitest'
import type { KeyWrapper } from '../src/index.ts'
import { createKeyring, inspect, KeyfoldError, openText, rewrap, seal, toBytes, toText } from '../src/index.ts'
import { encode, parse } from '../src/format.ts'
import { codeOfAsync, insecureService, insecureWrapper } from './keys.ts'

const context = { table: 'users', column: 'ssn', id: '42' }
const within = { within: true }

/** A service with two keys, and a keyring that moves from the first to the second. */
function moving() {
  const service = insecureService()
  const [from, to] = [service.wrapper('q3'), service.wrapper('q4')]
  return { service, from, to, before: createKeyring({ active: from }), after: createKeyring({ active: to, decryptOnly: [from] }) }
}

const opensUnder = async (wrapper: KeyWrapper, envelope: Uint8Array) => openText(createKeyring({ active: wrapper }), envelope, context)

describe('a record of one entry, from key to key of one service', () => {
  test('is moved by the service where the caller says so: this process unwraps nothing', async () => {
    const { service, to, before, after } = moving()
    const envelope = await seal(before, 'secret', context)
    const moved = await rewrap(after, envelope, context, within)
    expect(service.asked).toEqual([
      ['wrap', 'key-file:q3'],
      ['rewrapTo', 'key-file:q3'],
    ])
    expect(await opensUnder(to, moved)).toBe('secret')
    expect(inspect(moved).entries).toHaveLength(1)
    expect(parse(moved).body).toEqual(parse(envelope).body)
  })

  test.each([undefined, {}, { within: false }])('is unwrapped, checked and wrapped where he does not (%j)', async (options) => {
    const { service, before, after } = moving()
    await rewrap(after, await seal(before, 'secret', context), context, options)
    expect(service.asked.slice(1)).toEqual([
      ['unwrap', 'key-file:q3'],
      ['wrap', 'key-file:q4'],
    ])
  })

  test('keeps its text form', async () => {
    const { to, before, after } = moving()
    const moved = await rewrap(after, toText(await seal(before, 'secret', context)), context, within)
    expect(moved.startsWith('kf1.')).toBe(true)
    expect(await opensUnder(to, toBytes(moved))).toBe('secret')
  })

  test('gets an entry of every sealing key', async () => {
    const { service, from, to, before } = moving()
    const recovery = service.wrapper('recovery')
    const keyring = createKeyring({ active: to, recovery: [recovery], decryptOnly: [from] })
    const moved = await rewrap(keyring, await seal(before, 'secret', context), context, within)
    expect(service.asked.slice(1)).toEqual([
      ['rewrapTo', 'key-file:q3'],
      ['rewrapTo', 'key-file:q3'],
    ])
    for (const wrapper of [to, recovery]) expect(await opensUnder(wrapper, moved)).toBe('secret')
  })

  test('is wrapped anew under the same key, whose material may have changed', async () => {
    const { service, from, before } = moving()
    const moved = await rewrap(before, await seal(before, 'secret', context), context, within)
    expect(service.asked.at(-1)).toEqual(['rewrapTo', 'key-file:q3'])
    expect(await opensUnder(from, moved)).toBe('secret')
  })
})

describe('where the service cannot move a record to every sealing key', () => {
  test.each(['active', 'recovery'] as const)('because the %s one is not its own, it is unwrapped and wrapped', async (place) => {
    const { service, from, to, before } = moving()
    const local = insecureWrapper('local')
    const options = place === 'active' ? { active: local } : { active: to, recovery: [local] }
    const keyring = createKeyring<KeyWrapper>({ ...options, decryptOnly: [from] })
    const moved = await rewrap(keyring, await seal(before, 'secret', context), context, within)
    expect(service.asked[1]).toEqual(['unwrap', 'key-file:q3'])
    expect(await opensUnder(local, moved)).toBe('secret')
  })

  test('because the source is a local key, it is unwrapped and wrapped', async () => {
    const { service, to } = moving()
    const local = insecureWrapper('local')
    const sealed = await seal(createKeyring({ active: local }), 'secret', context)
    const moved = await rewrap(createKeyring<KeyWrapper>({ active: to, decryptOnly: [local] }), sealed, context, within)
    expect(service.asked).toEqual([['wrap', 'key-file:q4']])
    expect(await opensUnder(to, moved)).toBe('secret')
  })
})

describe('what an attacker or a defect may make of it', () => {
  const under = (envelope: Uint8Array, ...entries: ReturnType<typeof parse>['entries']) => encode({ ...parse(envelope), entries })

  test('abuse 7: of several entries the commitment is checked: an exchanged one does not overwrite the one that opens', async () => {
    const { service, from, to } = moving()
    const recovery = service.wrapper('recovery')
    const two = createKeyring({ active: from, recovery: [recovery] })
    const [envelope, other] = [await seal(two, 'secret', context), await seal(two, 'bait', context)]
    const exchanged = under(envelope, parse(other).entries[0]!, parse(envelope).entries[1]!)
    const keyring = createKeyring({ active: to, decryptOnly: [from, recovery] })
    const moved = await rewrap(keyring, exchanged, context, within)
    expect(service.asked.some(([verb]) => verb === 'rewrapTo')).toBe(false)
    expect(await opensUnder(to, moved)).toBe('secret')
  })

  test('abuse 7: an exchanged single entry is moved, and opens no more than before; without the option it is refused', async () => {
    const { to, before, after } = moving()
    const [envelope, other] = [await seal(before, 'secret', context), await seal(before, 'bait', context)]
    const exchanged = under(envelope, parse(other).entries[0]!)
    expect(await codeOfAsync(openText(before, exchanged, context))).toBe('ERR_KEY_COMMITMENT')
    expect(await codeOfAsync(rewrap(after, exchanged, context))).toBe('ERR_KEY_COMMITMENT')
    const moved = await rewrap(after, exchanged, context, within)
    expect(await codeOfAsync(opensUnder(to, moved))).toBe('ERR_KEY_COMMITMENT')
  })

  test('abuse 34: an entry that names a key which did not wrap it is refused', async () => {
    const { service, from, before, after } = moving()
    const stranger = createKeyring({ active: service.wrapper('stranger') })
    const [entry] = parse(await seal(stranger, 'x', context)).entries
    const lying = under(await seal(before, 'secret', context), { ...entry!, keyId: from.keyId })
    expect(await codeOfAsync(rewrap(after, lying, context, within))).toBe('ERR_NOT_AUTHENTIC')
  })

  test('abuse 21: the service is not called for a key that the keyring does not hold', async () => {
    const { service, to, before } = moving()
    const envelope = await seal(before, 'secret', context)
    const call = rewrap(createKeyring({ active: to }), envelope, context, within)
    expect(await codeOfAsync(call)).toBe('ERR_KEY_NOT_FOUND')
    expect(service.asked).toHaveLength(1)
  })

  test('abuse 19: what the service throws that is no error of ours says nothing about the record', async () => {
    const { from, to, before } = moving()
    const broken = { ...from, rewrapTo: () => Promise.reject(new Error('socket hang up')) }
    const envelope = await seal(before, 'secret', context)
    const call = rewrap(createKeyring({ active: to, decryptOnly: [broken] }), envelope, context, within)
    expect(await codeOfAsync(call)).toBe('ERR_KEY_UNAVAILABLE')
  })
})

describe('the code where no entry opens', () => {
  const failing = (name: string, code: string): KeyWrapper => ({
    ...insecureWrapper(name),
    unwrap: () => Promise.reject(new KeyfoldError(code, 'as told')),
  })

  test.each([
    ['ERR_KEY_THROTTLED', 'ERR_KEY_UNAVAILABLE'],
    ['ERR_KEY_DENIED', 'ERR_KEY_THROTTLED'],
    ['ERR_KEY_DISABLED', 'ERR_KEY_DENIED'],
    ['ERR_KEY_PENDING_DELETION', 'ERR_KEY_DISABLED'],
    ['ERR_KEY_SERVICE_RESPONSE', 'ERR_KEY_PENDING_DELETION'],
    ['ERR_KEY_MISSING', 'ERR_KEY_SERVICE_RESPONSE'],
    ['ERR_NOT_AUTHENTIC', 'ERR_KEY_MISSING'],
    ['ERR_KEY_MISMATCH', 'ERR_KEY_MISSING'],
  ])('abuse 19: %s gives way to %s, whichever comes first', async (weaker, stronger) => {
    const [one, two] = [insecureWrapper('one'), insecureWrapper('two')]
    const envelope = await seal(createKeyring({ active: one, recovery: [two] }), 'x', context)
    for (const codes of [
      [weaker, stronger],
      [stronger, weaker],
    ] as const) {
      const keyring = createKeyring({ active: failing('one', codes[0]), decryptOnly: [failing('two', codes[1])] })
      const error = await openText(keyring, envelope, context).catch((caught: unknown) => caught as Error & { code: string })
      expect(error).toMatchObject({ code: stronger })
      expect((error as Error).message).toContain(`(key-file:one: ${codes[0]}, key-file:two: ${codes[1]})`)
    }
  })
})
