/** What a program that has bound itself is refused. The binding cannot be undone: this file is a module of its own for each run. */
import * as backend from '#backend'
import { expect, test } from 'vitest'
import { assertApproved, requireApproved } from '../../src/approved.ts'
import * as noble from '../../src/backend-noble.ts'
import { usableSuite } from '../../src/cipher.ts'
import { inspect, openTextSync, sealSync } from '../../src/index.ts'
import { codeOf, insecureKeyring } from '../keys.ts'

const suites = { 1: { name: 'one of today', fips: true }, 9: { name: 'XChaCha20-Poly1305', fips: false } }
const keyring = insecureKeyring('a')
const envelope = sealSync(keyring, 'before', { id: '1' })
let isOn = true

test('before, everything is as it was', () => {
  expect([usableSuite(1, suites), usableSuite(9, suites)]).toEqual([suites[1], suites[9]])
  expect(() => assertApproved({ name: 'anything', fips: false })).not.toThrow()
  expect(noble.sha256(new Uint8Array(0))).toHaveLength(32)
})

test('afterwards, for good', () => {
  requireApproved(() => isOn)

  // a suite that is not approved
  expect(usableSuite(1, suites)).toBe(suites[1])
  expect(() => usableSuite(9, suites)).toThrow(expect.objectContaining({ code: 'ERR_FIPS', message: 'XChaCha20-Poly1305 is not approved' }))
  expect(codeOf(() => usableSuite(7, suites))).toBe('ERR_ENVELOPE_SUITE')

  // noble, whatever is asked of it
  const gcm = { key: new Uint8Array(32), nonce: new Uint8Array(12), aad: new Uint8Array(0) }
  const calls: Array<() => unknown> = [
    () => noble.randomBytes(1),
    () => noble.sha256(gcm.key),
    () => noble.hmacSha256(gcm.key, gcm.key),
    () => noble.hmacSha512(gcm.key, gcm.key),
    () => noble.gcmEncrypt(gcm, gcm.key),
    () => noble.gcmDecrypt(gcm, { ciphertext: gcm.key, tag: new Uint8Array(16) }),
    () => noble.gcmStream(gcm.key),
    () => noble.aesKwp(gcm.key),
  ]
  for (const call of calls) expect(call).toThrow(expect.objectContaining({ code: 'ERR_FIPS', message: '@noble is not approved' }))

  // today's suites work on node:crypto, and what needs no cryptography works anywhere
  expect(inspect(envelope).suite.id).toBe(1)
  const onNode = backend.BACKEND.fips
  expect(codeOf(() => openTextSync(keyring, envelope, { id: '1' }))).toBe(onNode ? undefined : 'ERR_FIPS')
  expect(codeOf(() => sealSync(keyring, 'x', { id: '1' }))).toBe(onNode ? undefined : 'ERR_FIPS')

  // until FIPS mode is switched off, by whomever
  isOn = false
  expect(() => usableSuite(1, suites)).toThrow(expect.objectContaining({ code: 'ERR_FIPS', message: 'FIPS mode was switched off' }))
  for (const call of [() => openTextSync(keyring, envelope, { id: '1' }), () => sealSync(keyring, 'x', { id: '1' })])
    expect(codeOf(call)).toBe('ERR_FIPS')
  expect(inspect(envelope).suite.id).toBe(1)
})
