/** What a status says is left to do. */
import { expect, test } from 'vitest'
import type { StatusReport, WorkLeft } from '../../src/index.ts'
import { workLeft } from '../../src/index.ts'

type Column = StatusReport['stores'][number]
type Changes = Partial<Omit<StatusReport, 'stores' | 'rotation'>> & {
  readonly stores?: ReadonlyArray<Partial<Column>>
  readonly rotation?: Partial<NonNullable<StatusReport['rotation']>> | null
}

const [ACTIVE, OLD] = ['key-file:q4', 'key-file:q3']
const column: Column = { store: 'a.db', table: 'customers', column: 'email', total: 10, null: 1, plaintext: 0, byKey: { [ACTIVE]: 9 } }
const rotation: NonNullable<StatusReport['rotation']> = {
  state: 'unfinished', mode: 'move', reason: 'rotation', target: ACTIVE, startedAt: '2027-01-01T00:00:00Z', updatedAt: '2027-01-01T00:01:00Z',
  sealed: 0, rewrapped: 0, reencrypted: 0, unsealed: 0, asked: null, run: null, scrubPending: [],
}
const keysOf = (old: number): StatusReport['keys'] => [
  { id: ACTIVE, state: 'active', records: 9, due: null },
  { id: OLD, state: 'decrypt-only', records: old, due: null },
]

const under = (...keys: string[]): StatusReport['ledgerKey'] => ({ keys, verified: true, problem: null })

/** Nothing is left to do, but for what is changed. */
function left({ stores = [{}], rotation: cut = null, ...changes }: Changes): readonly WorkLeft[] {
  return workLeft({
    schema: 'kms-rotate/1',
    message_type: 'status',
    keys: keysOf(0),
    ledgerKey: under(ACTIVE),
    ...changes,
    rotation: cut && { ...rotation, ...cut },
    stores: stores.map((one) => ({ ...column, ...one })),
  })
}

test('nothing, where every record is where it should be', () => {
  expect(left({})).toEqual([])
})

const unfinished = { kind: 'unfinished', target: ACTIVE, startedAt: '2027-01-01T00:00:00Z', asked: null, alive: false }
const branchKeys = { store: 'keys.db', live: 3, destroyed: 0, malformed: 0, byKey: {}, pending: 0 }
const holder = (alive: boolean) => ({ alive }) as NonNullable<StatusReport['rotation']>['run']

const CASES: ReadonlyArray<readonly [name: string, changes: Changes, expected: readonly object[]]> = [
  ['cells that cannot be read, in all columns', { stores: [{ malformed: 2 }, { malformed: 1 }, {}] }, [{ kind: 'damaged', count: 3 }]],
  ['keys that nobody knows, each once', {
    stores: [{ byKey: { 'unknown:aa': 1, [ACTIVE]: 2 } }, { byKey: { 'unknown:aa': 4, 'unknown:bb': 1 } }],
  }, [{ kind: 'unknown-key', key: 'unknown:aa' }, { kind: 'unknown-key', key: 'unknown:bb' }]],
  ['rows that are no branch keys', { branchKeys: { ...branchKeys, malformed: 2 } }, [{ kind: 'damaged-branch-keys', count: 2 }]],
  ['branch keys that are behind', { branchKeys: { ...branchKeys, pending: 2 } }, [{ kind: 'branch-keys', count: 2 }]],
  ['a rotation that was cut', { rotation: {} }, [unfinished]],
  ['a rotation that a living run is at', { rotation: { run: holder(true) } }, [{ ...unfinished, alive: true }]],
  ['a rotation whose run is dead', { rotation: { run: holder(false), asked: 'pause' } }, [{ ...unfinished, asked: 'pause' }]],
  ['records that were set aside', {
    quarantined: [3, 4].map((records) => ({ store: 'a.db', table: 't', column: 'c', code: 'ERR_NOT_AUTHENTIC', records })),
  }, [{ kind: 'quarantined', count: 7 }]],
  ['plaintext', { stores: [{ plaintext: 2 }, { plaintext: 3 }] }, [{ kind: 'plaintext', count: 5 }]],
  ['plaintext is what is wanted where Keyfold is left', { stores: [{ plaintext: 2 }], rotation: { mode: 'unseal' } }, [unfinished]],
  ['records under older keys', { keys: keysOf(4) }, [{ kind: 'older', count: 4, keys: [OLD] }]],
  ['records under older branch keys', { stores: [{ behind: 2 }, {}, { behind: 1 }] }, [{ kind: 'behind', count: 3 }]],
  ["the ledger's own key under an older one", { ledgerKey: under(ACTIVE, OLD, 'unknown:cc') }, [{ kind: 'ledger-key', keys: [OLD] }]],
  ['a ledger without a key of its own, or none', { ledgerKey: null }, []],
  ['free pages', { rotation: { state: 'scrub-pending', scrubPending: ['a.db', 'b.db'] } }, [
    { kind: 'scrub', store: 'a.db' }, { kind: 'scrub', store: 'b.db' },
  ]],
]

test.each(CASES)('%s', (_, changes, expected) => {
  expect(left(changes)).toEqual(expected)
})

test('the most urgent first', () => {
  const everything: Changes = {
    keys: keysOf(1),
    stores: [{ malformed: 1, plaintext: 1, behind: 1, byKey: { 'unknown:aa': 1 } }],
    branchKeys: { ...branchKeys, malformed: 1, pending: 1 },
    rotation: { scrubPending: ['a.db'] },
    quarantined: [{ store: 'a.db', table: 't', column: 'c', code: 'ERR_NOT_AUTHENTIC', records: 1 }],
    ledgerKey: under(OLD),
  }
  expect(left(everything).map(({ kind }) => kind)).toEqual([
    'damaged', 'unknown-key', 'damaged-branch-keys', 'branch-keys', 'unfinished', 'quarantined', 'plaintext', 'older', 'behind',
    'ledger-key', 'scrub',
  ])
})
