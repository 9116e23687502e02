/** A disk that is really full: a small file system in memory, filled but for a few pages. */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Program } from '../kill/victim.ts'
import { runVictim } from '../kill/victim.ts'
import { codeOf, integrityOf } from './fault.ts'
import { SCENES } from './scenes.ts'

export interface FullDisk {
  /** How the runs ended that found no room: the code of each, or its exit code where it has none. */
  readonly endings: readonly string[]
  readonly faults: readonly string[]
}

const DISK = '2m'
/** Bytes that are left to the command: from nothing to nearly enough. */
const ROOM = [0, 4096, 16_384, 40_960, 65_536, 131_072]

/** Runs each scene with so little room; then there is room, and the same command must complete. Undefined where nothing may be mounted here. */
export async function tryFullDisk(program: Program, scenes?: readonly string[]): Promise<FullDisk | undefined> {
  const base = mkdtempSync(join(tmpdir(), 'keyfold-full-'))
  const [disk, template] = [join(base, 'disk'), join(base, 'template')]
  const found = { endings: [] as string[], faults: [] as string[] }
  mkdirSync(disk)
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK}`, 'tmpfs', disk]).status !== 0) {
    rmSync(base, { recursive: true })
    return undefined
  }
  const unmount = (): void => {
    spawnSync('umount', [disk])
    rmSync(base, { recursive: true, force: true })
  }
  process.once('exit', unmount)
  try {
    for (const scene of SCENES.filter(({ name }) => scenes?.includes(name) ?? true)) {
      rmSync(template, { recursive: true, force: true })
      mkdirSync(template)
      await scene.prepare(program, template)
      for (const room of ROOM) {
        const folder = join(disk, 'work')
        cpSync(template, folder, { recursive: true })
        fill(join(disk, 'ballast'), disk, room)
        const inside = { ...program, env: { ...program.env, SQLITE_TMPDIR: folder } }
        const { code, stderr } = await runVictim(inside, folder, scene.args, 'never')
        const error = codeOf({ stderr })
        if (code !== 0) found.endings.push(error ?? String(code))
        const where = `${scene.name}, ${room} bytes left: `
        const typed = code === 0 || code === 2 || (code !== undefined && error !== undefined && error !== 'ERR_UNEXPECTED')
        if (!typed) found.faults.push(`${where}${code} ${stderr}`)
        rmSync(join(disk, 'ballast'))
        const again = code === 0 ? { code, stderr } : await runVictim(inside, folder, scene.args, 'never')
        if (again.code !== 0) found.faults.push(`${where}with room again it ends with ${again.code}: ${again.stderr}`)
        found.faults.push(...[...integrityOf(folder), ...(await scene.check(folder))].map((fault) => where + fault))
        rmSync(folder, { recursive: true })
      }
    }
    return found
  } finally {
    process.off('exit', unmount)
    unmount()
  }
}

function fill(ballast: string, disk: string, room: number): void {
  const { bavail, bsize } = statfsSync(disk)
  writeFileSync(ballast, Buffer.alloc(Math.max(0, bavail * bsize - room)))
}
