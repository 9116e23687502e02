/** A name as an SQL identifier, whatever is in it. */
export function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** Whether two names are one to SQLite, which folds ASCII letters alone. */
export function sameName(a: string, b: string): boolean {
  return foldName(a) === foldName(b)
}

/** A name as SQLite compares it. */
export function foldName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
}

/** `; did you mean NAME?` where one of the candidates is close, else what there is to choose from. */
export function suggestion(name: string, candidates: readonly string[]): string {
  const best = nearest(name, candidates)
  if (best !== undefined) return `; did you mean ${best}?`
  const shown = candidates.slice(0, 12)
  return shown.length === 0 ? '' : ` (there are: ${shown.join(', ')}${candidates.length > shown.length ? ', …' : ''})`
}

/** The candidate with the fewest edits, if they are few for the name's length. */
function nearest(name: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined
  let fewest = Math.max(1, Math.floor(name.length / 3)) + 1
  for (const candidate of candidates) {
    const count = edits(foldName(name), foldName(candidate), fewest)
    if (count < fewest) [best, fewest] = [candidate, count]
  }
  return best
}

/** Levenshtein's distance, or `limit` where it is no less. */
function edits(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      row.push(Math.min(previous[j]! + 1, row[j - 1]! + 1, previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)))
    }
    previous = row
  }
  return Math.min(previous[b.length]!, limit)
}
