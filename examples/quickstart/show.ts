import { createKeyring } from '@keyfold/core'
import { keyFile } from '@keyfold/core/key-file'
import { sealedTable } from '@keyfold/sqlite'
import BetterSqlite3 from 'better-sqlite3'
import { join } from 'node:path'
import type { Folder } from './folder.ts'
import type { Target } from './main.ts'

export function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

/** Shows the first row twice: as it lies in the file, and as an application reads it through `sealedTable`. */
export async function showStoredAndOpened(folder: Folder, { table, id, columns }: Target, key: string): Promise<void> {
  const db = new BetterSqlite3(folder.database, { readonly: true })
  try {
    const name = (text: string): string => `"${text.replaceAll('"', '""')}"`
    const stored = db
      .prepare(`SELECT ${name(id)} AS id, ${columns.map(name).join(', ')} FROM ${name(table)} ORDER BY ${name(id)} LIMIT 1`)
      .get() as Record<string, unknown> | undefined
    if (stored === undefined) return
    const keyring = createKeyring({ active: keyFile(join(folder.keys, `${key}.key`)) })
    const opened = (await sealedTable(db, { table, id, columns, keyring }).get(stored['id'] as string | number)) as Record<string, unknown>
    say(`\n   The first row of ${table}, as stored and as opened:`)
    for (const column of columns) say(`     ${column.padEnd(12)} ${short(stored[column]).padEnd(44)} ${short(opened[column])}`)
    say('')
  } finally {
    db.close()
  }
}

function short(value: unknown): string {
  const text = value instanceof Uint8Array ? `x'${Buffer.from(value).toString('hex')}'` : String(value)
  return text.length > 40 ? `${text.slice(0, 37)}…` : text
}
