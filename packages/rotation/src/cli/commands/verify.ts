import type { Command } from 'commander'
import { verify as verifyAll } from '../../index.ts'
import type { VerifyReport } from '../../index.ts'
import type { Call } from '../command.ts'
import { callOf, finish } from '../command.ts'
import type { ExitCode } from '../exit-codes.ts'
import { EXIT } from '../exit-codes.ts'
import { failedText } from '../failed-text.ts'
import { interruptible } from '../interrupt.ts'
import { progressView } from '../progress.ts'
import { withSession } from '../session.ts'
import { plural, table } from '../table.ts'

/** How many records of each column are opened without `--full`. */
const SAMPLE = 1000

/** `verify`: opens records and says which do not open. Changes nothing. */
export function addVerify(program: Command): void {
  program
    .command('verify')
    .description(`open ${SAMPLE} records of each column, or all of them; changes nothing`)
    .option('--full', 'open every record')
    .action(({ full }: { full?: true }, command: Command) => finish(verify(full === true, callOf(command))))
}

async function verify(full: boolean, { output, config }: Call): Promise<ExitCode> {
  const view = progressView(output, 'opened')
  const result = await withSession({ config, readonly: true }, async ({ keyring, stores, ledger }) =>
    interruptible(
      () => output.message('\nstopping'),
      async (signal) =>
        verifyAll({
          keyring,
          stores,
          ledger,
          full,
          sample: SAMPLE,
          signal,
          onProgress: (progress) => view.step({ ...progress, done: progress.opened + progress.failed }),
        }),
    ),
  ).finally(() => view.end())
  output.result('verify', result, () => text(result))
  output.message(`\n${notes(result)}`)
  return result.failed.total > 0 ? EXIT.integrity : EXIT.done
}

function text({ opened, failed, destroyed, census }: VerifyReport): string {
  return table(
    ['WHAT', 'RECORDS'],
    [
      ['opened', opened],
      ['do not open', failed.total],
      ...(destroyed === undefined || destroyed === 0 ? [] : [['destroyed with their branch key', destroyed] as const]),
      ['in plaintext', plaintextIn(census)],
    ],
  )
}

function plaintextIn(census: VerifyReport['census']): number {
  return census.reduce((sum, { plaintext }) => sum + plaintext, 0)
}

function notes({ failed, destroyed = 0, census, full }: VerifyReport): string {
  if (failed.total > 0) return `${failedText(failed)}\n\nrestore what is named here from a backup; until then no old key can be retired`
  const plaintext = plaintextIn(census)
  if (plaintext > 0) return `every sealed record opens; ${plural(plaintext, 'cell')} not sealed yet: kms-rotate run`
  const but = destroyed === 0 ? '' : ', but for those whose branch key was destroyed'
  return full ? `every record opens${but}` : `every record of the sample opens${but}; --full opens all of them`
}
