import { inspect as inspectEnvelope, LIMITS } from '@keyfold/core'
import type { Inspection } from '@keyfold/core'
import type { Command } from 'commander'
import { readCell } from '../cell.ts'
import type { Call } from '../command.ts'
import { callOf, finish } from '../command.ts'
import type { ExitCode } from '../exit-codes.ts'
import { EXIT } from '../exit-codes.ts'
import { readCapped, readStdin } from '../files.ts'
import { table } from '../table.ts'
import { usageError } from '../usage.ts'

interface Flags {
  readonly db?: string
  readonly table?: string
  readonly column?: string
  readonly id?: string
}

/** `inspect`: the public part of one envelope. Needs no key and no config. */
export function addInspect(program: Command): void {
  program
    .command('inspect')
    .description('show which keys an envelope needs; opens nothing, needs no key')
    .argument('[file]', 'a file with one envelope, as bytes or text; - for stdin')
    .option('--db <file>', 'read it from a SQLite database instead')
    .option('--table <name>', 'with --db: the table')
    .option('--column <name>', 'with --db: the column')
    .option('--id <value>', 'with --db: the primary key of the row')
    .action((file: string | undefined, flags: Flags, command: Command) => finish(inspect(file, flags, callOf(command))))
}

async function inspect(file: string | undefined, flags: Flags, { output }: Call): Promise<ExitCode> {
  const envelope = await envelopeFrom(file, flags)
  const found = inspectEnvelope(envelope)
  output.result('inspect', found, () => text(found))
  return EXIT.done
}

async function envelopeFrom(file: string | undefined, { db, table: name, column, id }: Flags): Promise<Uint8Array | string> {
  const given = [db, name, column, id].filter((flag) => flag !== undefined).length
  if (file !== undefined && given === 0)
    return fromBytes(file === '-' ? await readStdin(LIMITS.textBytes) : readCapped(file, LIMITS.textBytes))
  if (file === undefined && given === 4) return readCell({ db: db!, table: name!, column: column!, id: id! })
  const hint = 'Name a file (- for stdin), or all of --db FILE --table TABLE --column COLUMN --id ID.'
  throw usageError(given === 0 ? 'no envelope was named' : 'one envelope is named by a file or by four options', hint)
}

/** Text form where the file holds it, with or without a line end; else bytes, to the last one. */
function fromBytes(bytes: Uint8Array): Uint8Array | string {
  return Buffer.from(bytes.subarray(0, 4)).toString('latin1') === 'kf1.'
    ? Buffer.from(bytes)
        .toString('latin1')
        .replace(/\r?\n$/, '')
    : bytes
}

function text({ version, suite, entries, payloadBytes, totalBytes }: Inspection): string {
  const facts = table(
    ['WHAT', 'VALUE'],
    [
      ['format', `v${version}`],
      ['suite', `${suite.id} ${suite.name}`],
      ['payload', `${payloadBytes} bytes`],
      ['envelope', `${totalBytes} bytes`],
    ],
  )
  const keys = table(
    ['KEY', 'MATERIAL', 'WRAPPED BYTES'],
    entries.map(({ keyId, materialId, wrappedBytes }) => [keyId, /^0+$/.test(materialId) ? '-' : materialId, wrappedBytes]),
  )
  return `${facts}\n\n${keys}`
}
