/** What is no plan, though its hash fits: whoever can write the file can make a hash. */
import { isKeyfoldError } from '@keyfold/core'
import { expect, test } from 'vitest'
import type { Json } from '../../src/canonical-json.ts'
import { canonicalJson } from '../../src/canonical-json.ts'
import type { Plan } from '../../src/index.ts'
import { encodePlan, parsePlan, plannedWork } from '../../src/index.ts'
import type { Draft } from '../../src/plan-file.ts'
import { hashed } from '../../src/plan-file.ts'

const KEY_ID = '0123456789abcdef01234567'
const DRAFT: Draft = {
  schema: 'kms-rotate/1',
  message_type: 'plan',
  createdAt: '2027-01-01T00:00:00.000Z',
  expiresAt: '2027-01-08T00:00:00.000Z',
  reason: 'compromise',
  binds: { config: 'ab'.repeat(32), keys: [{ id: 'key-file:q4', keyId: KEY_ID, role: 'active' }], seen: [KEY_ID] },
  columns: [{
    store: 'a.db', table: 't', column: 'c', total: 9, null: 1, plaintext: 2, malformed: 1, byKey: { 'key-file:q4': 5 },
    seal: 2, rewrap: 0, reencrypt: 4, blocked: 1, destroyed: 1,
  }],
  totals: { seal: 2, rewrap: 0, reencrypt: 4, blocked: 1, destroyed: 1 },
  unregistered: [{ store: 'a.db', table: 't', column: 'old', records: 3 }],
  scan: { rows: 9, gaps: [{ store: 'b', table: null, column: null, values: null, reason: 'it was not asked for' }] },
  branchKeys: { live: 3, rewrap: 2, renew: 1, destroyed: 1, blocked: 1 },
  keyCalls: { 'key-file:q4': 7 },
  remoteKeyCalls: 0,
  cost: { microUsd: 0, basis: 'none' },
  estimate: { milliseconds: 12, sampledRecords: 4, method: 'measured' },
  sizeChangeBytes: -40,
}

function parsed(bytes: Uint8Array | string): Plan | string {
  try {
    return parsePlan(Buffer.from(bytes))
  } catch (error) {
    if (isKeyfoldError(error)) return `${error.code}: ${error.message}`
    throw error
  }
}

/** The draft with the value at a path replaced, and a hash that fits. */
function edited(path: string, value: Json | undefined): Plan {
  const draft = structuredClone(DRAFT) as Record<string, unknown>
  const names = path.split('.')
  const last = names.pop()!
  const owner = names.reduce((at, name) => at[name] as Record<string, unknown>, draft)
  owner[last] = value
  if (value === undefined) delete owner[last]
  return hashed(draft as Draft)
}

const NO_PLAN = 'ERR_PLAN_INVALID: the file is not a plan of kms-rotate'
const LONG = 'x'.repeat(4097)
const NO_COUNTS = [-1, 1.5, '1', null] as const

const WRONG: ReadonlyArray<readonly [path: string, values: readonly (Json | undefined)[]]> = [
  ['schema', ['kms-rotate/2', '', undefined]],
  ['message_type', ['status', undefined]],
  ['createdAt', ['2027-01-01', '2027-01-01T00:00:00', 0]],
  ['expiresAt', ['tomorrow', '', null]],
  ['reason', ['unseal', '', undefined]],
  ['binds.config', ['ab'.repeat(31), 'ab'.repeat(33), 'AB'.repeat(32), ` ${'ab'.repeat(32)}`, undefined]],
  ['binds.keys.0.id', [LONG, undefined]],
  ['binds.keys.0.keyId', [KEY_ID.slice(1), `${KEY_ID}0`, KEY_ID.toUpperCase(), `${KEY_ID}\n`]],
  ['binds.keys.0.role', ['recovery', undefined]],
  ['binds.keys.0.more', [1]],
  ['binds.seen', [[KEY_ID.slice(1)], [`${KEY_ID}0`], [7], undefined]],
  ['binds.more', [1]],
  ['columns.0.store', [LONG, 7]],
  ['columns.0.byKey', [{ [LONG]: 1 }, { a: -1 }, []]],
  ['columns.0.more', [1]],
  ...['total', 'null', 'plaintext', 'malformed', 'seal', 'rewrap', 'reencrypt', 'blocked', 'destroyed'].map(
    (name) => [`columns.0.${name}`, NO_COUNTS] as const,
  ),
  ...['seal', 'rewrap', 'reencrypt', 'blocked', 'destroyed'].map((name) => [`totals.${name}`, NO_COUNTS] as const),
  ['totals.more', [1]],
  ['unregistered.0.records', NO_COUNTS],
  ['unregistered.0.more', [1]],
  ['scan.rows', NO_COUNTS],
  ['scan.more', [1]],
  ['scan.gaps.0.values', [-1, 1.5]],
  ['scan.gaps.0.reason', [LONG, null]],
  ['scan.gaps.0.more', [1]],
  ...['live', 'rewrap', 'renew', 'destroyed', 'blocked'].map((name) => [`branchKeys.${name}`, [...NO_COUNTS, undefined]] as const),
  ['branchKeys.more', [1]],
  ['keyCalls', [{ [LONG]: 1 }, { a: -1 }, []]],
  ['remoteKeyCalls', NO_COUNTS],
  ['cost.microUsd', NO_COUNTS],
  ['cost.more', [1]],
  ['estimate.milliseconds', NO_COUNTS],
  ['estimate.more', [1]],
  ['sizeChangeBytes', ['1', null]],
  ['more', [1]],
]

test.each(WRONG)('no plan: %s', (path, values) => {
  for (const value of values) expect(parsed(wrongText(path, value))).toBe(NO_PLAN)
})

/** As a file; where the value has no canonical form, there is no hash to fit either. */
function wrongText(path: string, value: Json | undefined): string {
  const whole = typeof value !== 'number' || Number.isInteger(value)
  if (whole) return encodePlan(edited(path, value))
  return JSON.stringify(edited(path, 4242)).replace('4242', String(value))
}

const RIGHT: ReadonlyArray<readonly [path: string, value: Json | undefined]> = [
  ['binds.config', null], ['binds.keys', []], ['binds.keys.0.role', 'decrypt-only'], ['binds.seen', []], ['reason', 'rotation'],
  ['columns', []], ['columns.0.destroyed', undefined], ['columns.0.store', 'x'.repeat(4096)], ['totals.destroyed', undefined], ['unregistered', []],
  ['scan.gaps.0.table', 't'], ['scan.gaps.0.values', 0], ['branchKeys', undefined], ['keyCalls', {}], ['sizeChangeBytes', 0],
]

test.each(RIGHT)('a plan: %s is %j', (path, value) => {
  const plan = edited(path, value)
  expect(parsed(encodePlan(plan))).toEqual(plan)
})

test('what is approved is the hash over its canonical JSON', () => {
  const { sha256, ...draft } = hashed(DRAFT)
  expect(draft).toEqual(DRAFT)
  expect(hashed(JSON.parse(canonicalJson(DRAFT)) as Draft).sha256).toBe(sha256)
  expect(hashed({ ...DRAFT, reason: 'rotation' }).sha256).not.toBe(sha256)
})

test('a plan that was edited, or written otherwise, is said to be so', () => {
  const plan = hashed(DRAFT)
  expect(parsed(encodePlan({ ...plan, reason: 'rotation' }))).toBe(
    'ERR_PLAN_ALTERED: the plan was edited after it was made: its hash does not fit',
  )
  const reformatted = 'ERR_PLAN_ALTERED: the plan was reformatted after it was made'
  for (const text of [JSON.stringify(plan), canonicalJson(plan), `${encodePlan(plan)}\n`, encodePlan(plan).trimEnd()]) {
    expect(parsed(text)).toBe(reformatted)
  }
})

test('a file that cannot be read is no plan, and says where; one that is too large, how large it may be', () => {
  const unread = 'ERR_PLAN_INVALID: the plan cannot be read: '
  expect(parsed('{"a": 1,}')).toBe(`${unread}line 1, column 9: a name in double quotes belongs here`)
  expect(parsed(new Uint8Array([0x22, 0xff, 0x22]))).toBe(`${unread}it is not UTF-8`)
  const most = 16 * 1024 * 1024
  expect(parsed(Buffer.alloc(most + 1, ' '))).toBe(`${unread}the file has ${most + 1} bytes, at most ${most} bytes are allowed`)
})

test('a run of it writes records and branch keys, and leaves alone what is blocked', () => {
  expect(plannedWork(hashed(DRAFT))).toBe(2 + 0 + 4 + 2 + 1)
  expect(plannedWork(edited('branchKeys', undefined))).toBe(2 + 0 + 4)
  expect(plannedWork(edited('totals.rewrap', 10))).toBe(2 + 10 + 4 + 2 + 1)
})
