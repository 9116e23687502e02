import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BrokenInvariant, Life } from './life.ts'
import type { LifeOptions, Variant } from './life.ts'
import { Moments } from './moments.ts'
import type { Phase } from './phase.ts'
import { Random } from './random.ts'
import type { Program } from './victim.ts'
import { killAll, runVictim } from './victim.ts'

export interface CampaignOptions {
  readonly program: Program
  readonly kills: number
  /** Of each database. */
  readonly rows: number
  readonly batch: number
  readonly seed: number
  /** Databases that are worked on at once. */
  readonly lanes: number
  /** The share of runs that die as they make their n-th writing call, from 0 (which needs no strace) to 1. */
  readonly traced: number
  readonly onKill?: (kills: number) => void
}

export interface CampaignResult {
  readonly kills: number
  readonly phases: ReadonlyMap<Phase | 'retire', number>
  /** How many of the killed runs had a second thread for the database. */
  readonly onTwoThreads: number
  readonly databases: number
  /** Cells that were opened at the end, of all databases together. */
  readonly cells: number
  readonly acknowledged: number
}

/** A campaign that found a fault; the folder is kept. */
export class CampaignFailure extends Error {
  override readonly name = 'CampaignFailure'
}

const VARIANTS: readonly Variant[] = [
  { kind: 'keyring', journal: 'WAL', oldLedger: false },
  { kind: 'branch-keys', journal: 'DELETE', oldLedger: true },
  { kind: 'keyring', journal: 'DELETE', oldLedger: true },
  { kind: 'branch-keys', journal: 'WAL', oldLedger: false },
]
const KILLS_PER_DATABASE = 80

/** Kills runs over one database after the other, several at once, until so many were killed. */
export async function runCampaign(options: CampaignOptions): Promise<CampaignResult> {
  const campaign = new KillCampaign(options, await startupOf(options.program))
  const lanes = Array.from({ length: options.lanes }, (_, number) => campaign.lane(number))
  const settled = await Promise.allSettled(lanes)
  const failure = settled.find((lane) => lane.status === 'rejected')
  if (failure !== undefined) throw campaign.firstFailure ?? failure.reason
  return campaign
}

/** How long the command takes to begin. The first start fills Node's cache of compiled code, which those that are killed never write. */
async function startupOf(program: Program): Promise<number> {
  await runVictim(program, tmpdir(), ['--version'], 'never')
  return 1.5 * (await runVictim(program, tmpdir(), ['--version'], 'never')).milliseconds
}

class KillCampaign implements CampaignResult {
  readonly #options: CampaignOptions
  readonly #startup: number
  readonly #lives = new Set<Life>()
  readonly phases = new Map<Phase | 'retire', number>()
  #kept: string | undefined
  firstFailure: unknown
  kills = 0
  onTwoThreads = 0
  databases = 0
  cells = 0
  acknowledged = 0

  constructor(options: CampaignOptions, startup: number) {
    this.#options = options
    this.#startup = startup
  }

  async lane(number: number): Promise<void> {
    const { seed, rows, traced, kills } = this.#options
    const random = new Random(seed + number * 7919)
    const moments = new Moments(random, rows, traced, this.#startup)
    while (this.kills < kills && this.firstFailure === undefined) await this.#life(this.databases++, random, moments)
  }

  async #life(index: number, random: Random, moments: Moments): Promise<void> {
    const folder = mkdtempSync(join(tmpdir(), 'keyfold-kill-'))
    const variant = VARIANTS[index % VARIANTS.length]!
    const life = new Life({ ...this.#options, ...this.#share(), ...variant, index, folder, random, moments })
    this.#lives.add(life)
    try {
      const { cells, acknowledged } = await life.live()
      this.cells += cells
      this.acknowledged += acknowledged
    } catch (error) {
      this.#fail(error, folder, index)
      throw error
    } finally {
      this.#lives.delete(life)
      life.close()
      if (folder !== this.#kept) rmSync(folder, { recursive: true, force: true })
    }
  }

  #share(): Pick<LifeOptions, 'kills' | 'mayKill' | 'onKill'> {
    const { kills, lanes } = this.#options
    return {
      kills: Math.min(KILLS_PER_DATABASE, Math.ceil(kills / lanes)),
      mayKill: () => this.kills < kills,
      onKill: (phase, threads) => {
        this.kills++
        if (threads === 2) this.onTwoThreads++
        this.phases.set(phase, (this.phases.get(phase) ?? 0) + 1)
        this.#options.onKill?.(this.kills)
      },
    }
  }

  /** The first fault ends all lanes; what they say then is only that they were ended. */
  #fail(error: unknown, folder: string, index: number): void {
    if (this.firstFailure !== undefined) return
    this.#kept = folder
    const { seed } = this.#options
    const what = error instanceof BrokenInvariant ? error.message : String(error instanceof Error ? error.stack : error)
    this.firstFailure = new CampaignFailure(`${what}\ndatabase ${index + 1} of seed ${seed} is kept in ${folder}`)
    for (const life of this.#lives) life.close()
    killAll()
  }
}
