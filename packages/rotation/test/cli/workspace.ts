import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createKeyFile } from '@keyfold/core/key-file'
import { temporaryFolder } from '@keyfold/test-support'
import Database from 'better-sqlite3'

/** A folder with a database of customers, two keys and a config, as somebody would have it who begins. */
export interface Workspace {
  readonly folder: string
  configure(change: (config: WorkspaceConfig) => void): void
  /** Every file with its bytes: what must not change where nothing may be written. */
  snapshot(): Record<string, string>
  sql(statement: string): unknown[]
}

export interface WorkspaceConfig {
  ledger: string
  keyring: { active: string; decryptOnly: string[] }
  stores: { type: string; path: string; tables: { table: string; id: string; columns: string[] }[] }[]
  policy?: object
  awsKms?: object
  branchKeys?: object
}

export function workspace(rows = 20): Workspace {
  const folder = temporaryFolder()
  fill(join(folder, 'app.db'), rows)
  createKeyFile(join(folder, 'first.key'))
  createKeyFile(join(folder, 'second.key'))
  const config: WorkspaceConfig = {
    ledger: './ledger.db',
    keyring: { active: 'key-file:./first.key', decryptOnly: [] },
    stores: [{ type: 'sqlite', path: './app.db', tables: [{ table: 'customers', id: 'customer_id', columns: ['email', 'phone'] }] }],
  }
  const write = (): void => writeFileSync(join(folder, 'kms-rotate.config.json'), JSON.stringify(config))
  write()
  return {
    folder,
    configure: (change) => {
      change(config)
      write()
    },
    snapshot: () => Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name)).toString('base64')])),
    sql: (statement) => sql(join(folder, 'app.db'), statement),
  }
}

/** Makes a table of customers. Every tenth has no phone. */
export function fill(file: string, rows: number): void {
  const db = new Database(file)
  db.exec('CREATE TABLE customers (customer_id INTEGER PRIMARY KEY, name TEXT, email TEXT, phone TEXT)')
  const insert = db.prepare('INSERT INTO customers VALUES (?, ?, ?, ?)')
  const all = db.transaction(() => {
    for (let i = 1; i <= rows; i++) insert.run(i, `Name ${i}`, `person${i}@example.org`, i % 10 === 0 ? null : `+44 20 ${7_000_000 + i}`)
  })
  all()
  db.close()
}

export function sql(file: string, statement: string): unknown[] {
  const db = new Database(file)
  try {
    const prepared = db.prepare(statement)
    return prepared.reader ? prepared.all() : [prepared.run().changes]
  } finally {
    db.close()
  }
}
