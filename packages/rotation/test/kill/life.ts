import Sqlite from 'better-sqlite3'
import { Application } from './application.ts'
import { examine, integrity } from './examine.ts'
import type { Examined } from './examine.ts'
import type { Mode, Moments, Threads } from './moments.ts'
import { threadsIn } from './moments.ts'
import { createOldLedger } from './old-ledger.ts'
import { phaseOf, readLedger } from './phase.ts'
import type { Phase } from './phase.ts'
import type { Random } from './random.ts'
import type { Death, Moment, Program } from './victim.ts'
import { runVictim } from './victim.ts'
import { BRANCH_KEY_TTL_MS, createWorld, databaseOf, ledgerOf, makeActive, renewBranchKeys } from './world.ts'
import type { Journal, KeyKind } from './world.ts'

/** What one database is made of. */
export interface Variant {
  readonly kind: KeyKind
  readonly journal: Journal
  /** Whether a ledger of an older release is there already. */
  readonly oldLedger: boolean
}

export interface LifeOptions extends Variant {
  /** Its number in the campaign, from 0 on. */
  readonly index: number
  readonly program: Program
  readonly folder: string
  readonly rows: number
  readonly batch: number
  readonly random: Random
  readonly moments: Moments
  /** How many runs are to be killed over this database. */
  readonly kills: number
  /** Whether one more run may be killed, of all databases; asked before each. */
  readonly mayKill: () => boolean
  readonly onKill: (phase: Phase | 'retire', threads: Threads) => void
}

/** An invariant does not hold. */
export class BrokenInvariant extends Error {
  override readonly name = 'BrokenInvariant'
}

/** A database is sealed once and rotated this often, or until it had its kills. */
const MOST_CYCLES = 16
/** Into so many pieces kills cut a cycle, where the database gets more of them. */
const KILLS_IN_CYCLE = 25
/** A cycle that an application keeps from ending gets a quiet moment after so many runs. */
const RUNS_BESIDE_WRITER = 4
/** Phases in which a run did not come to its work yet. */
const BEFORE: ReadonlySet<Phase> = new Set<Phase>(['no ledger', 'before'])
const RETIRE_KILLS = 3
const RETIRE_KILL_MS = 1500

/** One database from its first sealing through rotations from key to key, the runs of which are killed. */
export class Life {
  readonly #options: LifeOptions
  readonly #db: Sqlite.Database
  readonly #application: Application
  #active = 0
  #kills = 0
  #again = 0

  constructor(options: LifeOptions) {
    const { folder, rows, journal, kind, program, random, oldLedger } = options
    this.#options = options
    createWorld(folder, rows, journal)
    if (oldLedger) createOldLedger(ledgerOf(folder))
    this.#db = new Sqlite(databaseOf(folder), { timeout: 20_000 })
    this.#application = new Application(program.options, folder, kind, rows, random.below(2 ** 31))
  }

  /** Seals, then rewraps and re-encrypts in turn until it had its kills; retires the last key but one; opens every cell under the last one alone. */
  async live(): Promise<Examined> {
    await this.#cycle(0, 'seal')
    for (let index = 1; index < MOST_CYCLES && this.#mayKill(); index++) await this.#cycle(index, index % 2 === 1 ? 'rewrap' : 'compromise')
    if (this.#active > 0) await this.#retire()
    await this.#settle()
    await this.#application.end()
    const { program, folder, kind, rows } = this.#options
    const examined = await examine(program, folder, kind, rows, this.#active, this.#application)
    this.#refuse(examined.faults)
    return examined
  }

  close(): void {
    this.#application.kill()
    this.#db.close()
  }

  #mayKill(): boolean {
    return this.#kills < this.#options.kills && this.#options.mayKill()
  }

  #killed(phase: Phase | 'retire', threads: Threads): void {
    this.#kills++
    this.#options.onKill(phase, threads)
  }

  async #cycle(index: number, mode: Mode): Promise<void> {
    const { folder, kind, moments } = this.#options
    const pieces = Math.max(1, Math.min(KILLS_IN_CYCLE, Math.ceil(this.#options.kills / 3)))
    this.#active = index
    makeActive(folder, index, kind)
    // Who opens records gets a key before anything is sealed under it.
    await this.#application.obey('hold')
    await this.#application.obey(`keys ${index}`)
    if (kind === 'branch-keys' && mode === 'rewrap') await renewBranchKeys(folder, index)
    this.#again = 0
    this.#db.exec('DELETE FROM writes; UPDATE again SET times = 0')
    await this.#application.obey('go')
    const begun = readLedger(ledgerOf(folder)).rotations
    const until = this.#kills + Math.ceil(1.5 * pieces)
    let [worked, afterDeath] = [0, false]
    for (let ended = 0; ; ) {
      const moment = this.#mayKill() && this.#kills < until ? moments.draw(mode, pieces, worked) : 'never'
      const threads = threadsIn(this.#options.index, index)
      const death = await this.#run(mode, begun, moment, threads)
      worked += moments.worked(death)
      this.#checkAgain(mode, afterDeath)
      afterDeath = death.died
      if (death.died) {
        const phase = phaseOf(folder, this.#db, begun)
        this.#killed(phase, threads)
        moments.learnDeath(moment, BEFORE.has(phase))
      } else {
        if (this.#ended(death) === 'done') break
        if (++ended < RUNS_BESIDE_WRITER) continue
        await this.#settle()
        break
      }
    }
    moments.learnWork(mode, worked)
    this.#refuse(integrity(folder))
  }

  /** As an operator would: the reason is named until the rotation stands in the ledger, and a plain run goes on after that. */
  async #run(mode: Mode, begun: number, moment: Moment, threads: Threads): Promise<Death> {
    const { program, folder, batch } = this.#options
    const reason = mode === 'compromise' && this.#rotations(begun) === begun ? ['--reason', 'compromise'] : []
    return runVictim(program, folder, ['run', '--json', '--batch', String(batch), '--threads', String(threads), ...reason], moment)
  }

  /** A ledger that was cut while it was made holds none yet. */
  #rotations(otherwise: number): number {
    try {
      return readLedger(ledgerOf(this.#options.folder)).rotations
    } catch {
      return otherwise
    }
  }

  /** A run that ended by itself is done, or something is left that the application or its connections keep from ending. */
  #ended(death: Death): 'done' | 'left' {
    const { code, stdout, stderr } = death
    if (code !== 0 && code !== 2) this.#refuse([`a run ended with ${code}: ${stdout} ${stderr}`])
    const report = JSON.parse(stdout.split('\n').at(-2)!) as { milliseconds: number; quarantined: { total: number } }
    if (report.quarantined.total > 0) this.#refuse([`a run set records aside: ${stdout}`])
    this.#options.moments.learnStart(death, report.milliseconds)
    return code === 0 ? 'done' : 'left'
  }

  /** With nobody writing, a run must end with nothing left to do. */
  async #settle(): Promise<void> {
    const { program, folder, kind } = this.#options
    await this.#application.obey('hold')
    if (kind === 'branch-keys') await new Promise((resolve) => setTimeout(resolve, BRANCH_KEY_TTL_MS))
    const death = await runVictim(program, folder, ['run', '--json'], 'never')
    if (this.#ended(death) !== 'done') this.#refuse([`beside an application that rests a run ends with work left: ${death.stdout}`])
  }

  /** A run writes no value that a run wrote before; in a compromise it may, those of one batch, where a kill cut that off from its checkpoint. */
  #checkAgain(mode: Mode, afterDeath: boolean): void {
    const now = this.#db.prepare('SELECT times FROM again').pluck().get() as number
    const allowed = mode === 'compromise' && afterDeath ? this.#options.batch : 0
    if (now - this.#again > allowed) this.#refuse([`${now - this.#again} cells were written a second time in a cycle of ${mode}, ${allowed} may be`])
    this.#again = now
  }

  async #retire(): Promise<void> {
    const { program, folder, random } = this.#options
    const args = ['retire', `key-file:k${this.#active - 1}`, '--json']
    for (let kills = 0; kills < RETIRE_KILLS && this.#mayKill(); kills++) {
      const { died, code, stderr } = await runVictim(program, folder, args, { milliseconds: 200 + random.next() * RETIRE_KILL_MS })
      if (died) this.#killed('retire', 1)
      else if (code !== 0) this.#refuse([`retire ended with ${code}: ${stderr}`])
    }
    const { code, stdout, stderr } = await runVictim(program, folder, args, 'never')
    if (code !== 0) this.#refuse([`retire ended with ${code}: ${stdout} ${stderr}`])
  }

  #refuse(faults: readonly string[]): void {
    if (faults.length > 0) throw new BrokenInvariant(faults.join('\n'))
  }
}
