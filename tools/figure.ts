/** Per cent, cut after one digit: what is below a bar never reads as if it held. */
export function percent(part: number, whole: number): number {
  return whole === 0 ? 0 : Math.floor((part * 1000) / whole) / 10
}

/** The last line of a figure with a bar: `coverage: core 98.1 % of lines (bar 97 %)`. */
export function figureLine(name: string, subject: string, share: number, of: string, bar: number): string {
  return `${name}: ${subject} ${share.toFixed(1)} % of ${of} (bar ${bar} %)`
}
