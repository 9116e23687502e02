/**
 * What a sample without a bad record says of the whole. Of N records n are drawn without putting any back; were D of them bad, the chance to draw
 * none is C(N-D, n) / C(N, n) (hypergeometric). A D for which that chance is at most 1 - confidence is ruled out. The rule of three, 3/n at 95 %, is
 * what this comes to for large N and small n.
 */

/** ln of the chance that none of n drawn records is among the D bad ones of N. */
function lnMissed(total: number, bad: number, drawn: number): number {
  const [fewer, more] = bad < drawn ? [bad, drawn] : [drawn, bad]
  if (bad + drawn > total) return -Infinity
  let ln = 0
  for (let i = 0; i < fewer; i++) ln += Math.log1p(-more / (total - i))
  return ln
}

/** The least number for which a condition holds that, once it holds, goes on to hold; `to` where none below does. */
function least(from: number, to: number, holds: (value: number) => boolean): number {
  let [low, high] = [from, to]
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if (holds(middle)) high = middle
    else low = middle + 1
  }
  return low
}

/** How many of `total` records have to open so that, with this confidence, fewer than the share `margin` of them are bad. */
export function sampleSize(total: number, confidence: number, margin: number): number {
  const bad = Math.max(1, Math.ceil(total * margin))
  return least(0, total, (drawn) => lnMissed(total, bad, drawn) <= Math.log1p(-confidence))
}

/** When all of `drawn` records opened: fewer than so many of `total` are bad, with this confidence. 0 where all were drawn. */
export function fewerThan(total: number, drawn: number, confidence: number): number {
  if (drawn >= total) return 0
  return least(1, total, (bad) => lnMissed(total, bad, drawn) <= Math.log1p(-confidence))
}
