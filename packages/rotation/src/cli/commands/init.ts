import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { KeyfoldError } from '@keyfold/core'
import type { Command } from 'commander'
import type { KmsRotateConfig } from '../../config.ts'
import { parseConfig } from '../../parse-config.ts'
import type { Call } from '../command.ts'
import { callOf, finish } from '../command.ts'
import type { ExitCode } from '../exit-codes.ts'
import { EXIT } from '../exit-codes.ts'
import { writeNewWhole } from '../files.ts'
import { CONFIG_NAMES } from '../load-config.ts'
import { usageError } from '../usage.ts'

interface Flags {
  readonly db?: string
  readonly table?: string
  readonly id?: string
  readonly columns?: string
}

/** `init`: writes a config to begin with. */
export function addInit(program: Command): void {
  program
    .command('init')
    .description('write kms-rotate.config.json, and say what to do next')
    .option('--db <file>', 'the SQLite database')
    .option('--table <name>', 'the table with columns to seal')
    .option('--id <column>', 'its primary key; several columns with commas')
    .option('--columns <names>', 'the columns to seal, with commas')
    .action((flags: Flags, command: Command) => finish(init(flags, callOf(command))))
}

async function init(flags: Flags, { output, config }: Call): Promise<ExitCode> {
  const file = config ?? CONFIG_NAMES[1]
  if (!file.endsWith('.json')) throw usageError('init writes a .json config', 'Name a file that ends in .json, or leave --config out.')
  const key = quarter(new Date())
  const draft = draftOf(flags, key)
  parseConfig(draft, 'the config')
  refuseExisting(file)
  if (!writeNewWhole(file, `${JSON.stringify(draft, null, 2)}\n`)) throw exists(file)
  const next = nextSteps(file, key, flags.db === undefined)
  output.result('init', { config: file, next }, () => `wrote ${file}`)
  output.message(`\nnext:\n${next.map((step, i) => `  ${i + 1}. ${step}`).join('\n')}`)
  return EXIT.done
}

/** `2026q4`: keys are best named by when they came into use. */
function quarter(now: Date): string {
  return `${now.getUTCFullYear()}q${Math.floor(now.getUTCMonth() / 3) + 1}`
}

function draftOf({ db, table, id, columns }: Flags, key: string): KmsRotateConfig {
  const given = [db, table, id, columns].filter((flag) => flag !== undefined).length
  if (given !== 0 && given !== 4)
    throw usageError('--db, --table, --id and --columns go together', 'Name all four, or none for an example.')
  const ids = list(id ?? 'customer_id')
  return {
    ledger: './kms-rotate.ledger.db',
    keyring: { active: `key-file:./keys/${key}.key`, decryptOnly: [] },
    stores: [
      {
        type: 'sqlite',
        path: db ?? './app.db',
        tables: [{ table: table ?? 'customers', id: ids.length === 1 ? ids[0]! : ids, columns: list(columns ?? 'email,phone') }],
      },
    ],
  }
}

function list(text: string): string[] {
  return text.split(',').map((name) => name.trim())
}

function refuseExisting(file: string): void {
  const found = [file, ...CONFIG_NAMES.map((name) => join(dirname(file), name))].find((name) => existsSync(name))
  if (found !== undefined) throw exists(found)
}

function exists(file: string): KeyfoldError {
  return new KeyfoldError('ERR_CONFIG_EXISTS', `${file} is there already`, {
    hint: 'It was left as it is. Edit it, or move it away first.',
  })
}

function nextSteps(file: string, key: string, isExample: boolean): string[] {
  return [
    ...(isExample ? [`edit ${file}: the database, its table, the id and the columns to seal`] : []),
    `kms-rotate keys create ${key}`,
    'kms-rotate status',
    'kms-rotate plan --out plan.json',
    'kms-rotate run plan.json',
  ]
}
