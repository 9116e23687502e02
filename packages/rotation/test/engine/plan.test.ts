import { describe, expect, test } from 'vitest'
import { encodePlan, parsePlan, plan, rotate } from '../../src/index.ts'
import type { Plan } from '../../src/index.ts'
import { bench, codeOf, names } from './fixtures.ts'
import { diskFull, MemoryStore } from './memory-store.ts'

const config = { ledger: './l.db' }

function codeOfParse(text: string): string | undefined {
  try {
    parsePlan(Buffer.from(text))
    return undefined
  } catch (error) {
    return (error as { code?: string }).code ?? 'untyped'
  }
}

async function planned(): Promise<Awaited<ReturnType<typeof bench>> & { store: MemoryStore; made: Plan }> {
  const base = await bench()
  const store = new MemoryStore('app.db', ['email', 'phone']).fill('email', names(20)).fill('phone', ['1', null])
  await rotate({ stores: [store], keyring: base.keyring('q3'), ledger: base.ledger })
  store.put('phone', 3, 'typed in plainly')
  const made = await plan({ stores: [store], keyring: base.keyring('q4', 'q3'), ledger: base.ledger, config })
  return { ...base, store, made }
}

describe('a plan', () => {
  test('counts what a run then does, and writes nothing', async () => {
    const { store, keyring, ledger, made } = await planned()
    const batches = store.batches
    expect(made.totals).toEqual({ seal: 1, rewrap: 21, reencrypt: 0, blocked: 0 })
    expect(store.batches).toBe(batches)
    const report = await rotate({ stores: [store], keyring: keyring('q4', 'q3'), ledger, plan: made, config })
    expect(report).toMatchObject({ outcome: 'done', sealed: 1, rewrapped: 21 })
  })

  test('stays valid after a run that was cut', async () => {
    const { store, keyring, ledger, made } = await planned()
    const start = store.batches
    const options = { stores: [store], keyring: keyring('q4', 'q3'), ledger, plan: made, config, batch: 4 }
    store.onWrite = () => (store.batches === start + 2 ? diskFull() : undefined)
    expect(await codeOf(rotate(options))).toBe('ERR_SQLITE_IO')
    store.onWrite = undefined
    expect(await rotate(options)).toMatchObject({ outcome: 'done' })
  })

  test('is refused with another configuration, other keys or other columns, and nothing is written', async () => {
    const { store, keyring, ledger, made } = await planned()
    const batches = store.batches
    const run = async (changes: object): Promise<string | undefined> =>
      codeOf(rotate({ stores: [store], keyring: keyring('q4', 'q3'), ledger, plan: made, config, ...changes }))
    expect(await run({ config: { ledger: './other.db' } })).toBe('ERR_PLAN_STALE')
    expect(await run({ keyring: keyring('q5', 'q3') })).toBe('ERR_PLAN_STALE')
    expect(await run({ keyring: keyring('q4', 'q3', 'q2') })).toBe('ERR_PLAN_STALE')
    expect(await run({ stores: [store, new MemoryStore('b.db', ['email'])] })).toBe('ERR_PLAN_STALE')
    expect(store.batches).toBe(batches)
  })

  test('comes back from its file as it was', async () => {
    const { made } = await planned()
    expect(parsePlan(Buffer.from(encodePlan(made)))).toEqual(made)
  })

  test('edited, reformatted or extended is refused', async () => {
    const { made } = await planned()
    const text = encodePlan(made)
    expect(codeOfParse(text.replace('"rewrap": 20', '"rewrap": 19'))).toBe('ERR_PLAN_ALTERED')
    expect(codeOfParse(JSON.stringify(made))).toBe('ERR_PLAN_ALTERED')
    expect(codeOfParse(text.trimEnd())).toBe('ERR_PLAN_ALTERED')
    expect(codeOfParse(text.replace('{', '{ "more": 1,'))).toMatch(/^ERR_PLAN_/)
    expect(codeOfParse('')).toBe('ERR_PLAN_INVALID')
    expect(codeOfParse('['.repeat(100_000))).toBe('ERR_PLAN_INVALID')
  })
})
