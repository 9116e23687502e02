import { clean } from './output.ts'

const HIDE_CURSOR = '\u001B[?25l'
const SHOW_CURSOR = '\u001B[?25h'
const CLEAR_BELOW = '\u001B[0J'
const GREEN = '\u001B[32m'
const YELLOW = '\u001B[33m'
const DIM = '\u001B[2m'
const PLAIN = '\u001B[0m'

/** A few lines of a terminal that are drawn again in their place. */
export class Screen {
  readonly #stream: NodeJS.WriteStream
  readonly #coloured = (process.env['NO_COLOR'] ?? '') === ''
  #lines = 0

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream
  }

  /** Draws over what was drawn before. What is too wide or too long is cut: a line that wraps could not be found again. */
  show(text: string): void {
    // a terminal that nobody told its size says 0
    const [columns, rows] = [this.#stream.columns || 80, this.#stream.rows || 24]
    const all = clean(text).split('\n')
    const lines = all.length < rows ? all : [...all.slice(0, Math.max(1, rows - 2)), `… ${all.length - rows + 2} more lines`]
    const drawn = lines.map((line) => this.#paint(Array.from(line).slice(0, columns - 1).join('')))
    this.#stream.write(`${HIDE_CURSOR}${this.#lines === 0 ? '' : `\u001B[${this.#lines}A\r`}${CLEAR_BELOW}${drawn.join('\n')}\n`)
    this.#lines = drawn.length
  }

  /** Leaves the last drawing on the screen. */
  end(): void {
    this.#stream.write(SHOW_CURSOR)
  }

  #paint(line: string): string {
    if (!this.#coloured) return line
    if (/^warning/i.test(line)) return `${YELLOW}${line}${PLAIN}`
    if (/^[A-Z ]+$/.test(line.trimEnd())) return `${DIM}${line}${PLAIN}`
    return line.replace(/[█▉▊▋▌▍▎▏]+/g, (bar) => `${GREEN}${bar}${PLAIN}`)
  }
}
