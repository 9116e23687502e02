import { InvalidArgumentError, Option } from 'commander'
import type { Command } from 'commander'
import { status as statusOf } from '../../index.ts'
import type { StatusReport } from '../../index.ts'
import type { Call } from '../command.ts'
import { callOf, finish } from '../command.ts'
import type { ExitCode } from '../exit-codes.ts'
import { EXIT } from '../exit-codes.ts'
import { withSession } from '../session.ts'
import { nextSteps, statusText, unverifiedNote, warningsText } from '../status-text.ts'
import { usageError } from '../usage.ts'
import { watch } from '../watch.ts'

interface Flags {
  readonly check?: true
  readonly exitCode?: true
  readonly watch?: true
  readonly interval?: number
}

/** `status`: which key holds how many records, and what is left to do. Writes nothing, and needs no ledger. */
export function addStatus(program: Command): void {
  program
    .command('status')
    .description('count the records under each key; writes nothing')
    .option('--check', 'end with 5 when the active key is overdue, else with 2 when work is left')
    .addOption(new Option('--exit-code', 'an older name of --check').hideHelp())
    .option('--watch', 'count again and again, until Ctrl-C')
    .option('--interval <seconds>', 'how often --watch counts: 2 seconds on a terminal, 10 elsewhere', interval)
    .action((flags: Flags, command: Command) => finish(status(flags, callOf(command))))
}

function interval(text: string): number {
  const seconds = Number(text)
  if (!/^\d{1,5}(\.\d{1,3})?$/.test(text) || seconds < 0.1 || seconds > 86_400) {
    throw new InvalidArgumentError('It is a number of seconds from 0.1 to 86400.')
  }
  return seconds
}

async function status({ check, exitCode, watch: again, interval: seconds }: Flags, call: Call): Promise<ExitCode> {
  const asked = check === true || exitCode === true
  if (again === true) {
    if (asked) throw usageError('--check asks once, --watch goes on', 'Name one of them.')
    return watch(call, seconds)
  }
  if (seconds !== undefined) throw usageError('--interval goes with --watch', 'Name both, or neither.')
  return once(asked, call)
}

async function once(asked: boolean, { output, config }: Call): Promise<ExitCode> {
  const document = await withSession({ config, readonly: true }, async ({ keyring, stores, ledger, config: { policy } }) =>
    statusOf({ keyring, stores, ledger, cryptoperiodDays: policy.cryptoperiodDays }),
  )
  const { schema: _, message_type: type, ...rest } = document
  output.result(type, rest, () => statusText(document))
  for (const note of unverifiedNote(document.ledgerKey)) output.message(`\n${note}`)
  const next = nextSteps(document)
  const nothing = verdict(document, next.length > 0) === EXIT.pending ? '' : 'nothing to do: '
  output.message(`\n${[...warningsText(document), ...(next.length === 0 ? [`${nothing}every record is under the active key`] : next)].join('\n')}`)
  return asked ? verdict(document, next.length > 0) : EXIT.done
}

/** A key that is overdue comes first: work that is left may be an hour old, it is not. */
function verdict({ warnings = [] }: StatusReport, workLeft: boolean): ExitCode {
  const codes = new Set(warnings.map(({ code }) => code))
  if (codes.has('overdue')) return EXIT.overdue
  return workLeft || codes.has('start-unknown') ? EXIT.pending : EXIT.done
}
