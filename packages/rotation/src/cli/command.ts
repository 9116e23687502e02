import type { Command } from 'commander'
import type { ExitCode } from './exit-codes.ts'
import { Output } from './output.ts'

/** The options that every command takes, before or after its name. */
interface CommonOptions {
  readonly config?: string
  readonly json?: boolean
  readonly debug?: boolean
}

/** What every command gets: where to write, and which config was named. */
export interface Call {
  readonly output: Output
  readonly config: string | undefined
}

export function addCommonOptions(program: Command): void {
  program
    .option('--config <file>', 'the config; else kms-rotate.config.ts or .json in this folder')
    .option('--json', 'JSON for programs: data on stdout, errors on stderr')
    .option('--debug', 'show where an error comes from')
}

/** For what changes the states of keys: who is written into the ledger's history. */
export function addByOption(command: Command): Command {
  return command.option('--by <name>', 'who does it, for the history in the ledger; the name of the user of this system by default')
}

export function callOf(command: Command): Call {
  const { json, debug, config } = command.optsWithGlobals<CommonOptions>()
  return { output: new Output({ json: json === true, debug: debug === true }), config }
}

/** Ends the process with the code of a command once everything is written. */
export async function finish(work: Promise<ExitCode>): Promise<void> {
  process.exitCode = await work
}
