import { mkdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { toolsFolder } from './paths.mjs'

const BEAT_MS = 1_000
// A holder touches its lock every second. One that was killed is known by a lock that nobody has touched for this long;
// a process id would not do, since two containers may share one tree.
const STALE_MS = 15_000

/** @param {string} file */
function tryLock(file) {
  try {
    writeFileSync(file, `${process.pid}\n`, { flag: 'wx' })
    return true
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error
    return false
  }
}

/**
 * Moves an abandoned lock aside: of several waiters only one can rename it, and gives back what turns out to be a new one.
 * @param {string} file @param {number} staleMs
 */
function clearStaleLock(file, staleMs) {
  const isStale = (/** @type {string} */ path) => Date.now() - statSync(path).mtimeMs >= staleMs
  const aside = `${file}-${process.pid}-stale`
  try {
    if (!isStale(file)) return
    renameSync(file, aside)
    if (isStale(aside)) rmSync(aside)
    else renameSync(aside, file)
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error
  }
}

/** @param {unknown} error @param {string} code */
function hasCode(error, code) {
  return error instanceof Error && 'code' in error && error.code === code
}

/** @param {string} file */
function beat(file) {
  try {
    const now = new Date()
    utimesSync(file, now, now)
  } catch {
    // the folder was deleted under us; the work itself will tell
  }
}

/**
 * Only one root script at a time installs and builds; the others wait, and then find it done.
 * @param {() => Promise<void>} work @param {string} [file] @param {number} [staleMs]
 */
export async function withLock(work, file = join(toolsFolder, 'lock'), staleMs = STALE_MS) {
  mkdirSync(dirname(file), { recursive: true })
  for (let waited = false; !tryLock(file); waited = true) {
    if (!waited) process.stderr.write('keyfold: waiting for another root script that installs or builds\n')
    await sleep(200)
    clearStaleLock(file, staleMs)
  }
  const heart = setInterval(beat, BEAT_MS, file)
  try {
    await work()
  } finally {
    clearInterval(heart)
    rmSync(file, { force: true })
  }
}
