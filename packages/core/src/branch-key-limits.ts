import { KeyfoldError } from './errors.ts'

/** How long and how often a branch key is used. */
export interface BranchKeyLimits {
  /**
   * Milliseconds for which a branch key stays at hand, 1,000 to 86,400,000 (a day); 300,000 by default. So long it takes, at the most, until this
   * process notices that the master key was disabled, that the key was destroyed, or that there is a newer version. Time asleep does not count.
   */
  ttlMs?: number
  /** So many branch keys are at hand at most, 1 to 1,000,000; 1,000 by default. The one that was not used for the longest time makes room. */
  maxKeys?: number
  /** So many records seals one version in this process; then a new one is made. 1 to 2^48, by default 2^32. */
  maxUses?: number
  /** So old, in milliseconds, a version may be that seals; then a new one is made. From 60,000 on; by default 90 days. */
  maxAgeMs?: number
  /** Versions below this one do not open: one number for all, or by partition. 1 by default. */
  minimumVersion?: number | Readonly<Record<string, number>>
}

const DAY_MS = 86_400_000
const DEFAULTS: Required<BranchKeyLimits> = { ttlMs: 300_000, maxKeys: 1000, maxUses: 2 ** 32, maxAgeMs: 90 * DAY_MS, minimumVersion: 1 }

/** Least and most of each number. */
const RANGES = {
  ttlMs: [1000, DAY_MS],
  maxKeys: [1, 1_000_000],
  maxUses: [1, 2 ** 48],
  maxAgeMs: [60_000, 100 * 365 * DAY_MS],
} as const

/** @throws KeyfoldError ERR_ARGUMENT for a limit out of its range */
export function checkedLimits(options: BranchKeyLimits): Required<BranchKeyLimits> {
  const { minimumVersion = DEFAULTS.minimumVersion } = options
  const checked = { ...DEFAULTS, minimumVersion: typeof minimumVersion === 'object' ? { ...minimumVersion } : minimumVersion }
  for (const name of ['ttlMs', 'maxKeys', 'maxUses', 'maxAgeMs'] as const) {
    const [least, most] = RANGES[name]
    checked[name] = whole(options[name] ?? DEFAULTS[name], name, least, most)
  }
  const versions = typeof minimumVersion === 'object' ? Object.values(minimumVersion) : [minimumVersion]
  for (const version of versions) whole(version, 'minimumVersion', 1, 2 ** 31)
  return checked
}

function whole(value: number, name: string, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value
  throw new KeyfoldError('ERR_ARGUMENT', `${name} is a whole number from ${least} to ${most}`)
}
