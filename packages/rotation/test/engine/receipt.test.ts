/** What a receipt says has to hold until nobody can open a record under the destroyed key. */
import { expect, test } from 'vitest'
import type { KeyReceipt } from '../../src/index.ts'
import { conditionsFor } from '../../src/receipt.ts'

type Outcome = KeyReceipt['material']['outcome']

const COPIES = 'every copy of the key is destroyed: on other machines, in backups of its file or keychain, in processes that still run with it'
const BACKUPS = 'no backup, replica or snapshot is needed that has records under it: this release keeps no list of them'
const PATH = '/keys/2026q3.key'

const LOCAL: ReadonlyArray<readonly [outcome: Outcome, place: string | null, own: readonly string[]]> = [
  ['destroyed', PATH, []],
  ['absent', PATH, []],
  ['kept', null, ['the key itself is destroyed, wherever it is kept']],
  ['kept', PATH, [`the key itself is destroyed: ${PATH}`]],
  ['pending', PATH, [`the key itself is destroyed: ${PATH}`]],
]

test.each(LOCAL)('a local key that is %s, said to be at %s', (outcome, place, own) => {
  expect(conditionsFor('key-file:2026q3', [], { outcome, place })).toEqual([...own, COPIES, BACKUPS])
})

test('a key of AWS KMS is not destroyed from here, and has no copies', () => {
  expect(conditionsFor('aws-kms:arn:aws:kms:eu-central-1:111122223333:key/x', [], { outcome: 'kept', place: null })).toEqual([
    'the key is deleted in AWS KMS, and its waiting period is over',
    BACKUPS,
  ])
})

test('each escrow has to go, or the key that it was wrapped under', () => {
  const escrows = [{ place: '/safe/a.age', wrappedUnder: null }, { place: '/safe/b.age', wrappedUnder: 'key-file:safe' }]
  expect(conditionsFor('key-file:2026q3', escrows, { outcome: 'destroyed', place: PATH })).toEqual([
    COPIES,
    'the escrow /safe/a.age is destroyed',
    'the escrow /safe/b.age is destroyed, or key-file:safe is',
    BACKUPS,
  ])
})
