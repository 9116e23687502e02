/** One cell: a count is set to the right and grouped by thousands, all else to the left. */
export type Cell = string | number

/**
 * Lines up a table in plain text, two spaces between columns.
 *
 * @param head the names of the columns
 */
export function table(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const right = head.map((_, i) => rows.length > 0 && rows.every((row) => typeof row[i] === 'number'))
  const texts = [head.map(String), ...rows.map((row) => row.map(cellText))]
  const widths = head.map((_, i) => Math.max(...texts.map((row) => width(row[i] ?? ''))))
  return texts
    .map((row) =>
      row
        .map((cell, i) => pad(cell, widths[i]!, right[i]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

function cellText(cell: Cell): string {
  return typeof cell === 'number' ? count(cell) : cell.replace(/[\r\n\t]/g, '\uFFFD')
}

/** `20,000`, the same in every locale. */
export function count(value: number): string {
  return value.toLocaleString('en-US')
}

/** `1 record`, `20,000 records`. */
export function plural(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`
}

function width(text: string): number {
  return Array.from(text).length
}

function pad(text: string, to: number, right: boolean): string {
  const space = ' '.repeat(Math.max(0, to - width(text)))
  return right ? space + text : text + space
}
