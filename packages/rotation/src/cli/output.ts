import { isKeyfoldError } from '@keyfold/core'
import { rotationError } from '../errors.ts'
import { EXIT } from './exit-codes.ts'

/** The schema that every JSON document of the command names. */
const SCHEMA = 'kms-rotate/1'

/** Where a command writes: data on stdout, everything for people beside the data on stderr. */
export class Output {
  readonly json: boolean
  readonly #debug: boolean

  constructor(options: { json: boolean; debug: boolean }) {
    this.json = options.json
    this.#debug = options.debug
  }

  /** The data of a command: one JSON document with `--json`, else the text for people. */
  result(type: string, document: object, text: () => string): void {
    if (this.json) this.event(type, document)
    else write(process.stdout, `${clean(text())}\n`)
  }

  /** One line of JSON on stdout. */
  event(type: string, document: object): void {
    write(process.stdout, `${JSON.stringify({ schema: SCHEMA, message_type: type, ...document })}\n`)
  }

  /** A message for people, on stderr; none with `--json`. */
  message(text: string): void {
    if (!this.json) write(process.stderr, `${clean(text)}\n`)
  }

  /** An error: fact, hint and code on stderr; with `--json` one document, on stderr as well, so that stdout holds data alone. */
  error(error: unknown): void {
    const { code, fact, hint } = describe(error)
    if (this.json) write(process.stderr, `${JSON.stringify({ schema: SCHEMA, message_type: 'error', code, message: fact, hint })}\n`)
    else write(process.stderr, `${paint('error:')} ${clean(fact)}\n${hint === '' ? '' : `hint:  ${clean(hint)}\n`}code:  ${code}\n`)
    if (this.#debug && error instanceof Error) write(process.stderr, `${error.stack ?? ''}\n`)
  }
}

interface Description {
  readonly code: string
  readonly fact: string
  readonly hint: string
}

/** A foreign error's message is not shown without --debug: nobody has checked what values it quotes. */
function describe(error: unknown): Description {
  if (isKeyfoldError(error)) return { code: error.code, fact: error.message, hint: error.hint }
  const { code, syscall } = (error ?? {}) as NodeJS.ErrnoException
  const cause =
    typeof code === 'string' && /^[A-Z0-9_]+$/.test(code) ? ` (${code}${typeof syscall === 'string' ? ` in ${syscall}` : ''})` : ''
  return {
    code: 'ERR_UNEXPECTED',
    fact: `something failed that the command did not expect${cause}`,
    hint: 'Run it again with --debug for the details, and report it if it is a fault of Keyfold.',
  }
}

/** Control characters, and those that turn the direction of text: a name must not steer the terminal. Line ends and tabs stay. */
export function clean(text: string): string {
  return text.replace(/[^\P{Cc}\n\t]|[\u2028\u2029\u202A-\u202E\u2066-\u2069]/gu, '\uFFFD')
}

function paint(text: string): string {
  return wantsColour(process.stderr) ? `\u001B[1;31m${text}\u001B[0m` : text
}

function wantsColour(stream: NodeJS.WriteStream): boolean {
  return movesCursor(stream) && (process.env['NO_COLOR'] ?? '') === ''
}

/** Whether escape codes are understood: on a terminal only, and neither in CI nor where TERM says so. */
export function movesCursor(stream: NodeJS.WriteStream): boolean {
  return stream.isTTY === true && process.env['TERM'] !== 'dumb' && (process.env['CI'] ?? '') === ''
}

function write(stream: NodeJS.WriteStream, text: string): void {
  stream.write(text)
}

/**
 * Whoever reads our output may go away (`kms-rotate status | head -1`): the rest is dropped without an error, and a run goes on with its work, since
 * rows matter more than lines. Output that the system refuses (a full disk) is an error, told on stderr, and no command ends with 0 after it.
 * Where stderr itself fails, nobody is left to tell, and the exit code says what happened.
 */
export function surviveClosedPipes(): void {
  process.stderr.on('error', () => undefined)
  process.stdout.once('error', (error: NodeJS.ErrnoException) => {
    process.stdout.on('error', () => undefined)
    if (error.code === 'EPIPE') return
    const said = (flag: string): boolean => process.argv.includes(flag)
    new Output({ json: said('--json'), debug: said('--debug') }).error(rotationError('ERR_OUTPUT', `stdout cannot be written (${error.code})`))
    process.once('exit', () => (process.exitCode ||= EXIT.error))
  })
}
