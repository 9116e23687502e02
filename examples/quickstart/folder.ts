import { mkdirSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import type { Target } from './main.ts'

/** Where one quickstart keeps its files. */
export interface Folder {
  readonly path: string
  readonly database: string
  readonly keys: string
  readonly config: string
  readonly plan: string
  summary(seconds: number): string
}

/** Makes a fresh folder: an earlier quickstart's database and keys stay where they are. */
export function prepareFolder(): Folder {
  const parent = join(import.meta.dirname, '..', '..', 'quickstart-out')
  mkdirSync(parent, { recursive: true })
  for (let run = 1; ; run++) {
    const path = join(parent, String(run))
    try {
      mkdirSync(path, { mode: 0o700 })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') continue
      throw error
    }
    mkdirSync(join(path, 'keys'), { mode: 0o700 })
    return folderAt(path)
  }
}

function folderAt(path: string): Folder {
  const shown = relative(process.cwd(), path) || '.'
  return {
    path,
    database: join(path, 'app.db'),
    keys: join(path, 'keys'),
    config: join(path, 'kms-rotate.config.json'),
    plan: join(path, 'plan.json'),
    summary: (seconds) =>
      [
        `Done in ${seconds} s. Everything lies in ${shown}:`,
        '   app.db                  the database, sealed',
        '   keys/                   the two master keys, readable by you alone',
        '   kms-rotate.config.json  what is sealed, and under which key',
        '   kms-rotate.ledger.db    the record of what was done',
        `Go on by hand: npm run -s kms-rotate -- status --config ${join(shown, 'kms-rotate.config.json')}`,
      ].join('\n'),
  }
}

/** Writes the configuration that an operator would edit for each quarter. */
export function writeConfig(folder: Folder, { table, id, columns }: Target, active: string, ...decryptOnly: string[]): void {
  const uri = (name: string): string => `key-file:./keys/${name}.key`
  const config = {
    ledger: './kms-rotate.ledger.db',
    keyring: { active: uri(active), decryptOnly: decryptOnly.map(uri) },
    stores: [{ type: 'sqlite', path: './app.db', tables: [{ table, id, columns }] }],
    policy: { cryptoperiodDays: 90 },
  }
  writeFileSync(folder.config, `${JSON.stringify(config, null, 2)}\n`)
}
