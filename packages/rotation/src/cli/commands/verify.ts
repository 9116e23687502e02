import { InvalidArgumentError } from 'commander'
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
import { unverifiedNote } from '../status-text.ts'
import { plural, table } from '../table.ts'
import { usageError } from '../usage.ts'

interface Flags {
  readonly full?: true
  readonly sample?: number
  readonly confidence?: number
  readonly margin?: number
  readonly seed?: string
}

/** `verify`: opens records and says which do not open. Changes nothing. */
export function addVerify(program: Command): void {
  program
    .command('verify')
    .description('open a sample of the records, or all of them; changes nothing')
    .option('--full', 'open every record')
    .option('--sample <records>', 'open about so many of each column; 1000 where nothing is said', records)
    .option('--margin <share>', 'open as many as it takes to say that fewer than this share is bad, such as 0.01', share)
    .option('--confidence <share>', 'how sure that is; 0.99 where nothing is said', share)
    .option('--seed <text>', 'picks the sample; the same seed picks the same records')
    .action((flags: Flags, command: Command) => finish(verify(flags, callOf(command))))
}

function records(text: string): number {
  if (!/^[1-9]\d{0,11}$/.test(text)) throw new InvalidArgumentError('It is a whole number from 1.')
  return Number(text)
}

function share(text: string): number {
  const value = Number(text)
  if (!/^0\.\d{1,9}$/.test(text) || value === 0) throw new InvalidArgumentError('It is a number above 0 and below 1, such as 0.99.')
  return value
}

function refuseContradictions({ full, sample, margin, confidence, seed }: Flags): void {
  if (full === true && [sample, margin, confidence, seed].some((flag) => flag !== undefined))
    throw usageError('--full opens every record: there is no sample to choose', 'Leave --full out, or the flags of the sample.')
  if (sample !== undefined && margin !== undefined)
    throw usageError('--margin says how large the sample is, and so does --sample', 'Leave one of them out.')
  if (seed !== undefined && (seed === '' || seed.length > 200)) throw usageError('--seed has 1 to 200 characters', 'Name a shorter one.')
}

async function verify(flags: Flags, { output, config }: Call): Promise<ExitCode> {
  refuseContradictions(flags)
  const view = progressView(output, 'opened')
  const result = await withSession({ config, readonly: true }, async ({ keyring, stores, ledger }) =>
    interruptible(
      () => output.message('\nstopping'),
      async (signal) =>
        verifyAll({
          ...flags,
          keyring,
          stores,
          ledger,
          signal,
          onProgress: (progress) => view.step({ ...progress, done: progress.opened + progress.failed }),
        }),
    ),
  ).finally(() => view.end())
  output.result('verify', result, () => resultText(result))
  output.message(`\n${[...unverifiedNote(result.ledgerKey), notes(result)].join('\n')}`)
  return result.failed.total > 0 ? EXIT.integrity : EXIT.done
}

function resultText({ opened, failed, destroyed, census }: VerifyReport): string {
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

function notes(report: VerifyReport): string {
  const { failed, destroyed = 0, census, full } = report
  if (failed.total > 0) {
    return `${failedText(failed)}${sampleText(report)}\n\nrestore what is named here from a backup; until then no old key can be retired`
  }
  const plaintext = plaintextIn(census)
  const but = destroyed === 0 ? '' : ', but for those whose branch key was destroyed'
  const opens = full ? `every record opens${but}` : `every record of the sample opens${but}${sampleText(report)}`
  return plaintext > 0 ? `${opens}\n${plural(plaintext, 'cell')} not sealed yet: kms-rotate run` : opens
}

/** What a sample says, and how it is taken again. */
function sampleText({ seed, confidence, ruledOutPerMillion }: VerifyReport): string {
  if (seed === null || confidence === null) return ''
  if (ruledOutPerMillion === null) return `\n\nthis was a sample (--seed ${seed}): more may be bad, kms-rotate verify --full opens all`
  if (ruledOutPerMillion === 0) return ', and the sample is all of them'
  const sure = Number((confidence * 100).toPrecision(7))
  const says = `: with ${sure} % confidence fewer than ${percent(ruledOutPerMillion)} of the records of any column are bad`
  return `${says}\n--seed ${seed} opens the same again; --full opens all of them`
}

/** Rounded up to two digits: what is ruled out must not look larger than it is. */
function percent(perMillion: number): string {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(perMillion)) - 1)
  return `${Number(((Math.ceil(perMillion / unit) * unit) / 10_000).toPrecision(7))} %`
}
