/**
 * npm run quickstart [-- --db FILE --table T --id ID --columns a,b]
 *
 * Seals a database, rotates its master key and retires the old one, with the very commands that one would type by hand. Works on sample data, or on a
 * copy of a database of one's own, which is only read.
 */
import { parseArgs } from 'node:util'
import { KeyfoldError } from '@keyfold/core'
import { copyDatabase, openOriginal } from './copy-database.ts'
import { Cli } from './cli.ts'
import { prepareFolder, writeConfig } from './folder.ts'
import { makeSampleDatabase } from './sample-database.ts'
import { say, showStoredAndOpened } from './show.ts'

/** What to seal. */
export interface Target {
  table: string
  id: string
  columns: string[]
}

const SAMPLE: Target = { table: 'customers', id: 'customer_id', columns: ['name', 'email', 'phone', 'birth_date', 'notes'] }

function options(): { db?: string; target: Target } {
  const text = { type: 'string' } as const
  const { values } = parseArgs({ options: { db: text, table: text, id: text, columns: text }, strict: true })
  if (Object.keys(values).length === 0) return { target: SAMPLE }
  const { db, table, id, columns } = values
  if (db === undefined || table === undefined || id === undefined || columns === undefined) {
    throw new KeyfoldError('ERR_USAGE', 'a database of your own needs --db, --table, --id and --columns', {
      hint: 'npm run quickstart -- --db app.db --table users --id user_id --columns email,phone',
    })
  }
  return { db, target: { table, id, columns: columns.split(',') } }
}

async function main(): Promise<void> {
  const started = Date.now()
  const { db, target } = options()
  const original = db === undefined ? undefined : openOriginal(db)
  const folder = prepareFolder()
  const cli = new Cli(folder)

  say('1. A database')
  if (original === undefined) makeSampleDatabase(folder.database)
  else await copyDatabase(original, folder.database)
  say(original === undefined ? '   10,000 made-up customers.' : '   A copy of yours, made by the online backup API. The original is only read.')

  say('\n2. A master key, and everything sealed under it')
  cli.run('keys', 'create', '2026q3', '--out', folder.keys)
  writeConfig(folder, target, '2026q3')
  cli.run('plan', '--out', folder.plan)
  cli.run('run', folder.plan)
  await showStoredAndOpened(folder, target, '2026q3')

  say('3. A quarter later: the next key, and every record moved to it')
  cli.run('keys', 'create', '2026q4', '--out', folder.keys)
  writeConfig(folder, target, '2026q4', '2026q3')
  cli.run('run')
  cli.run('verify', '--full')

  say('\n4. The old key is retired: no record needs it any more')
  cli.run('retire', 'key-file:2026q3')
  cli.run('status')
  await showStoredAndOpened(folder, target, '2026q4')
  say(folder.summary(Math.round((Date.now() - started) / 1000)))
}

try {
  await main()
} catch (error) {
  const { message, hint = 'npm run quickstart -- --db FILE --table T --id ID --columns a,b' } = error as Partial<KeyfoldError>
  process.stderr.write(`quickstart: ${message}\n  hint: ${hint}\n`)
  process.exitCode = 1
}
