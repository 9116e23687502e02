/** Values of 50 MB: what a process needs for them, as the system counts it. */
import type { ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { requireOrSkip } from '@keyfold/test-support'
import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { kmsRotate } from './process.ts'
import { workspace } from './workspace.ts'

const MIB = 2 ** 20
/** Twice their bytes is more than the bound: a run that keeps what it has dealt with is noticed. */
const VALUES = 12

/** The largest memory that a process had so far, in bytes, asked while it runs. */
function watch(child: ChildProcess): () => number {
  let most = 0
  const look = (): void => {
    try {
      most = Math.max(most, 1024 * Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1] ?? 0))
    } catch {
      // It ended.
    }
  }
  const timer = setInterval(look, 10)
  child.on('close', () => clearInterval(timer))
  return () => most
}

test('abuse 40: twelve values of 50 MB in one column are sealed, planned for, rotated and opened in memory for a few of them', async (context) => {
  requireOrSkip(context, process.platform === 'linux', 'memory is read from /proc')
  const { folder, configure } = workspace(0)
  const db = new Database(join(folder, 'app.db'))
  const insert = db.prepare('INSERT INTO customers VALUES (?, ?, ?, ?)')
  for (let id = 1; id <= VALUES; id++) insert.run(id, null, Buffer.alloc(50 * MIB, id), null)
  db.close()
  const peaks: number[] = []
  const run = async (...args: string[]): Promise<void> => {
    let most = (): number => 0
    const { code, stderr } = await kmsRotate(folder, args, { onStart: (child) => (most = watch(child)) })
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' })
    peaks.push(Math.round(most() / MIB))
  }
  await run('run')
  configure(({ keyring }) => Object.assign(keyring, { active: 'key-file:./second.key', decryptOnly: ['key-file:./first.key'] }))
  await run('plan', '--reason', 'compromise')
  await run('run')
  await run('verify', '--full')
  await run('retire', 'key-file:first')
  console.log(`peak memory ${peaks.join(', ')} MiB`)
  expect(Math.max(...peaks)).toBeLessThan(1600)
  // who only opens needs one value at a time, sealed and open
  expect(Math.max(...peaks.slice(3))).toBeLessThan(1000)
})
