import { describe, expect, test } from 'vitest'
import { bar, watchFrame, watchLine } from '../../src/cli/watch-text.ts'
import type { RotationStatus, WatchedStatus } from '../../src/index.ts'

const rotation: RotationStatus = {
  state: 'unfinished', mode: 'move', reason: 'rotation', target: 'key-file:q4', startedAt: '2026-11-27T11:59:00.000Z', updatedAt: null,
  sealed: 0, rewrapped: 60, reencrypted: 0, unsealed: 0, asked: null, run: null, scrubPending: [],
}
const holder = { machine: 'db1', pid: 812, acquiredAt: '', renewedAt: '', alive: true }
const watched: WatchedStatus = {
  schema: 'kms-rotate/1', message_type: 'status', at: '2026-11-27T12:00:00.000Z', done: 60, total: 100, recordsPerSecond: 20, secondsLeft: 2,
  keys: [
    { id: 'key-file:q4', state: 'active', records: 60, due: '2026-12-21T12:00:00Z' },
    { id: 'key-file:q3', state: 'decrypt-only', records: 40, due: null },
  ],
  stores: [
    { store: 'app.db', table: 't', column: 'a', total: 60, null: 10, plaintext: 0, byKey: { 'key-file:q4': 50 } },
    { store: 'app.db', table: 't', column: 'b', total: 50, null: 0, plaintext: 0, byKey: { 'key-file:q4': 10, 'key-file:q3': 40 } },
  ],
  rotation,
  ledgerKey: null,
}
const frame = (changes: Partial<WatchedStatus>): string[] => watchFrame({ ...watched, ...changes }, 2).split('\n')
const line = (changes: Partial<RotationStatus>): string => watchLine({ ...watched, rotation: { ...rotation, ...changes } })

test('a bar is full only when all is done, and empty only while nothing is', () => {
  expect([0, 0.01, 0.5, 0.999, 1, 2, -1].map((share) => bar(share, 4))).toEqual(['░░░░', '░░░░', '██░░', '███▉', '████', '████', '░░░░'])
  expect(bar(1 / 32, 4)).toBe('▏░░░')
})

describe('the view', () => {
  test('shows each key and column with its share, the rotation, the rate and the time left', () => {
    expect(frame({})).toEqual([
      'kms-rotate status  2026-11-27 12:00:00 UTC, every 2 s (Ctrl-C ends)',
      '',
      'KEY          STATE         RECORDS  SHARE         DUE',
      'key-file:q4  active             60  ███████▏░░░░  2026-12-21, in 24 days',
      'key-file:q3  decrypt-only       40  ████▊░░░░░░░  -',
      '',
      'STORE   COLUMN  UNDER THE ACTIVE KEY   DONE  RECORDS  PLAINTEXT',
      'app.db  t.a     ████████████          100 %       50          0',
      'app.db  t.b     ██▍░░░░░░░░░           20 %       50          0',
      '',
      'rotation to key-file:q4, begun 2026-11-27 11:59:00 UTC: not running',
      '██████████████▍░░░░░░░░░  60 %  60 of 100 records, 20/s, 2 s left',
    ])
  })

  test('tells what to do where nothing moves, and warnings always', () => {
    const warnings = [{ code: 'overdue', key: 'key-file:q4', due: '2026-11-20T00:00:00Z', days: 7 }] as const
    expect(frame({ warnings }).at(-1)).toMatch(/^WARNING: key-file:q4 is overdue since 2026-11-20 \(7 days\)/)
    expect(frame({ recordsPerSecond: 0, secondsLeft: null }).slice(-2)).toEqual([
      'a rotation to key-file:q4, begun 2026-11-27T11:59:00.000Z, is unfinished: kms-rotate run goes on',
      '40 records under key-file:q3: kms-rotate run moves them to the active key',
    ])
  })

  test('says that nothing is under way, and what is set aside', () => {
    const quarantined = [{ store: 'app.db', table: 't', column: 'b', code: 'ERR_NOT_AUTHENTIC', records: 3 }]
    expect(frame({ rotation: null, quarantined })).toContain('no rotation is under way; 3 records set aside')
    const scrub = { ...rotation, state: 'scrub-pending', scrubPending: ['app.db'] } as const
    expect(frame({ rotation: scrub })).toContain('every record was moved; copies of replaced values are left to remove')
  })
})

describe('a line', () => {
  test.each([
    ['not running', {}, 'rotation to key-file:q4, begun 2026-11-27 11:59:00 UTC: not running'],
    ['running, and by whom', { run: holder }, 'rotation to key-file:q4, begun 2026-11-27 11:59:00 UTC: running by process 812 on db1'],
    ['running no more where its holder ended', { run: { ...holder, alive: false } }, 'UTC: not running'],
    ['paused', { run: holder, asked: 'pause' }, 'UTC: paused'],
    ['being cancelled', { run: holder, asked: 'cancel' }, 'UTC: being cancelled by process 812 on db1'],
    ['a rollback', { mode: 'rollback' }, 'rollback to key-file:q4, begun'],
    ['after a compromise', { reason: 'compromise' }, 'rotation to key-file:q4 after a compromise, begun'],
    ['a removal of the encryption', { mode: 'unseal' }, 'removal of the encryption, begun'],
  ] as const)('says what goes on: %s', (_, changes, text) => {
    expect(line(changes)).toContain('2026-11-27T12:00:00.000Z key-file:q4: 60 of 100 records, 20/s, 2 s left; ')
    expect(line(changes)).toContain(text)
  })
})
