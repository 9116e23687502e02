/**
 * The mutants of one part. All of a large package's take longer than anybody waits for, and a random part of them has nearly the same score. Which
 * part a mutant belongs to is decided by a hash of what it is and where: the same code has the same parts on every machine, and a change of the
 * code deals them anew.
 */
import { createHash } from 'node:crypto'
import type { Mutant } from '@stryker-mutator/api/core'

export interface Part {
  /** 1 to `of` */
  readonly part: number
  readonly of: number
}

/** `2/4`; undefined for what is no part. */
export function parsePart(text: string): Part | undefined {
  const [part, of] = (/^([1-9]\d?)\/([1-9]\d?)$/.exec(text)?.slice(1) ?? []).map(Number)
  return part !== undefined && of !== undefined && part <= of ? { part, of } : undefined
}

/** @param mutant as in Stryker's results, whose lines count from 1 */
export function isOfPart({ part, of }: Part, mutant: Pick<Mutant, 'fileName' | 'location' | 'mutatorName' | 'replacement'>): boolean {
  const { fileName, location, mutatorName, replacement } = mutant
  // the folder differs from machine to machine
  const file = fileName.replaceAll('\\', '/').replace(/^.*\/packages\//, '')
  const { start, end } = location
  const name = JSON.stringify([file, start.line, start.column, end.line, end.column, mutatorName, replacement])
  return createHash('sha256').update(name).digest().readUInt32BE() % of === part - 1
}

/** What the 95 % interval of a share measured on `size` of `all` mutants is, in per cent up or down. */
export function uncertainty(share: number, size: number, all: number): number {
  if (size >= all) return 0
  const p = share / 100
  return 196 * Math.sqrt(((p * (1 - p)) / size) * ((all - size) / (all - 1)))
}
