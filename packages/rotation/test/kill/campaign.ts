import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createBranchKeys, createKeyring } from '@keyfold/core'
import type { BranchKeys } from '@keyfold/core'
import { createKeyFile, keyFile } from '@keyfold/core/key-file'
import { openDatabase, sealedTable, sqliteBranchKeyStore } from '@keyfold/sqlite'
import Sqlite from 'better-sqlite3'

const CHILD = join(import.meta.dirname, 'child.ts')

export interface Campaign {
  readonly folder: string
  readonly kills: number
  readonly rows: number
  readonly reason: 'rotation' | 'compromise'
  /** `branch-keys`: records are sealed under a branch key for each column. */
  readonly keys: 'keyring' | 'branch-keys'
}

export interface CampaignResult {
  /** Runs that died in the middle. */
  readonly kills: number
  /** Keys that all rows moved to, one after the other; the last one holds them now. */
  readonly phases: number
}

/** A table of plain rows, and a trigger that counts how often each of them is updated. */
function createDatabase(folder: string, rows: number): void {
  const db = new Sqlite(join(folder, 'app.db'))
  db.exec(`
    CREATE TABLE customers (id INTEGER PRIMARY KEY, email TEXT, phone TEXT);
    CREATE TABLE updates (row INTEGER PRIMARY KEY, times INTEGER NOT NULL);
    CREATE TRIGGER counted AFTER UPDATE ON customers BEGIN
      INSERT INTO updates VALUES (new.id, 1) ON CONFLICT DO UPDATE SET times = times + 1;
    END;`)
  const insert = db.prepare('INSERT INTO customers VALUES (?, ?, ?)')
  db.transaction(() => {
    for (let id = 1; id <= rows; id++) insert.run(id, emailOf(id), phoneOf(id))
  })()
  db.close()
}

const emailOf = (id: number): string => `person${id}@example.org`
const phoneOf = (id: number): string | null => (id % 7 === 0 ? null : `+49 30 ${id}`)

/**
 * Seals, then rotates from key to key, and kills the process at random moments until it has died so many times; then lets it finish. After
 * a kill a plain run goes on, whatever the first one was for: what a compromise began stays one, and asking for one again may begin another.
 */
export async function killAndResume({ folder, kills, rows, reason, keys }: Campaign): Promise<CampaignResult> {
  createDatabase(folder, rows)
  let killed = 0
  let active = 0
  // How long a whole run takes here; a first guess, then measured.
  let longest = 1500
  let next = reason
  createKeyFile(join(folder, 'k0.key'))
  while (killed < kills) {
    const delay = Math.random() * longest
    const { died, milliseconds } = await runOnce([folder, String(active), next, keys], delay)
    next = died ? 'rotation' : reason
    if (died) {
      killed++
      continue
    }
    longest = Math.max(50, Math.min(longest, milliseconds * 1.2))
    createKeyFile(join(folder, `k${++active}.key`))
    if (keys === 'branch-keys' && reason === 'rotation') await renewBranchKeys(folder, active)
  }
  await runOnce([folder, String(active), next, keys], undefined)
  return { kills: killed, phases: active + 1 }
}

/** The branch keys of a folder, under its first keys up to this one. */
async function withBranchKeys<T>(folder: string, active: number, use: (keys: BranchKeys) => Promise<T>): Promise<T> {
  const store = sqliteBranchKeyStore(await openDatabase(join(folder, 'app.db')))
  const [newest, ...older] = Array.from({ length: active + 1 }, (_, i) => keyFile(join(folder, `k${active - i}.key`)))
  const keyring = createKeyring({ active: newest!, decryptOnly: older })
  return use(createBranchKeys({ keyring, store, partition: { by: 'column' } })).finally(() => store.close())
}

/** Else rotating the master key would leave the rows alone. */
async function renewBranchKeys(folder: string, active: number): Promise<void> {
  await withBranchKeys(folder, active, async (keys) => {
    for (const column of ['email', 'phone']) await keys.rotate(column)
  })
}

/** @param delay milliseconds from the run's beginning to SIGKILL; never where undefined */
async function runOnce(call: readonly string[], delay: number | undefined): Promise<{ died: boolean; milliseconds: number }> {
  const args = ['--conditions=@keyfold/source', '--disable-warning=ExperimentalWarning', CHILD, ...call]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let [output, complaints, started] = ['', '', performance.now()]
  let timer: NodeJS.Timeout | undefined
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaints += text))
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    if (output === '') {
      started = performance.now()
      if (delay !== undefined) timer = setTimeout(() => child.kill('SIGKILL'), delay)
    }
    output += text
  })
  const signal = await new Promise<NodeJS.Signals | null>((resolve, reject) =>
    child.on('error', reject).on('close', (_, by) => resolve(by)),
  )
  clearTimeout(timer)
  const finished = output.includes('done')
  if (!finished && signal !== 'SIGKILL') throw new Error(`a run ended by itself: ${output} ${complaints}`)
  return { died: !finished, milliseconds: performance.now() - started }
}

export interface Findings {
  readonly integrity: unknown
  /** Rows that are missing, do not open under the last key alone, or hold another value than at first. */
  readonly wrong: number
  /** How often the rows were updated: the least and the most of them. */
  readonly updates: readonly [least: number, most: number]
  /** Updates of all cells together. */
  readonly total: number
}

/** Opens every row with the last key alone. */
export async function examine({ folder, rows, keys }: Campaign, { phases }: CampaignResult): Promise<Findings> {
  const db = await openDatabase(join(folder, 'app.db'))
  const master = createKeyring({ active: keyFile(join(folder, `k${phases - 1}.key`)) })
  const branched = createBranchKeys({ keyring: master, store: sqliteBranchKeyStore(db), partition: { by: 'column' } })
  const keyring = keys === 'branch-keys' ? branched : master
  const table = sealedTable(db, { table: 'customers', id: 'id', columns: ['email', 'phone'], keyring })
  let wrong = 0
  for (let id = 1; id <= rows; id++) {
    const row = await table.get(id).catch(() => undefined)
    if (row?.['email'] !== emailOf(id) || row['phone'] !== phoneOf(id)) wrong++
  }
  db.close()
  const raw = new Sqlite(join(folder, 'app.db'), { readonly: true })
  const integrity = raw.pragma('integrity_check', { simple: true })
  const [least, most] = raw.prepare('SELECT min(times), max(times) FROM updates WHERE row % 7 <> 0').raw().get() as [number, number]
  const total = raw.prepare('SELECT sum(times) FROM updates').pluck().get() as number
  raw.close()
  return { integrity, wrong, updates: [least, most], total }
}
