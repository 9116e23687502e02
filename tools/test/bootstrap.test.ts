import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, realpathSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryRoot, temporaryFolder } from '@keyfold/test-support'
import { beforeAll, describe, expect, test } from 'vitest'
import { digestOf, filesBelow } from '../bootstrap/paths.mjs'
import { isRightNode } from '../bootstrap/toolchain.mjs'

const bootstrap = join(repositoryRoot, 'tools/bootstrap.mjs')

interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

function start(args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
  return spawn(process.execPath, args, { env: { ...process.env, ...env } })
}

async function ended(child: ChildProcess, input = ''): Promise<Ended> {
  let stdout = ''
  let stderr = ''
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk))
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk))
  child.stdin?.end(input)
  const [code, signal] = await once(child, 'close') as [number | null, NodeJS.Signals | null]
  return { code, signal, stdout, stderr }
}

describe('a script under the bootstrap', () => {
  // a tree that was installed by hand is looked over once, and that is told on stderr
  beforeAll(async () => {
    await ended(start([bootstrap, '--node', '-e', '0']))
  })

  test('keeps its arguments, stdin, stdout, exit code and the folder of its caller', async () => {
    const folder = realpathSync(temporaryFolder())
    const script = `
      process.stdout.write(JSON.stringify([process.cwd(), ...process.argv.slice(1)]))
      process.stdin.pipe(process.stdout)
      process.exitCode = 7`
    const child = start([bootstrap, '--caller', '--node', '-e', script, '--', 'a b', '$HOME', ''], { INIT_CWD: folder })
    expect(await ended(child, ' from stdin')).toEqual({
      code: 7, signal: null, stdout: `${JSON.stringify([folder, 'a b', '$HOME', ''])} from stdin`, stderr: '',
    })
  })

  test('gets the SIGTERM and the SIGINT that the bootstrap gets, once', async () => {
    const script = `
      const seen = []
      for (const name of ['SIGINT', 'SIGTERM']) process.on(name, () => { seen.push(name); if (seen.length === 2) setTimeout(done, 300) })
      const done = () => { console.log(seen.join()); process.exit(130) }
      setTimeout(() => process.exit(9), 20_000)
      console.log('ready')`
    const child = start([bootstrap, '--node', '-e', script])
    child.stdout?.once('data', () => {
      child.kill('SIGINT')
      setTimeout(() => child.kill('SIGTERM'), 200)
    })
    const { code, stdout } = await ended(child)
    expect([code, stdout]).toEqual([130, 'ready\nSIGINT,SIGTERM\n'])
  })

  test('that a signal ends makes the bootstrap end by it too', async () => {
    expect((await ended(start([bootstrap, '--node', '-e', 'process.kill(process.pid, "SIGKILL")']))).signal).toBe('SIGKILL')
  })

  test('finds the right node, pnpm and the packages', async () => {
    const script = `
      const { execSync } = require('node:child_process')
      const run = (command) => execSync(command, { cwd: require('node:os').tmpdir() }).toString().trim()
      console.log(run('node --version') === process.version, run('pnpm --version'))`
    const pinned = (JSON.parse(readFileSync(join(repositoryRoot, 'package.json'), 'utf8')) as { packageManager: string }).packageManager
    expect((await ended(start([bootstrap, '--node', '-e', script]))).stdout).toBe(`true ${pinned.replace('pnpm@', '')}\n`)
  })
})

test('a bootstrap that is told nothing says so and ends with 1', async () => {
  const { code, stderr } = await ended(start([bootstrap]))
  expect(code).toBe(1)
  expect(stderr).toMatch(/^keyfold: .*\n {2}hint: /)
})

test.each([
  ['v20.20.2', false], ['v22.14.0', false], ['v22.18.0', true], ['v23.11.0', false], ['v24.10.0', false], ['v24.21.0', true], ['v26.0.0', true],
])('%s runs the scripts: %s', (version, right) => {
  expect(isRightNode(version)).toBe(right)
})

test('the digest of a folder sees a change, a rename and a new file', () => {
  const folder = temporaryFolder()
  const digest = (): string => digestOf(filesBelow(folder))
  const digests = [digest()]
  for (const [name, text] of [['a', 'one'], ['a', 'two'], ['b', 'two'], ['ab', '']] as const) {
    writeFileSync(join(folder, name), text)
    digests.push(digest())
  }
  expect(new Set(digests).size).toBe(5)
  utimesSync(join(folder, 'a'), 0, 0)
  expect(digest()).toBe(digests[4])
})

describe('the lock', () => {
  const holder = (file: string, counter: string): string => `
    import { readFileSync, writeFileSync } from 'node:fs'
    import { setTimeout } from 'node:timers/promises'
    import { withLock } from ${JSON.stringify(join(repositoryRoot, 'tools/bootstrap/lock.mjs'))}
    await withLock(async () => {
      const before = Number(readFileSync(${JSON.stringify(counter)}, 'utf8'))
      await setTimeout(50)
      writeFileSync(${JSON.stringify(counter)}, String(before + 1))
    }, ${JSON.stringify(file)}, 2_000)`

  test('lets one in at a time, and all in the end', async () => {
    const folder = temporaryFolder()
    const counter = join(folder, 'counter')
    writeFileSync(counter, '0')
    const script = holder(join(folder, 'lock'), counter)
    await Promise.all(Array.from({ length: 5 }, () => ended(start(['--input-type=module', '-e', script]))))
    expect(readFileSync(counter, 'utf8')).toBe('5')
  })

  test('of one that was killed is taken over, by one of those that wait', async () => {
    const folder = temporaryFolder()
    const [lock, counter] = [join(folder, 'lock'), join(folder, 'counter')]
    writeFileSync(counter, '0')
    writeFileSync(lock, '1\n')
    utimesSync(lock, 0, 0)
    await Promise.all(Array.from({ length: 3 }, () => ended(start(['--input-type=module', '-e', holder(lock, counter)]))))
    expect(readFileSync(counter, 'utf8')).toBe('3')
  })
})
