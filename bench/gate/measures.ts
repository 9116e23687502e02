/**
 * The works whose speed the gate watches. Each is made from the modules of one checkout, which are loaded by their path: two checkouts stand in one
 * process side by side.
 */
import { createRequire } from 'node:module'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type * as Core from '@keyfold/core'
import type * as RawKey from '@keyfold/core/raw-key'
import type * as Sqlite from '@keyfold/sqlite'
import type BetterSqlite3 from 'better-sqlite3'
import type { Work } from '../interleave.ts'
import { drained, piecesOf } from '../suites/stream-pieces.ts'

/** The modules of one checkout. */
interface Modules {
  readonly core: typeof Core
  readonly rawKey: typeof RawKey
  readonly sqlite: typeof Sqlite
}

export async function modulesOf(root: string): Promise<Modules> {
  const load = (path: string): Promise<unknown> => import(pathToFileURL(join(root, 'packages', path)).href)
  const [core, rawKey, sqlite] = await Promise.all(['core/src/index.ts', 'core/src/wrappers/raw-key.ts', 'sqlite/src/index.ts'].map(load))
  return { core, rawKey, sqlite } as Modules
}

const CONTEXT = { table: 'users', column: 'ssn', id: '42' }
const KEYS = [randomBytes(32), randomBytes(32)] as const
const BATCH = 512
const STREAM_BYTES = 2 ** 22
const ROWS = 200

/** The six, by their names. */
export const MEASURES: Readonly<Record<string, (modules: Modules) => Work>> = {
  'seal 256 B': ({ core, rawKey }) => {
    const [keyring, payload] = [keyringOf(core, rawKey), randomBytes(256)]
    return () => core.sealSync(keyring, payload, CONTEXT)
  },
  'open 256 B': ({ core, rawKey }) => {
    const keyring = keyringOf(core, rawKey)
    const envelope = core.sealSync(keyring, randomBytes(256), CONTEXT)
    return () => core.openSync(keyring, envelope, CONTEXT)
  },
  'seal and open 64 KiB': ({ core, rawKey }) => {
    const [keyring, payload] = [keyringOf(core, rawKey), randomBytes(65_536)]
    return () => core.openSync(keyring, core.sealSync(keyring, payload, CONTEXT), CONTEXT)
  },
  [`rewrap ${BATCH} records at once`]: ({ core, rawKey }) => {
    const [a, b] = wrappers(rawKey)
    const plain = Array.from({ length: BATCH }, () => ({ plaintext: randomBytes(256), context: CONTEXT }))
    const sealed = core.sealManySync(core.createKeyring({ active: a }), plain).map((envelope) => ({ envelope, context: CONTEXT }))
    const next = core.createKeyring({ active: b, decryptOnly: [a] })
    return () => core.rewrapManySync(next, sealed)
  },
  'seal and open a stream of 4 MiB': ({ core, rawKey }) => {
    const keyring = keyringOf(core, rawKey)
    const pieces = Array.from({ length: 4 }, () => new Uint8Array(randomBytes(STREAM_BYTES / 4)))
    return () => drained(piecesOf(pieces).pipeThrough(core.sealStream(keyring, CONTEXT)).pipeThrough(core.openStream(keyring, CONTEXT)))
  },
  [`write and read ${ROWS} rows with a sealed column`]: ({ core, rawKey, sqlite }) => {
    // the same build of SQLite for both sides
    const Database = createRequire(import.meta.url)('better-sqlite3') as typeof BetterSqlite3
    const db = new Database(':memory:')
    db.exec('CREATE TABLE records (id INTEGER PRIMARY KEY, payload BLOB)')
    const table = sqlite.sealedTable(db, { table: 'records', id: 'id', columns: ['payload'], keyring: keyringOf(core, rawKey) })
    const payload = randomBytes(256)
    return () => {
      for (let id = 1; id <= ROWS; id++) table.putSync(id, { payload })
      table.allSync()
    }
  },
}

function wrappers({ insecureRawKey }: Modules['rawKey']): [Core.SyncKeyWrapper, Core.SyncKeyWrapper] {
  return [insecureRawKey('a', KEYS[0]), insecureRawKey('b', KEYS[1])]
}

function keyringOf({ createKeyring }: Modules['core'], rawKey: Modules['rawKey']) {
  return createKeyring({ active: wrappers(rawKey)[0] })
}
