/** What is done while a call fails: the folder before it, the command, and what must be there once the same command was run again. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { keyFile } from '@keyfold/core/key-file'
import { openDatabase, sealedTable } from '@keyfold/sqlite'
import { parsePlan } from '@keyfold/rotation'
import type { Program } from '../kill/victim.ts'
import { runVictim } from '../kill/victim.ts'
import { columnOf, createWorld, databaseOf, keyOf, keysOf, makeActive, originalOf, renewBranchKeys, rowsOf, TABLES } from '../kill/world.ts'
import type { Journal, KeyKind } from '../kill/world.ts'

export interface Scene {
  readonly name: string
  readonly args: readonly string[]
  /** Makes the folder as it is before the command. */
  prepare(program: Program, folder: string): Promise<void>
  /** What is wrong after the command has succeeded. */
  check(folder: string): Promise<string[]>
}

const ROWS = 120
/** On one thread: the calls of the first one are those that fail. */
const BATCH = ['--batch', '25', '--threads', '1']

/** A run that seals, or that moves everything from the first key to the second. */
function rotation(name: string, kind: KeyKind, journal: Journal, cycles: 1 | 2, flags: readonly string[] = []): Scene {
  const prepare = async (program: Program, folder: string): Promise<void> => {
    createWorld(folder, ROWS, journal)
    makeActive(folder, 0, kind)
    if (cycles === 1) return
    await expectDone(program, folder, ['run', ...BATCH])
    makeActive(folder, 1, kind)
    if (kind === 'branch-keys') await renewBranchKeys(folder, 1)
  }
  return { name, args: ['run', '--json', ...BATCH, ...flags], prepare, check: (folder) => allOpen(folder, kind, cycles - 1) }
}

async function expectDone(program: Program, folder: string, args: readonly string[]): Promise<void> {
  const { code, stderr } = await runVictim(program, folder, args, 'never')
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}: ${stderr}`)
}

/** Every cell opens under the last key alone, and is what it was. */
async function allOpen(folder: string, kind: KeyKind, active: number): Promise<string[]> {
  const keys = await keysOf(folder, active, kind, false)
  const db = await openDatabase(databaseOf(folder))
  try {
    await keys.unlock()
    const faults: string[] = []
    for (const table of TABLES) {
      const rows = sealedTable(db, { ...table, keyring: keys.source })
      for (let id = 1; id <= rowsOf(table.table, ROWS); id++) {
        const found = await rows.get(id).then((row) => row?.[columnOf(table.table)], (error: { code?: string }) => error.code)
        if (!isDeepStrictEqual(found, originalOf(table.table, id))) faults.push(`${table.table} ${id}`)
      }
    }
    return faults.length === 0 ? [] : [`${faults.length} cells do not open or are others, such as ${faults[0]}`]
  } finally {
    db.close()
    keys.close()
  }
}

const init: Scene = {
  name: 'init',
  args: ['init', '--json', '--db', 'app.db', '--table', 'customers', '--id', 'id', '--columns', 'email'],
  prepare: async () => undefined,
  check: async (folder) => {
    const { stores } = JSON.parse(readFileSync(join(folder, 'kms-rotate.config.json'), 'utf8')) as { stores: unknown[] }
    return stores.length === 1 ? [] : ['the config has no store']
  },
}

const keysCreate: Scene = {
  name: 'keys create',
  args: ['keys', 'create', './next.key', '--json'],
  prepare: async () => undefined,
  check: async (folder) => (keyFile(join(folder, 'next.key')).keyId.length === 12 ? [] : ['the key has no id']),
}

const plan: Scene = {
  name: 'plan --out',
  args: ['plan', '--out', 'plan.json', '--json'],
  prepare: (program, folder) => rotation('', 'keyring', 'WAL', 2).prepare(program, folder),
  check: async (folder) => (parsePlan(readFileSync(join(folder, 'plan.json'))).binds.keys.length === 2 ? [] : ['the plan has other keys']),
}

const retire: Scene = {
  name: 'retire',
  args: ['retire', 'key-file:k0', '--json'],
  prepare: async (program, folder) => {
    await rotation('', 'keyring', 'WAL', 2).prepare(program, folder)
    await expectDone(program, folder, ['run', ...BATCH])
  },
  check: async (folder) => (existsSync(join(folder, 'ledger.db')) ? allOpen(folder, 'keyring', 1) : ['the ledger is gone']),
}

const destroy: Scene = {
  name: 'keys destroy',
  args: ['keys', 'destroy', 'key-file:k0', '--confirm', 'key-file:k0', '--material', 'key-file:./k0.key', '--out', 'receipt.json', '--json'],
  prepare: async (program, folder) => {
    await retire.prepare(program, folder)
    await expectDone(program, folder, retire.args)
    const file = join(folder, 'kms-rotate.config.json')
    const config = JSON.parse(readFileSync(file, 'utf8')) as { keyring: object }
    const keyring = { ...config.keyring, decryptOnly: [] }
    writeFileSync(file, JSON.stringify({ ...config, keyring, policy: { coolOffDays: 0 } }))
  },
  check: async (folder) => {
    const receipt = JSON.parse(readFileSync(join(folder, 'receipt.json'), 'utf8')) as { key: string }
    const left = existsSync(keyOf(folder, 0)) ? ['the key is still there'] : []
    return [...left, ...(receipt.key === 'key-file:k0' ? [] : ['the receipt is of another key']), ...(await allOpen(folder, 'keyring', 1))]
  },
}

export const SCENES: readonly Scene[] = [
  init,
  keysCreate,
  plan,
  rotation('first run, ledger made', 'keyring', 'WAL', 1),
  rotation('rewrap', 'keyring', 'WAL', 2),
  rotation('rewrap, rollback journal', 'keyring', 'DELETE', 2),
  rotation('compromise', 'keyring', 'WAL', 2, ['--reason', 'compromise']),
  rotation('compromise, branch keys, rollback journal', 'branch-keys', 'DELETE', 2, ['--reason', 'compromise']),
  retire,
  destroy,
]
