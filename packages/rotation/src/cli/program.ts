import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { KeyfoldError } from '@keyfold/core'
import { isKeyfoldError } from '@keyfold/core'
import { Command, CommanderError } from 'commander'
import { addCommonOptions } from './command.ts'
import { addControl } from './commands/control.ts'
import { addInit } from './commands/init.ts'
import { addInspect } from './commands/inspect.ts'
import { addKeychain } from './commands/keychain.ts'
import { addKeys } from './commands/keys.ts'
import { addPlan } from './commands/plan.ts'
import { addRetire } from './commands/retire.ts'
import { addRollback } from './commands/rollback.ts'
import { addRun } from './commands/run.ts'
import { addStatus } from './commands/status.ts'
import { addVerify } from './commands/verify.ts'
import { EXIT, exitCodeOf } from './exit-codes.ts'
import { Output, surviveClosedPipes } from './output.ts'
import { refuseSecrets, usageError } from './usage.ts'

/** Runs one command line. Sets the exit code; never throws. */
export async function main(args: readonly string[]): Promise<void> {
  surviveClosedPipes()
  try {
    refuseSecrets(args)
    await program().parseAsync(args, { from: 'user' })
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return
    const known = error instanceof CommanderError ? fromCommander(error) : error
    new Output({ json: args.includes('--json'), debug: args.includes('--debug') }).error(known)
    process.exitCode = isKeyfoldError(known) ? exitCodeOf(known.code) : EXIT.error
  }
}

function program(): Command {
  const root = new Command('kms-rotate')
    .description('Rotates the master keys of sealed records.')
    .version(version(), '-V, --version', 'print the version')
    .helpCommand('help [command]', 'explain a command')
    .configureHelp({ showGlobalOptions: true })
    .addHelpText('after', EPILOGUE)
    .exitOverride()
    .configureOutput({ writeErr: () => undefined })
  addCommonOptions(root)
  const commands = [addInit, addKeys, addKeychain, addStatus, addPlan, addRun, addControl, addRollback, addVerify, addRetire, addInspect]
  for (const add of commands) add(root)
  return root
}

const EPILOGUE = `
A rotation, from beginning to end:
  kms-rotate keys create 2026q4       make the next key, and set it active in the config
  kms-rotate plan --out q4.json       what there is to do; writes nothing else
  kms-rotate run q4.json              do it; after an interruption the same command goes on
  kms-rotate verify --full            open every record
  kms-rotate retire key-file:2026q3   take the old key out of service

Exit codes: 0 done, 1 error, 2 something is left to do, 3 records were set aside, 4 damage found, 5 a key is overdue,
6 paused, or its time is over, 7 the key is still needed, 10 no config, 11 another run is under way, 12 a key cannot be used,
13 key service unavailable, 14 plan or policy refused, 64 wrong usage, 130 interrupted.`

function version(): string {
  const file = fileURLToPath(import.meta.resolve('@keyfold/rotation/package.json'))
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}

/** Commander's sentence is kept, its suggestion becomes the hint. */
function fromCommander({ code, message }: CommanderError): KeyfoldError {
  if (code === 'commander.help') return usageError('no command was named', 'kms-rotate --help lists the commands.')
  const [fact = '', suggestion] = message.replace(/^error: /, '').split('\n')
  const likely = suggestion?.replace(/^\(|\)$/g, '')
  return usageError(fact, `${likely === undefined ? '' : `${likely} `}Nothing was done. kms-rotate --help explains the commands.`)
}
