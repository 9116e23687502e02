import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { temporaryFolder } from '@keyfold/test-support'
import { expect, test } from 'vitest'
import { createKeyring, openSync, sealSync } from '../src/index.ts'
import { keyFile } from '../src/wrappers/key-file.ts'
import { insecureKey } from './keys.ts'

const secretText = 'the plaintext that must not show'

/** Every way in which people print things. */
function printed(value: unknown): string {
  const views = [
    inspect(value, { depth: Infinity, showHidden: true, getters: true }),
    inspect(value),
    String(value),
    JSON.stringify(value) ?? '',
    JSON.stringify(Object.getOwnPropertyDescriptors(value)),
    value instanceof Error ? String(value.stack) : '',
  ]
  return views.join('\n')
}

function showsKey(text: string, key: Uint8Array): boolean {
  const bytes = Buffer.from(key)
  const forms = [bytes.toString('hex'), bytes.toString('base64'), bytes.toString('base64url'), [...bytes].join(','), [...bytes].join(', ')]
  const start = [...bytes.subarray(0, 6)].join(', ')
  return [...forms, start].some((form) => text.replaceAll(/\s+/g, ' ').toLowerCase().includes(form.toLowerCase()))
}

test('abuse 13: whatever holds a key prints without it', () => {
  const path = join(temporaryFolder(), 'a.key')
  const key = insecureKey('printed')
  writeFileSync(path, Buffer.from(key).toString('hex'))
  chmodSync(path, 0o600)
  const wrapper = keyFile(path)
  const keyring = createKeyring({ active: wrapper })
  const context = { id: '1' }
  const envelope = sealSync(keyring, secretText, context)
  const errors: unknown[] = []
  for (const call of [
    () => openSync(keyring, envelope, {}),
    () => openSync(keyring, envelope.with(110, envelope[110]! ^ 1), context),
    () => openSync(keyring, envelope.subarray(1), context),
    () => sealSync(keyring, `${secretText}\ud800`, context),
    () => sealSync(keyring, secretText, { [secretText]: 1 as unknown as string }),
    () => openSync(keyring, secretText, context),
  ]) {
    try {
      call()
      expect.fail('should throw')
    } catch (error) {
      errors.push(error, (error as Error).cause)
    }
  }
  for (const value of [wrapper, keyring, keyring.active, keyring.wrappers, wrapper.wrapSync, ...errors]) {
    const text = printed(value ?? {})
    expect(showsKey(text, key)).toBe(false)
    expect(text).not.toContain(secretText)
  }
})

test("abuse 13: a key file's content does not show in the error that refuses it", () => {
  const path = join(temporaryFolder(), 'a.key')
  writeFileSync(path, 'correct horse battery staple, 32')
  chmodSync(path, 0o600)
  try {
    keyFile(path)
    expect.fail('should throw')
  } catch (error) {
    expect(printed(error)).not.toContain('horse')
  }
})
